// The settings of Ray Serve's policy, and how they are read.
#include <array>

#include "serve/config/read_parts.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;

constexpr std::array ray_aggregations{std::string_view{"mean"}, std::string_view{"max"}, std::string_view{"min"}};
constexpr std::array ray_settings{Setting{"target_ongoing_requests",
                                          number,
                                          literal("2"),
                                          "requests per replica, being served or queued",
                                          {.unit = "requests", .low = 1e-6, .high = 1e9}},
                                  Setting{"look_back_period",
                                          duration,
                                          literal("30s"),
                                          "time over which the requests are aggregated",
                                          {.low = 1, .high = hour_seconds}},
                                  Setting{"upscale_delay",
                                          duration,
                                          literal("30s"),
                                          "how long more must be wanted before it is made",
                                          {.low = 0, .high = day_seconds}},
                                  Setting{"downscale_delay",
                                          duration,
                                          literal("10m"),
                                          "how long less must be wanted before it is made",
                                          {.low = 0, .high = day_seconds}},
                                  Setting{"downscale_to_zero_delay",
                                          duration,
                                          otherwise("downscale_delay"),
                                          "the same for the last replica",
                                          {.low = 0, .high = day_seconds}},
                                  Setting{"upscaling_factor",
                                          number,
                                          literal("1"),
                                          "share of the way up that one step goes",
                                          {.unit = "of the way", .low = 1e-6, .high = 1000}},
                                  Setting{"downscaling_factor",
                                          number,
                                          literal("1"),
                                          "share of the way down that one step goes",
                                          {.unit = "of the way", .low = 1e-6, .high = 1000}},
                                  Setting{"aggregation_function",
                                          choice,
                                          literal("mean"),
                                          "what is made of the samples of the look-back period",
                                          {.choices = ray_aggregations}},
                                  Setting{"metrics_interval",
                                          duration,
                                          literal("10s"),
                                          "time between pushes of samples to the controller",
                                          {.low = 0.1, .high = hour_seconds}},
                                  Setting{"control_loop_interval",
                                          duration,
                                          literal("100ms"),
                                          "time between two looks of the controller",
                                          {.low = 0.01, .high = hour_seconds}}};

}  // namespace

constexpr Section ray_serve_policy_section{"ray_serve policy",
                                           "services[].policy.ray_serve",
                                           "Ray Serve's autoscaling_config; bounds are the service's `replicas`.",
                                           ray_settings,
                                           {},
                                           {}};

RayServePolicy read_ray_serve(const YamlNode& node, ReadContext context) {
  RayServePolicy policy;
  SettingsReader reader(node, ray_serve_policy_section, context.problems);
  reader.read("target_ongoing_requests", policy.target_ongoing_requests);
  reader.read("look_back_period", policy.look_back_period);
  reader.read("upscale_delay", policy.upscale_delay);
  reader.read("downscale_delay", policy.downscale_delay);
  reader.read("downscale_to_zero_delay", policy.downscale_to_zero_delay);
  reader.read("upscaling_factor", policy.upscaling_factor);
  reader.read("downscaling_factor", policy.downscaling_factor);
  reader.choose("aggregation_function", policy.aggregation_function);
  reader.read("metrics_interval", policy.metrics_interval);
  reader.read("control_loop_interval", policy.control_loop_interval);
  return policy;
}

}  // namespace tidegate
