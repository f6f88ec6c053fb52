// What a tick of 1,000 services costs the control thread (append_tick) and the background thread (until on disk).
#include "serve/journal/journal.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

namespace tidegate {
namespace {

void append_tick_1000(benchmark::State& state) {
  const std::string folder = std::filesystem::temp_directory_path() / fmt::format("journal_bench_{}", ::getpid());
  std::filesystem::create_directories(folder);
  {
    const auto journal = Journal::open(folder + "/journal.sqlite");
    if (!journal) return state.SkipWithError(journal.error().message.c_str());
    Instant now{1h};
    const bool changes = state.range(0) == 1;
    for (auto _ : state) {
      state.PauseTiming();
      now += 1s;
      std::vector<Observation> seen(1000);
      std::vector<Decision> decisions(1000);
      for (std::size_t i = 0; i < 1000; ++i) {
        seen[i] = {.now = now, .service = fmt::format("service-{}", i), .pools = {{.pool = "default", .ready = 3}}};
        decisions[i] = {.now = now,
                        .service = seen[i].service,
                        .verdict = changes ? Verdict::raise : Verdict::hold,
                        .pools = {{.pool = "default", .replicas = Replicas{3}}}};
        for (const auto stage : {Stage::observe, Stage::forecast, Stage::size, Stage::band, Stage::mix, Stage::guard})
          decisions[i].stages.push_back(
              {.stage = stage, .facts = {{"rate", 1.0 * static_cast<double>(i)}, {"slots", 8}}});
      }
      state.ResumeTiming();
      journal.value()->append_tick(now, std::move(seen), decisions);
      state.PauseTiming();
      if (!journal.value()->flush(30s) || journal.value()->problem()) return state.SkipWithError("not written");
      state.ResumeTiming();
    }
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(append_tick_1000)->ArgName("all_change")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tidegate
