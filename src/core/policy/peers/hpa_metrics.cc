#include "core/policy/peers/hpa_metrics.h"

#include <cmath>

#include "core/policy/peers/milli.h"

namespace tidegate {
namespace {

// A mean or a share over the pods at hand, once as sampled and once with the others filled in.
struct Ratio {
  double ratio = 1;
  std::int64_t samples = 0;
};

// The size for the ratio over ready pods, then over all of them: common to utilisation and pods average.
template <class Refill>
std::int32_t size_of(Ratio sampled, const HpaPodSums& pods, std::int32_t current, HpaTolerance tolerance,
                     Refill refill) {
  const bool raises_with_unready = pods.unready > 0 && sampled.ratio > 1;
  if (!raises_with_unready && pods.missing == 0)
    return tolerance.covers(sampled.ratio) ? current : saturated_int32(std::ceil(sampled.ratio * pods.ready));
  const Ratio filled = refill(raises_with_unready);
  const bool flips = (sampled.ratio < 1 && filled.ratio > 1) || (sampled.ratio > 1 && filled.ratio < 1);
  if (tolerance.covers(filled.ratio) || flips) return current;
  const std::int32_t size = saturated_int32(std::ceil(filled.ratio * static_cast<double>(filled.samples)));
  const bool is_against = (filled.ratio < 1 && size > current) || (filled.ratio > 1 && size < current);
  return is_against ? current : size;
}

std::int32_t percent(std::int64_t usage, std::int64_t requests) {
  return saturated_int32(static_cast<double>(multiply_saturated(usage, 100) / requests));
}

}  // namespace

std::optional<HpaProposal> propose_utilization(const HpaPodSums& pods, std::int32_t target_percent,
                                               std::int32_t current, HpaTolerance tolerance) {
  if (pods.ready == 0 || pods.lacks_request || pods.requests <= 0 || target_percent <= 0) return std::nullopt;
  const std::int32_t utilization = percent(pods.usage, pods.requests);
  const Ratio sampled{.ratio = static_cast<double>(utilization) / target_percent,
                      .samples = std::int64_t{pods.ready} + pods.strangers};
  const auto refill = [&](bool with_unready) {
    std::int64_t usage = pods.usage, requests = pods.requests, samples = sampled.samples;
    if (sampled.ratio != 1) {
      samples += pods.missing;
      requests = add_saturated(requests, pods.requests_missing);
      if (sampled.ratio < 1) usage = add_saturated(usage, pods.usage_if_missing);
    }
    if (with_unready) {
      samples += pods.unready;
      requests = add_saturated(requests, pods.requests_unready);
    }
    return Ratio{.ratio = static_cast<double>(percent(usage, requests)) / target_percent, .samples = samples};
  };
  return HpaProposal{.replicas = size_of(sampled, pods, current, tolerance, refill),
                     .usage = pods.usage / pods.ready,
                     .utilization = utilization};
}

std::optional<HpaProposal> propose_pods_average(const HpaPodSums& pods, std::int64_t target, std::int32_t current,
                                                HpaTolerance tolerance) {
  const std::int64_t samples = std::int64_t{pods.ready} + pods.strangers;
  if (pods.pods == 0 || samples == 0 || target <= 0) return std::nullopt;
  const auto ratio_of = [&](std::int64_t usage, std::int64_t count) {
    return Ratio{.ratio = static_cast<double>(usage / count) / static_cast<double>(target), .samples = count};
  };
  const std::int64_t usage = add_saturated(pods.usage, pods.strangers_usage);
  const Ratio sampled = ratio_of(usage, samples);
  const auto refill = [&](bool with_unready) {
    const std::int64_t filled =
        sampled.ratio < 1 ? add_saturated(usage, multiply_saturated(pods.missing, target)) : usage;
    return ratio_of(filled, samples + (sampled.ratio != 1 ? pods.missing : 0) + (with_unready ? pods.unready : 0));
  };
  return HpaProposal{.replicas = size_of(sampled, pods, current, tolerance, refill), .usage = usage / samples};
}

std::optional<HpaProposal> propose_value(std::int64_t usage, std::int64_t target, const HpaPodSums& pods,
                                         std::int32_t current, HpaTolerance tolerance) {
  if (target <= 0) return std::nullopt;
  const double ratio = static_cast<double>(usage) / static_cast<double>(target);
  HpaProposal proposal{.replicas = current, .usage = usage};
  if (current == 0) {
    proposal.replicas = saturated_int32(std::ceil(ratio));
  } else if (!tolerance.covers(ratio)) {
    if (pods.pods == 0) return std::nullopt;
    proposal.replicas = saturated_int32(std::ceil(ratio * pods.running_and_ready));
  }
  return proposal;
}

std::optional<HpaProposal> propose_average_value(std::int64_t usage, std::int64_t target, std::int32_t status_replicas,
                                                 HpaTolerance tolerance) {
  if (target <= 0) return std::nullopt;
  const auto used = static_cast<double>(usage);
  const auto wanted = static_cast<double>(target);
  // Without replicas the ratio is infinite or not a number, and within no tolerance.
  const bool keeps = tolerance.covers(used / (wanted * status_replicas));
  return HpaProposal{.replicas = keeps ? status_replicas : saturated_int32(std::ceil(used / wanted)),
                     .usage = usage_per_pod(usage, status_replicas)};
}

std::int64_t usage_per_pod(std::int64_t usage, std::int32_t replicas) {
  return replicas == 0 ? 0 : saturated_int64(std::ceil(static_cast<double>(usage) / replicas));
}

std::int64_t sum_series(std::span<const std::int64_t> values) {
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum = add_saturated(sum, value);
  return sum;
}

}  // namespace tidegate
