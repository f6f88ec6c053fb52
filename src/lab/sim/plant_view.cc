// What the plant shows: the observation production would build.
#include <algorithm>

#include "lab/sim/plant.h"

namespace tidegate {

void Plant::count_end(const RequestEnd& end) {
  const bool within = is_within(spec_.slo, end);
  (within ? counts_.within : counts_.missed) += 1;
  if (spec_.keeps_every_request) card_.request(end);
  request_ends_.push_back({end, within});
  if (end.outcome != RequestOutcome::served) return;
  ttft_.add(end.ttft);
  latency_.add(end.latency);
  queue_wait_.add(end.wait);
  if (end.itl > Duration::zero()) itl_.add(end.itl);
}

Observation Plant::observe() {
  Observation seen{.now = now_, .service = spec_.service};
  seen.arrivals = Reading::of(counts_.arrivals);
  seen.completions = Reading::of(counts_.completions);
  seen.in_flight = Reading::of(in_flight_);
  seen.queued = Reading::of(static_cast<double>(waiting_.size()));
  seen.within_slo = Reading::of(counts_.within);
  seen.missed_slo = Reading::of(counts_.missed);
  read_latencies(seen);
  for (std::size_t i = 0; i < spec_.pools.size(); ++i) {
    auto pool = life_.count(i);
    if (pool.ready + pool.draining > 0) {
      pool.in_flight = Reading::of(pool_in_flight_[i]);
      pool.completions = Reading::of(counts_.pool_completions[i]);
      if (const double count = counts_.pool_itl_count[i]; count > 0)
        pool.itl_mean = Reading::of(counts_.pool_itl[i] / count);
    }
    seen.pools.push_back(std::move(pool));
  }
  read_servers(seen);
  seen.cold_starts = life_.take_cold_starts();
  card_.cold_starts(seen.cold_starts.size());
  forget_counts();
  if (!spec_.faults.empty()) degrade(spec_.faults, now_ - spec_.start, last_, seen);
  last_ = seen;
  return seen;
}

void Plant::forget_counts() {
  for (auto* sums : {&counts_.pool_completions, &counts_.pool_itl, &counts_.pool_itl_count})
    std::ranges::fill(*sums, 0);
  counts_ = {.pool_completions = std::move(counts_.pool_completions),
             .pool_itl = std::move(counts_.pool_itl),
             .pool_itl_count = std::move(counts_.pool_itl_count)};
}

void Plant::read_latencies(Observation& seen) {
  const auto read = [&](LatencyKind kind, LatencyWindow& window) {
    window.advance(now_);
    const auto values = window.quantiles();
    // A quantile over nothing is not a number, as a real histogram answers.
    for (std::size_t p = 0; p < percentiles; ++p)
      seen.latency(kind, static_cast<Percentile>(p)) =
          values ? Reading::of((*values)[p]) : Reading{.quality = Quality::nan};
  };
  read(LatencyKind::ttft, ttft_);
  read(LatencyKind::latency, latency_);
  read(LatencyKind::queue_wait, queue_wait_);
  const bool has_tokens = std::ranges::any_of(
      spec_.pools, [](const auto& pool) { return std::holds_alternative<EngineProfile>(pool.server); });
  if (has_tokens) read(LatencyKind::itl, itl_);
}

// What model servers report of themselves: tokens, cache and utilisation, over the ready replicas. An engine's cache is
// as of its last milestone.
void Plant::read_servers(Observation& seen) {
  double replicas = 0, busy = 0, cache = 0;
  bool has_engines = false;
  for (std::size_t i = 0; i < spec_.pools.size(); ++i) {
    const auto& server = spec_.pools[i].server;
    if (std::holds_alternative<std::monostate>(server)) continue;
    double ready = 0, pool_cache = 0;
    for (const ReplicaPlace place : life_.alive()) {
      const auto& replica = life_.at(place);
      if (replica.pool != i || replica.state != ReplicaState::ready) continue;
      ++ready;
      busy += replica.in_flight > 0;
      if (place < places_.size() && places_[place].engine.engine)
        pool_cache += places_[place].engine.engine->load().kv_usage;
    }
    replicas += ready;
    if (!std::holds_alternative<EngineProfile>(server)) continue;
    has_engines = true;
    cache += pool_cache;
    if (ready > 0) seen.pools[i].kv_usage = Reading::of(pool_cache / ready);
  }
  if (replicas > 0) seen.gpu_util = Reading::of(busy / replicas);
  if (!has_engines) return;
  if (replicas > 0) seen.kv_usage = Reading::of(cache / replicas);
  seen.input_tokens = Reading::of(counts_.input_tokens);
  seen.output_tokens = Reading::of(counts_.output_tokens);
}

}  // namespace tidegate
