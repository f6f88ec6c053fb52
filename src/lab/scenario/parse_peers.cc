// Peers in a `policy` or `compare_with` line, by the names of their own knobs.
#include "lab/scenario/parse_parts.h"

namespace tidegate {
namespace {

RayServePolicy parse_ray_serve(WordReader& words) {
  RayServePolicy policy;
  if (const auto target = words.number_option("target", 1e-6, 1e9)) policy.target_ongoing_requests = *target;
  if (const auto period = words.duration_option("look_back")) policy.look_back_period = *period;
  if (const auto delay = words.duration_option("upscale_delay")) policy.upscale_delay = *delay;
  if (const auto delay = words.duration_option("downscale_delay")) policy.downscale_delay = *delay;
  if (const auto delay = words.duration_option("to_zero_delay")) policy.downscale_to_zero_delay = *delay;
  if (const auto factor = words.number_option("upscaling_factor", 1e-6, 1000)) policy.upscaling_factor = *factor;
  if (const auto factor = words.number_option("downscaling_factor", 1e-6, 1000)) policy.downscaling_factor = *factor;
  if (const auto push = words.duration_option("push")) policy.metrics_interval = *push;
  return policy;
}

KnativePolicy parse_knative(WordReader& words) {
  KnativePolicy policy;
  policy.target = words.number_option("target", 0.01, 1e9);
  if (const auto share = words.number_option("utilization", 1, 100)) policy.target_utilization_percentage = *share;
  if (const auto window = words.duration_option("window")) policy.window = *window;
  if (const auto percent = words.number_option("panic_threshold", 110, 1000))
    policy.panic_threshold_percentage = *percent;
  if (const auto delay = words.duration_option("scale_down_delay")) policy.scale_down_delay = *delay;
  if (const auto grace = words.duration_option("grace")) policy.scale_to_zero_grace_period = *grace;
  if (const auto retention = words.duration_option("retention")) policy.scale_to_zero_pod_retention_period = *retention;
  return policy;
}

NomadPolicy parse_nomad(WordReader& words) {
  NomadPolicy policy;
  NomadTargetValue strategy;
  if (const auto target = words.number_option("target", 0, 1e12)) strategy.target = *target;
  if (const auto threshold = words.number_option("threshold", 0, 1000)) strategy.threshold = *threshold;
  policy.checks.front().strategy = strategy;
  if (const auto every = words.duration_option("every")) policy.evaluation_interval = *every;
  if (const auto cooldown = words.duration_option("cooldown")) policy.cooldown = *cooldown;
  if (const auto cooldown = words.duration_option("cooldown_up")) policy.cooldown_on_scale_up = *cooldown;
  if (const auto delay = words.duration_option("delay")) policy.metric_delay = *delay;
  return policy;
}

}  // namespace

std::optional<PolicySpec> parse_peer(std::string_view name, WordReader& words) {
  if (name == "knative") return parse_knative(words);
  if (name == "nomad") return parse_nomad(words);
  if (name == "ray_serve") return parse_ray_serve(words);
  return std::nullopt;
}

}  // namespace tidegate
