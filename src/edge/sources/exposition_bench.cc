// Nanoseconds per sample on the pages of 200 vLLM replicas (457 samples each). `vllm_preset` is what a scrape does:
// the preset's names read into findings; `all_names` keeps every sample of the page. VictoriaMetrics' parser takes
// 93 ns a sample on pages of this shape, Prometheus' own 337 (docs/performance has the machine).
#include <benchmark/benchmark.h>

#include <set>

#include "edge/sources/exposition.h"
#include "edge/sources/page_reader.h"
#include "edge/sources/testing/vllm_page.h"

namespace tidegate {
namespace {

constexpr int replicas = 200;

std::vector<std::string> pages() {
  std::vector<std::string> made;
  for (int i = 0; i < replicas; ++i) made.push_back(vllm_page({.running = double(i), .finished = 1000.0 + 17 * i}));
  return made;
}

void report(benchmark::State& state, const std::vector<std::string>& made) {
  std::size_t bytes = 0;
  for (const std::string& page : made) bytes += page.size();
  const double samples = static_cast<double>(state.iterations()) * replicas * vllm_page_samples;
  state.counters["per_sample"] = benchmark::Counter(samples, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

void vllm_preset(benchmark::State& state) {
  const auto made = pages();
  PageReader reader{*find_preset("vllm")};
  for (auto _ : state)
    for (const std::string& page : made) benchmark::DoNotOptimize(reader.read(page));
  report(state, made);
}
BENCHMARK(vllm_preset)->Unit(benchmark::kMillisecond);

void all_names(benchmark::State& state) {
  const auto made = pages();
  std::set<std::string> names;
  std::size_t begin = 0;
  const std::string& page = made.front();
  for (std::size_t end; (end = page.find('\n', begin)) != std::string::npos; begin = end + 1)
    if (page[begin] != '#') names.insert(page.substr(begin, page.find_first_of("{ ", begin) - begin));
  const NameSet wanted{{names.begin(), names.end()}};
  ExpositionScanner scanner{wanted};
  std::vector<double> store(vllm_page_samples);
  for (auto _ : state)
    for (const std::string& one : made) {
      std::size_t at = 0;
      benchmark::DoNotOptimize(scanner.scan(one, [&](int, const SeriesSample& sample) { store[at++] = sample.value; }));
      if (at != vllm_page_samples) state.SkipWithError("a sample is missing");
    }
  report(state, made);
}
BENCHMARK(all_names)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tidegate
