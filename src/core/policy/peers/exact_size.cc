#include "core/policy/peers/exact_size.h"

#include <algorithm>
#include <cmath>

#include "core/policy/signal_value.h"

namespace tidegate {

double committed(const PolicyInput& input) { return std::round(input.ready + input.warming); }

double rebase(ExactSize& size, const PolicyInput& input) {
  const double present = committed(input);
  size.replicas = size.started ? std::max(size.replicas, present) : present;
  size.started = true;
  return size.replicas;
}

double within_bounds(double wanted, const PolicyInput& input) {
  const auto& limits = input.spec.guardrails;
  const double least = limits.replicas_min.value();
  return std::clamp(wanted, least, std::max(least, static_cast<double>(limits.replicas_max.value())));
}

void resize(ExactSize& size, double wanted, const PolicyInput& input) { size.replicas = within_bounds(wanted, input); }

Reading replica_average(const PeerMetric& metric, const PolicyInput& input) {
  Reading reading = signal_reading(input.seen, metric.signal, metric.name, input.demand.interval);
  if (reading.is_fresh() && metric.per_replica) {
    if (input.ready <= 0) return {};
    reading.value /= input.ready;
  }
  return reading;
}

Reading replica_total(const PeerMetric& metric, const PolicyInput& input) {
  Reading reading = signal_reading(input.seen, metric.signal, metric.name, input.demand.interval);
  if (!metric.per_replica) reading.value *= input.ready;
  return reading;
}

Proposal exact_proposal(std::string_view note, const ExactSize& size, const PolicyInput& input, const Reading& metric) {
  const double present = committed(input);
  const Reason quality = missing_reason(metric);
  Proposal proposal{.has_evidence = quality == Reason::steady, .quality = quality, .note = note};
  proposal.band = {.floor = WeightedReplicas{size.replicas},
                   .ceiling = WeightedReplicas{size.replicas},
                   .floor_reason = size.replicas > present ? Reason::signal_above_target : Reason::steady,
                   .ceiling_reason = size.replicas < present ? Reason::signal_below_target : Reason::steady};
  if (metric.is_fresh()) proposal.facts.push_back({"value", metric.value});
  return proposal;
}

}  // namespace tidegate
