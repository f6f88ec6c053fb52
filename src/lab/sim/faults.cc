#include "lab/sim/faults.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace tidegate {
namespace {

void lose(const LostSignalFault& lost, Duration period, const Reading& last, Reading& reading) {
  if (lost.partial) {
    const auto part = *lost.partial;
    reading.coverage = part;
    if (part.expected > 0) reading.value *= static_cast<double>(part.reported) / part.expected;
  } else if (lost.as == Quality::stale) {
    reading = {.quality = Quality::stale, .value = last.value, .age = last.age + period};
  } else {
    reading = {.quality = lost.as};
  }
}

// Calls `visit(name, reading, last)` for every reading of an observation under its signal's name.
template <class Visit>
void for_each_reading(Observation& seen, const Observation& last, Visit visit) {
  visit("arrivals", seen.arrivals, last.arrivals);
  visit("completions", seen.completions, last.completions);
  visit("in_flight", seen.in_flight, last.in_flight);
  visit("queued", seen.queued, last.queued);
  for (std::size_t kind = 0; kind < latency_kinds; ++kind)
    for (std::size_t p = 0; p < percentiles; ++p)
      visit(to_text(static_cast<LatencyKind>(kind)), seen.latencies[kind][p], last.latencies[kind][p]);
  visit("within_slo", seen.within_slo, last.within_slo);
  visit("missed_slo", seen.missed_slo, last.missed_slo);
  visit("input_tokens", seen.input_tokens, last.input_tokens);
  visit("output_tokens", seen.output_tokens, last.output_tokens);
  visit("gpu_util", seen.gpu_util, last.gpu_util);
  visit("gpu_memory", seen.gpu_memory, last.gpu_memory);
  visit("kv_usage", seen.kv_usage, last.kv_usage);
  for (std::size_t i = 0; i < seen.pools.size(); ++i) {
    auto& pool = seen.pools[i];
    const auto& before = i < last.pools.size() ? last.pools[i] : pool;
    visit("in_flight", pool.in_flight, before.in_flight);
    visit("completions", pool.completions, before.completions);
    visit("itl", pool.itl_mean, before.itl_mean);
    visit("kv_usage", pool.kv_usage, before.kv_usage);
  }
}

}  // namespace

void begin_fault(const Fault& fault, Lifecycle& replicas) {
  if (const auto* crash = std::get_if<CrashFault>(&fault.what)) replicas.crash(crash->pool, crash->count);
  if (const auto* stuck = std::get_if<StuckFault>(&fault.what)) replicas.set_stuck(stuck->pool, true);
  if (const auto* stock = std::get_if<StockFault>(&fault.what)) replicas.set_stock(stock->pool, stock->stock);
  if (const auto* edit = std::get_if<EditFault>(&fault.what)) replicas.order(edit->pool, edit->replicas);
}

void end_fault(const Fault& fault, Lifecycle& replicas) {
  if (const auto* stuck = std::get_if<StuckFault>(&fault.what)) replicas.set_stuck(stuck->pool, false);
  if (const auto* stock = std::get_if<StockFault>(&fault.what)) replicas.set_stock(stock->pool, std::nullopt);
}

double slowness(const std::vector<Fault>& faults, Duration now, std::int32_t rank) {
  double factor = 1;
  for (const auto& fault : faults)
    if (const auto* slow = std::get_if<SlowFault>(&fault.what); slow && fault.is_active(now))
      if (!slow->count || rank < *slow->count) factor *= slow->factor;
  return factor;
}

void degrade(const std::vector<Fault>& faults, Duration now, const Observation& last, Observation& seen) {
  const auto period = seen.now - last.now;
  for (const auto& fault : faults) {
    const auto* lost = std::get_if<LostSignalFault>(&fault.what);
    if (lost == nullptr || !fault.is_active(now)) continue;
    for_each_reading(seen, last, [&](std::string_view name, Reading& reading, const Reading& before) {
      const bool was_there = reading.quality != Quality::absent;
      if (was_there && (lost->signal.empty() || lost->signal == name)) lose(*lost, period, before, reading);
    });
  }
}

FaultClock::FaultClock(std::vector<Fault> faults) : faults_(std::move(faults)) {
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    edges_.push_back({faults_[i].at, i, true});
    if (faults_[i].lasts > Duration::zero()) edges_.push_back({faults_[i].at + faults_[i].lasts, i, false});
  }
  std::ranges::sort(edges_, {}, [](const Edge& edge) { return std::tuple{edge.at, edge.fault, !edge.begins}; });
}

std::optional<Duration> FaultClock::next() const {
  if (done_ == edges_.size()) return std::nullopt;
  return edges_[done_].at;
}

void FaultClock::advance(Duration now, Lifecycle& replicas) {
  for (; done_ < edges_.size() && edges_[done_].at <= now; ++done_) {
    const auto& edge = edges_[done_];
    edge.begins ? begin_fault(faults_[edge.fault], replicas) : end_fault(faults_[edge.fault], replicas);
  }
}

}  // namespace tidegate
