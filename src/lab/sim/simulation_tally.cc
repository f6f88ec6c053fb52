#include "lab/sim/simulation_tally.h"

#include <algorithm>

namespace tidegate {
namespace {

LatencyQuantiles quantiles_of(const QuantileSketch& sketch) {
  return {sketch.quantile(0.50), sketch.quantile(0.90), sketch.quantile(0.95), sketch.quantile(0.99)};
}

}  // namespace

SimulationTally::SimulationTally(const Slo& slo, std::span<const PlantPool> pools, Instant from)
    : slo_(slo), pools_(pools), from_(from) {}

void SimulationTally::request(const RequestEnd& end, bool within) {
  if (end.arrival < from_) return;
  ++figures_.requests;
  figures_.within += within;
  figures_.cold_start_exposed += end.cold_start_exposed;
  figures_.dropped += end.outcome == RequestOutcome::dropped;
  figures_.cut += end.outcome == RequestOutcome::cut;
  if (end.outcome != RequestOutcome::served) return;
  ttft_.add(end.ttft);
  latency_.add(end.latency);
  queue_.add(end.wait);
}

void SimulationTally::replica(const ReplicaEnd& end) {
  const double hours = std::max(0.0, seconds(end.ended - std::max(end.created, from_))) / 3600;
  const auto& pool = pools_[end.pool];
  figures_.replica_hours += hours;
  figures_.gpu_hours += hours * pool.gpus;
  if (pool.price) figures_.cost += hours * static_cast<double>(pool.price->value()) * 1e-6;
}

void SimulationTally::cold_starts(std::size_t count, Instant now) {
  if (now >= from_) figures_.cold_starts += count;
}

void SimulationTally::decided(const Decision& decision, Duration tick) {
  ++figures_.ticks;
  figures_.digest = digest_of(figures_.digest, decision);
  const auto is_capped = [](const StageTrace& stage) {
    return stage.stage == Stage::budget && stage.reason == Reason::budget_cap;
  };
  if (decision.now >= from_ && std::ranges::any_of(decision.stages, is_capped)) figures_.budget_capped += tick;
  const auto total = decision.total().value();
  const auto before = std::exchange(size_, total);
  if (!before || *before == total) return;
  const std::int32_t direction = total > *before ? 1 : -1;
  const bool turned = direction_ != 0 && direction != direction_;
  direction_ = direction;
  if (decision.now < from_) return;
  ++figures_.scale_events;
  figures_.reversals += turned;
}

void SimulationTally::finish(Instant end, SimulationResult& result) const {
  auto all = figures_;
  all.service = result.service;
  all.policy = result.policy;
  all.trace = result.trace;
  all.seed = result.seed;
  all.cancelled = result.cancelled;
  all.series = std::move(result.series);
  all.ttft = quantiles_of(ttft_);
  all.latency = quantiles_of(latency_);
  all.queue = quantiles_of(queue_);
  all.scored = std::max(Duration::zero(), end - from_);
  result = std::move(all);
}

}  // namespace tidegate
