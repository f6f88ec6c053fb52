#include "core/policy/peers/aibrix.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr std::size_t kept_most = 512;

double whole_pods(double x) { return std::ceil(x - 1e-9); }

void keep(std::vector<AibrixMemory::Timed>& all, Instant now, Duration window, double value) {
  all.push_back({now, value});
  std::erase_if(all, [&](const AibrixMemory::Timed& one) { return now - one.at >= window; });
  if (all.size() > kept_most) all.erase(all.begin());
}

double mean_within(const std::vector<AibrixMemory::Timed>& all, Instant now, Duration window) {
  double sum = 0, count = 0;
  for (const auto& one : all)
    if (now - one.at < window) sum += one.value, count += 1;
  return count > 0 ? sum / count : 0;
}

double apa(const AibrixPolicy& policy, double pods, double mean) {
  const double use = mean / policy.target_value;
  if (use > 1 + policy.tolerance) return std::min(whole_pods(pods * use), whole_pods(policy.max_scale_up_rate * pods));
  if (use < 1 - policy.tolerance)
    return std::max(whole_pods(pods * use), std::floor(pods / policy.max_scale_down_rate + 1e-9));
  return pods;
}

double kpa(const AibrixPolicy& policy, AibrixMemory& memory, Instant now, double pods) {
  const double most = std::max(1.0, whole_pods(policy.max_scale_up_rate * pods));
  const double least = std::floor(pods / policy.max_scale_down_rate + 1e-9);
  const double stable = whole_pods(mean_within(memory.values, now, policy.stable_window) / policy.target_value);
  const double panic = whole_pods(mean_within(memory.values, now, policy.panic_window) / policy.target_value);
  const auto limited = [&](double replicas) { return std::min(std::max(replicas, least), most); };
  if (panic / std::max(1.0, pods) >= policy.panic_threshold) {
    memory.panicking = true;
    memory.panicked = now;
  } else if (memory.panicking && now - memory.panicked >= policy.stable_window) {
    memory.panicking = false;
    memory.panic_most = 0;
  }
  if (!memory.panicking) return limited(stable);
  const double wanted = std::max(limited(stable), limited(panic));
  if (policy.as_written) return wanted;
  return memory.panic_most = std::max({memory.panic_most, wanted, pods});
}

// What a change is once pending pods count: idle when raising, at their target when lowering.
double guarded(const AibrixPolicy& policy, const PolicyInput& input, double pods, double wanted, double mean) {
  if (!policy.pending_guard || input.warming <= 0 || wanted == pods) return wanted;
  const double ready = std::min(std::round(input.ready), pods);
  const double used = mean * ready + (wanted < pods ? policy.target_value * (pods - ready) : 0);
  const double adjusted = whole_pods(used / policy.target_value);
  return wanted > pods ? std::clamp(adjusted, pods, wanted) : std::clamp(adjusted, wanted, pods);
}

double cooled(const AibrixPolicy& policy, AibrixMemory& memory, Instant now, double pods, double wanted) {
  keep(memory.answers, now, std::max(policy.scale_down_cooldown, Duration{1}), wanted);
  if (wanted >= pods) return wanted;
  const auto by_value = [](const auto& a, const auto& b) { return a.value < b.value; };
  const auto& answers = memory.answers;
  if (policy.as_written) return std::ranges::min_element(answers, by_value)->value;
  return std::min(pods, std::ranges::max_element(answers, by_value)->value);
}

void sync(const AibrixPolicy& policy, AibrixMemory& memory, const PolicyInput& input, const Reading& mean) {
  const Instant now = input.seen.now;
  memory.synced = now;
  const double pods = rebase(memory.size, input);
  if (!mean.is_fresh() || pods <= 0) return;
  const bool is_total = policy.strategy == AibrixStrategy::kpa && !policy.as_written;
  keep(memory.values, now, std::max(policy.stable_window, policy.panic_window),
       is_total ? mean.value * input.ready : mean.value);
  const double wanted =
      policy.strategy == AibrixStrategy::apa ? apa(policy, pods, mean.value) : kpa(policy, memory, now, pods);
  const double safe = guarded(policy, input, pods, wanted, mean.value);
  resize(memory.size, cooled(policy, memory, now, pods, safe), input);
}

}  // namespace

Proposal propose(const AibrixPolicy& policy, AibrixMemory& memory, const PolicyInput& input) {
  const Reading mean = replica_average(policy.metric, input);
  if (!memory.size.started || input.seen.now - memory.synced >= policy.sync_period) sync(policy, memory, input, mean);
  return exact_proposal("aibrix", memory.size, input, mean);
}

}  // namespace tidegate
