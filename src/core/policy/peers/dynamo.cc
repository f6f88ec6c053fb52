#include "core/policy/peers/dynamo.h"

#include <algorithm>
#include <cmath>

#include "core/policy/need.h"
#include "core/policy/peers/kv_share.h"

namespace tidegate {
namespace {

struct Thresholds {
  double up = 1.0;
  double down = 0.6;
};

Thresholds thresholds_of(const DynamoPolicy& policy) {
  if (policy.optimization_target == DynamoTarget::latency) return {0.4, 0.1};
  if (policy.optimization_target == DynamoTarget::load) return {policy.kv_scale_up, policy.kv_scale_down};
  return {};
}

// Zero: the performance model is not ready.
double engine_rps(const DynamoPolicy& policy, const PolicyInput& input) {
  if (policy.engine_rps) return *policy.engine_rps;
  return input.reference.basis == CapacityBasis::unknown ? 0 : input.reference.rate();
}

bool runs_throughput(const DynamoPolicy& policy) {
  return policy.optimization_target == DynamoTarget::sla && policy.enable_throughput_scaling;
}
bool runs_load(const DynamoPolicy& policy) {
  return policy.optimization_target != DynamoTarget::sla || policy.enable_load_scaling;
}

void look_at_throughput(const DynamoPolicy& policy, DynamoMemory& memory, const PolicyInput& input) {
  const double elapsed = seconds(input.seen.now - memory.counted);
  observe(memory.predictor, memory.requests, policy.load_predictor_log1p);
  memory.counted = input.seen.now;
  memory.requests = 0;
  const double rate = engine_rps(policy, input);
  if (!(rate > 0) || !(elapsed > 0)) return;
  const double expected = predict_next(memory.predictor, policy.load_predictor, policy.load_predictor_log1p);
  const double replicas = std::ceil(expected / elapsed / rate - 1e-9);
  memory.lower_bound = std::max(replicas, static_cast<double>(policy.min_endpoint.value()));
  if (!runs_load(policy)) resize(memory.size, memory.lower_bound, input);
}

double load_change(const DynamoPolicy& policy, const PolicyInput& input) {
  if (policy.optimization_target != DynamoTarget::sla) {
    const Reading load = kv_load(input);
    if (!load.is_fresh()) return 0;
    const auto [up, down] = thresholds_of(policy);
    return load.value > up ? 1 : load.value < down ? -1 : 0;
  }
  const double rate = engine_rps(policy, input);
  if (!(rate > 0) || !input.demand.concurrency_known) return 0;
  const double slack = wait_promise(input.spec.slo, input.reference).slack;
  const double in_flight = input.demand.in_flight, queued = input.demand.queued, slots = input.reference.slots;
  if (queued / (input.ready * rate) > slack || in_flight / input.ready > slots) return 1;
  const double left = input.ready - 1;
  const double share = policy.load_scaling_down_sensitivity;
  const bool is_safe = queued < left * rate * slack * share && in_flight + queued < left * slots * share;
  return is_safe ? -1 : 0;
}

void look_at_load(const DynamoPolicy& policy, DynamoMemory& memory, const PolicyInput& input) {
  memory.looked = input.seen.now;
  const double size = rebase(memory.size, input);
  if (input.ready <= 0 || input.warming > 0 || std::abs(input.ready - size) >= 0.5) return;  // scaling in progress
  double wanted = size + load_change(policy, input);
  if (wanted < size && size <= 1) wanted = size;
  wanted = std::max(wanted, static_cast<double>(policy.min_endpoint.value()));
  if (runs_throughput(policy)) wanted = std::max(wanted, memory.lower_bound);
  resize(memory.size, wanted, input);
}

}  // namespace

Proposal propose(const DynamoPolicy& policy, DynamoMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  if (!memory.size.started) {
    rebase(memory.size, input);
    memory.counted = memory.looked = now;
  } else if (input.demand.arrivals_known) {
    memory.requests += input.demand.arrivals;
  } else {
    memory.requests += input.seen.completions.fresh().value_or(0);
  }
  if (runs_throughput(policy) && now - memory.counted >= policy.throughput_adjustment_interval)
    look_at_throughput(policy, memory, input);
  if (runs_load(policy) && now - memory.looked >= policy.load_adjustment_interval) look_at_load(policy, memory, input);
  return exact_proposal("dynamo", memory.size, input, kv_share(input));
}

}  // namespace tidegate
