// Rows of Ray Serve's unit tests (../shared/conformance/README.md, rayserve.jsonl).
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "core/policy/peers/ray_serve_metrics.h"
#include "core/policy/peers/ray_serve_rules.h"
#include "vectors.h"

namespace tidegate {
namespace {

std::optional<double> number_or_null(const Json& row, const char* name) {
  const auto found = row.find(name);
  if (found == row.end() || found->is_null()) return std::nullopt;
  return found->get<double>();
}

// ---- the metrics

LoadSeries read_series(const Json& points) {
  LoadSeries series;
  for (const auto& point : points) series.push_back({point.at(0).get<double>(), point.at(1).get<double>()});
  return series;
}

void compare(Differences& found, std::string_view what, const std::optional<double>& got, const Json& want) {
  if (want.is_null() != !got)
    found.say(std::string{what} + (got ? ": a value where none is wanted" : ": no value"));
  else if (got)
    found.number(what, *got, want);
}

Differences check_merge(const Json& row) {
  Differences found;
  std::vector<LoadSeries> series;
  for (const auto& points : row.at("series")) series.push_back(read_series(points));
  const bool is_compacted = row.value("lone_series", std::string{}) == "compacted";
  const auto merged = merge_series(series, is_compacted ? LoneSeries::compacted : LoneSeries::untouched);
  if (row.contains("want_points"))
    found.integer("points", static_cast<std::int64_t>(merged.size()), row.at("want_points"));
  const auto want = row.find("want");
  if (want == row.end()) return found;
  found.integer("points", static_cast<std::int64_t>(merged.size()), Json(want->size()));
  for (std::size_t i = 0; i < std::min(merged.size(), want->size()); ++i) {
    found.number("time", merged[i].at, (*want)[i].at(0));
    found.number("total", merged[i].value, (*want)[i].at(1));
  }
  return found;
}

AverageWindow read_window(const Json& row) {
  return {.start = number_or_null(row, "window_start"),
          .end = number_or_null(row, "window_end"),
          .last_window = number_or_null(row, "last_window_s").value_or(1)};
}

Differences check_average(const Json& row) {
  Differences found;
  const auto series = read_series(row.at("series"));
  for (const auto& one : row.at("cases")) {
    const auto average = time_weighted_average(series, read_window(one));
    compare(found, "mean", average, one.contains("want") ? one.at("want") : one.at("model_value"));
  }
  return found;
}

Differences check_aggregate(const Json& row) {
  Differences found;
  const auto function = from_text<RayAggregation>(row.at("function").get<std::string>());
  const bool wants_error = row.value("want_error", false);
  if (!function != wants_error) found.say(function ? "no error" : "the function is not known");
  if (function && !wants_error)
    compare(found, "aggregate", aggregate(read_series(row.at("series")), *function, read_window(row)), row.at("want"));
  return found;
}

Differences check_clip(const Json& row) {
  Differences found;
  compare(found, "window_start",
          clipped_start({.start = number_or_null(row, "window_start"),
                         .first = row.at("first_ts").get<double>(),
                         .end = row.at("end_ts").get<double>(),
                         .clip = row.at("clip_s").get<double>()}),
          row.at("want"));
  return found;
}

// ---- the policy

// The first of the names that is set.
double factor_of(const Json& config, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto value = number_or_null(config, name)) return *value;
  return 1;
}

RayServePolicy read_policy(const Json& config) {
  RayServePolicy policy;
  policy.target_ongoing_requests =
      number_or_null(config, "target_ongoing_requests").value_or(policy.target_ongoing_requests);
  if (const auto delay = number_or_null(config, "upscale_delay_s")) policy.upscale_delay = from_seconds(*delay);
  if (const auto delay = number_or_null(config, "downscale_delay_s")) policy.downscale_delay = from_seconds(*delay);
  if (const auto delay = number_or_null(config, "downscale_to_zero_delay_s"))
    policy.downscale_to_zero_delay = from_seconds(*delay);
  policy.upscaling_factor = factor_of(config, {"upscaling_factor", "upscale_smoothing_factor", "smoothing_factor"});
  policy.downscaling_factor =
      factor_of(config, {"downscaling_factor", "downscale_smoothing_factor", "smoothing_factor"});
  return policy;
}

// The policy under the wrappers: the usual one, or a constant of the requests ("3 if requests>0 else 0", "always 5").
struct Core {
  bool is_queue_length = true;
  double busy = 0;
  double idle = 0;
};

Core read_core(const std::string& words) {
  if (words == "queue_length") return {};
  const auto number_after = [&](std::string_view mark) -> std::optional<double> {
    const auto at = words.find(mark);
    if (at == std::string::npos) return std::nullopt;
    double value = 0;
    const char* from = words.data() + at + mark.size();
    const auto read = std::from_chars(from, words.data() + words.size(), value);
    return read.ec == std::errc{} ? std::optional{value} : std::nullopt;
  };
  if (const auto always = number_after("always ")) return {.is_queue_length = false, .busy = *always, .idle = *always};
  const auto busy = number_after("custom: "), idle = number_after(" if requests>0 else ");
  if (!busy || !idle) throw std::runtime_error("the policy `" + words + "` is not known");
  return {.is_queue_length = false, .busy = *busy, .idle = *idle};
}

std::int32_t wrapped(const RayServePolicy& policy, const Core& core, RayDelay& delay, Instant now,
                     const RayLoad& load) {
  if (const auto woken = ray_cold_start(policy, load)) return *woken;
  const double raw = core.is_queue_length ? ray_core(policy, load) : load.ongoing > 0 ? core.busy : core.idle;
  return ray_delayed(policy, delay, now, ray_factored(policy, raw, load.target), load.target);
}

RayLoad read_load(const Json& step) {
  return {.running = step.at("running").get<std::int32_t>(),
          .target = step.at("target").get<std::int32_t>(),
          .ongoing = step.at("requests").get<double>()};
}

Differences check_policy(const Json& row) {
  Differences found;
  Json config = row.at("config");
  const Core core = read_core(row.at("policy").get<std::string>());
  const double interval = row.at("control_loop_interval_s").get<double>();
  RayDelay kept;
  std::int64_t calls = 0;
  for (const auto& step : row.at("steps")) {
    if (const auto changes = step.find("set_cfg"); changes != step.end()) config.update(*changes);
    const auto policy = read_policy(config);
    const auto repeat = step.value("repeat", std::int64_t{1});
    const bool is_frozen = step.value("frozen_clock", false), is_fresh = step.value("fresh_state", false);
    for (std::int64_t i = 0; i < repeat; ++i, ++calls) {
      RayDelay fresh;
      const Instant now = instant_at(is_frozen ? 0 : interval * static_cast<double>(calls));
      const auto size = wrapped(policy, core, is_fresh ? fresh : kept, now, read_load(step));
      if (step.contains("want")) found.integer("call " + std::to_string(calls), size, step.at("want"));
    }
  }
  return found;
}

Differences check_scaling_factor(const Json& row) {
  Differences found;
  found.integer("size",
                ray_factored(read_policy(row.at("config")), row.at("desired").get<double>(),
                             row.at("current").get<std::int32_t>()),
                row.at("want"));
  return found;
}

Differences check_delay(const Json& row) {
  Differences found;
  const auto policy = read_policy(row.at("config"));
  RayDelay delay;
  for (const auto& step : row.at("steps")) {
    const double t = step.at("t").get<double>();
    const auto size = ray_delayed(policy, delay, instant_at(t), step.at("desired").get<std::int32_t>(),
                                  step.at("target").get<std::int32_t>());
    if (step.contains("want")) found.integer("at " + std::to_string(t), size, step.at("want"));
  }
  return found;
}

Differences check_delay_state(const Json& row) {
  Differences found;
  const auto policy = read_policy(row.at("config"));
  for (const auto& one : row.at("cases")) {
    const auto& have = one.at("have");
    RayDelay delay{.counter = have.at("counter").get<std::int64_t>()};
    if (const auto since = number_or_null(have, "timestamp")) delay.since = instant_at(*since);
    (void)ray_delayed(policy, delay, instant_at(row.at("now").get<double>()), row.at("desired").get<std::int32_t>(),
                      row.at("target").get<std::int32_t>());
    const auto& want = one.at("want");
    found.integer("counter", delay.counter, want.at("counter"));
    compare(found, "timestamp", delay.since ? std::optional{seconds(*delay.since)} : std::nullopt,
            want.at("timestamp"));
  }
  return found;
}

Differences check_app_policy(const Json& row) {
  Differences found;
  const auto policy = read_policy(row.at("config"));
  const Core core = read_core(row.at("policy").get<std::string>());
  for (const auto& [name, deployment] : row.at("deployments").items()) {
    RayDelay delay;
    found.integer(name, wrapped(policy, core, delay, Instant{}, read_load(deployment)), row.at("want").at(name));
  }
  return found;
}

Differences check_desired_range(const Json& row) {
  Differences found;
  const auto& config = row.at("config");
  auto policy = read_policy(config);
  policy.target_ongoing_requests = number_or_null(config, "target_ongoing_requests").value_or(1);
  const auto running = row.at("running").get<std::int32_t>();
  const RayLoad load{.running = running, .target = running, .ongoing = row.at("requests").get<double>()};
  const auto size =
      std::clamp(ray_factored(policy, ray_core(policy, load), running), config.at("min_replicas").get<std::int32_t>(),
                 config.at("max_replicas").get<std::int32_t>());
  if (size < row.at("want_min").get<std::int32_t>() || size > row.at("want_max").get<std::int32_t>())
    found.say("size " + std::to_string(size) + " outside " + row.at("want_min").dump() + ".." +
              row.at("want_max").dump());
  return found;
}

}  // namespace

std::span<const VectorKind> ray_serve_vectors() {
  static constexpr std::array kinds{VectorKind{"ray.policy", check_policy},
                                    VectorKind{"ray.scaling_factor", check_scaling_factor},
                                    VectorKind{"ray.delay", check_delay},
                                    VectorKind{"ray.delay_state", check_delay_state},
                                    VectorKind{"ray.app_policy", check_app_policy},
                                    VectorKind{"ray.merge", check_merge},
                                    VectorKind{"ray.time_weighted_average", check_average},
                                    VectorKind{"ray.aggregate", check_aggregate},
                                    VectorKind{"ray.clip_window", check_clip},
                                    VectorKind{"ray.desired_range", check_desired_range}};
  return kinds;
}

}  // namespace tidegate
