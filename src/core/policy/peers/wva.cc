#include "core/policy/peers/wva.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/policy/need.h"
#include "core/policy/peers/kv_share.h"
#include "core/policy/peers/state_dependent_queue.h"

namespace tidegate {
namespace {

constexpr Duration peak_window = 1min;
constexpr Duration hpa_period = 15s;
constexpr std::size_t full_samples = 10;
constexpr std::size_t kept_most = 256;

double saturation_v1(const WvaPolicy& policy, const WvaMemory& memory, const PolicyInput& input) {
  const double n = input.ready;
  const double kv = highest(memory.kv, input.seen.now, peak_window) / n;
  const double queue = highest(memory.queue, input.seen.now, peak_window) / n;
  const auto keeps_margins = [&](double factor) {
    return policy.kv_cache_threshold - kv * factor >= policy.kv_spare_trigger - 1e-9 &&
           policy.queue_length_threshold - queue * factor >= policy.queue_spare_trigger - 1e-9;
  };
  if (!keeps_margins(1)) return n + 1;
  return n >= 2 && keeps_margins(n / (n - 1)) ? n - 1 : n;
}

double saturation_v2(const WvaPolicy& policy, WvaMemory& memory, const PolicyInput& input, double kv, double load) {
  const double n = input.ready;
  if (input.demand.queued / n >= policy.queue_length_threshold) {
    memory.full_kv.push_back(kv);
    if (memory.full_kv.size() > full_samples) memory.full_kv.erase(memory.full_kv.begin());
  }
  double capacity = policy.kv_cache_threshold;
  if (!memory.full_kv.empty()) {
    double sum = 0;
    for (const double seen : memory.full_kv) sum += seen;
    capacity = std::clamp(sum / static_cast<double>(memory.full_kv.size()), 0.01, capacity);
  }
  const double demand = n * load;
  const double missing = demand / policy.scale_up_threshold - (n + input.warming) * capacity;
  if (missing > 0) return n + input.warming + std::ceil(missing / capacity - 1e-9);
  if (input.warming > 0) return n + input.warming;
  const double spare = n * capacity - demand / policy.scale_down_boundary;
  return spare > 0 ? std::max(n - std::floor(spare / capacity + 1e-9), 1.0) : n;
}

// Negative: it has no model yet.
double queueing_model(WvaMemory& memory, const PolicyInput& input, double rate) {
  const Capacity& capacity = input.reference;
  if (capacity.basis == CapacityBasis::unknown) return -1;
  const double slack = wait_promise(input.spec.slo, capacity).slack;
  const std::array now{capacity.residence_base, capacity.residence_slope, capacity.slots, slack};
  // Learned figures drift with every tick; a hundredth is no other model.
  const bool is_same = std::ranges::equal(now, std::span{memory.modelled}.first<4>(),
                                          [](double a, double b) { return std::abs(a - b) <= 0.01 * std::abs(a); });
  if (!is_same) {
    std::ranges::copy(now, memory.modelled.begin());
    memory.modelled[4] = largest_rate({.base = std::max(capacity.residence_base, 1e-6),
                                       .slope = std::max(capacity.residence_slope, 0.0),
                                       .batch = static_cast<int>(std::clamp(capacity.admit, 1.0, 256.0))},
                                      {.wait = slack, .concurrency = capacity.slots});
  }
  const double largest = memory.modelled[4];
  return largest > 0 ? std::max(std::ceil(rate / largest - 1e-9), 1.0) : -1;
}

void analyze(const WvaPolicy& policy, WvaMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  const double elapsed = seconds(now - memory.analyzed);
  const double rate = elapsed > 0 ? memory.requests / elapsed : 0;
  memory.analyzed = now;
  memory.requests = 0;
  const double present = committed(input);
  double answer = -1;
  if (policy.retention && now - memory.busy_last >= *policy.retention) {
    answer = 0;
  } else if (policy.analyzer == WvaAnalyzer::queueing_model) {
    answer = input.demand.arrivals_known ? queueing_model(memory, input, rate) : -1;
  } else {
    const Reading kv = kv_share(input), load = kv_load(input);
    const bool in_transition = input.warming > 0 || std::abs(memory.wanted - present) >= 0.5;
    if (!kv.is_fresh() || input.ready <= 0 || (in_transition && policy.analyzer == WvaAnalyzer::saturation_v1)) return;
    answer = policy.analyzer == WvaAnalyzer::saturation_v1 ? saturation_v1(policy, memory, input)
                                                           : saturation_v2(policy, memory, input, kv.value, load.value);
  }
  if (answer >= 0) memory.answers.push_back({now, within_bounds(answer, input)});
  if (memory.answers.size() > kept_most) memory.answers.erase(memory.answers.begin());
}

void sync(const WvaPolicy& policy, WvaMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  memory.synced = now;
  const double size = rebase(memory.size, input);
  auto& past = memory.recommendations;
  past.push_back({now, memory.wanted});
  const Duration longest = std::max({policy.stabilize_up, policy.stabilize_down, Duration{1}});
  std::erase_if(past, [&](const WvaMemory::Answer& one) { return now - one.at >= longest; });
  if (past.size() > kept_most) past.erase(past.begin());
  double up = memory.wanted, down = memory.wanted;
  for (const auto& one : past) {
    if (now - one.at < policy.stabilize_up) up = std::min(up, one.replicas);
    if (now - one.at < policy.stabilize_down) down = std::max(down, one.replicas);
  }
  resize(memory.size, std::clamp(size, std::min(up, down), std::max(up, down)), input);
}

void watch(const PolicyInput& input, WvaMemory& memory, const Reading& kv) {
  const Instant now = input.seen.now;
  if (kv.is_fresh() && input.ready > 0) {
    observe(memory.kv, now, peak_window, kv.value * input.ready);
    observe(memory.queue, now, peak_window, input.demand.queued);
  }
  if (input.demand.arrivals_known) memory.requests += input.demand.arrivals;
  const bool is_idle = input.demand.arrivals_known && input.demand.concurrency_known && input.demand.arrivals <= 0 &&
                       input.demand.in_flight + input.demand.queued <= 0;
  if (!is_idle) memory.busy_last = now;
}

}  // namespace

Proposal propose(const WvaPolicy& policy, WvaMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  const Reading kv = kv_share(input);
  if (!memory.size.started) {
    memory.wanted = rebase(memory.size, input);
    memory.analyzed = memory.synced = memory.busy_last = now;
    memory.recommendations.push_back({now, memory.wanted});
  }
  watch(input, memory, kv);
  if (committed(input) <= 0 && input.demand.queued > 0) {
    memory.wanted = 1;
    resize(memory.size, 1, input);
  } else {
    if (now - memory.analyzed >= policy.interval) analyze(policy, memory, input);
    while (!memory.answers.empty() && memory.answers.front().at + policy.metric_delay <= now) {
      memory.wanted = memory.answers.front().replicas;
      memory.answers.erase(memory.answers.begin());
    }
    if (now - memory.synced >= hpa_period) sync(policy, memory, input);
  }
  return exact_proposal("wva", memory.size, input, kv);
}

}  // namespace tidegate
