// Rows of Knative's unit tests (../shared/conformance/README.md, kpa.jsonl).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "core/policy/peers/knative_apply.h"
#include "core/policy/peers/knative_scaler.h"
#include "core/policy/peers/knative_target.h"
#include "core/policy/peers/knative_windows.h"
#include "vectors.h"

namespace tidegate {
namespace {

Duration duration(const Json& row, const char* name) { return from_seconds(row.at(name).get<double>()); }
Instant instant(const Json& seconds) { return instant_at(seconds.get<double>()); }

template <class Value>
std::optional<Value> given(const Json& row, const char* name) {
  const auto found = row.find(name);
  return found == row.end() || found->is_null() ? std::nullopt : std::optional{found->get<Value>()};
}

// ---- the scaler

KnativeScaleSettings read_spec(const Json& spec) {
  KnativeScaleSettings settings;
  const auto read = [&](const char* name, double& into) { into = given<double>(spec, name).value_or(into); };
  read("target_value", settings.target);
  read("total_value", settings.total);
  read("target_burst_capacity", settings.target_burst_capacity);
  read("panic_threshold", settings.panic_threshold);
  read("max_scale_up_rate", settings.max_scale_up_rate);
  read("max_scale_down_rate", settings.max_scale_down_rate);
  if (const auto window = given<double>(spec, "stable_window_s")) settings.stable_window = from_seconds(*window);
  if (const auto delay = given<double>(spec, "scale_down_delay_s")) settings.scale_down_delay = from_seconds(*delay);
  settings.activation_scale = given<std::int32_t>(spec, "activation_scale").value_or(settings.activation_scale);
  settings.is_reachable = spec.value("reachable", true);
  return settings;
}

KnativeScaleMemory read_start(const Json& init, const KnativeScaleSettings& settings, Instant now) {
  const bool is_counted = !init.value("pod_count_error", false);
  auto memory = knative_start(settings, now, is_counted ? given<std::int32_t>(init, "ready_pods") : std::nullopt);
  if (const auto ago = given<double>(init, "panic_started_s_ago")) memory.panic_since = now - from_seconds(*ago);
  if (const auto pods = given<std::int32_t>(init, "max_panic_pods")) memory.max_panic_pods = *pods;
  return memory;
}

KnativeScaleInput read_input(const Json& step) {
  KnativeScaleInput input;
  if (!step.value("pod_count_error", false)) input.ready = step.at("ready_pods").get<std::int32_t>();
  if (!step.value("metric_error", false))
    input.windows = {.stable = step.at("stable").get<double>(), .panic = step.at("panic").get<double>()};
  return input;
}

void compare_panic(Differences& found, const KnativeScaleMemory& memory, const Json& want) {
  const bool is_panicking = memory.panic_since.has_value();
  for (const char* name : {"panicking", "model_panicking"})
    if (want.contains(name)) found.truth(name, is_panicking, want.at(name));
  if (const auto entered = given<double>(want, "panic_entered_at")) {
    if (is_panicking)
      found.number("panic_entered_at", seconds(*memory.panic_since), Json(*entered));
    else
      found.say("no panic");
  }
}

Differences check_scale(const Json& row) {
  Differences found;
  Json spec = row.at("spec");
  auto settings = read_spec(spec);
  const auto& steps = row.at("steps");
  auto memory = read_start(row.at("init"), settings, instant(steps.at(0).at("t")));
  for (const auto& step : steps) {
    if (const auto changes = step.find("update_spec"); changes != step.end()) {
      spec.update(*changes);
      settings = read_spec(spec);
    }
    const auto& want = step.at("want");
    const auto scale = knative_scale(settings, memory, instant(step.at("t")), read_input(step));
    found.truth("valid", scale.has_value(), want.at("valid"));
    if (scale && want.contains("desired")) found.integer("desired", scale->desired, want.at("desired"));
    if (scale && want.contains("ebc"))
      found.number("ebc", scale->excess_burst_capacity, want.at("ebc"), row.value("ebc_tolerance", 0.0));
    compare_panic(found, memory, want);
  }
  return found;
}

Differences check_start_panic(const Json& row) {
  Differences found;
  const auto memory = read_start(row.at("init"), {}, Instant{});
  const auto& want = row.at("want");
  compare_panic(found, memory, want);
  if (want.contains("max_panic_pods"))
    found.integer("max_panic_pods", memory.max_panic_pods, want.at("max_panic_pods"));
  return found;
}

Differences check_decider_init(const Json& row) {
  Differences found;
  found.integer("desired", -1, row.at("want").at("desired"));
  found.number("ebc",
               knative_initial_burst_capacity(row.at("target_burst_capacity").get<double>(),
                                              given<double>(row, "initial_scale").value_or(1),
                                              given<double>(row, "total_value").value_or(0)),
               row.at("want").at("ebc"));
  return found;
}

// ---- the windows

KnativeAggregation read_algorithm(const Json& row) {
  const auto algorithm = from_text<KnativeAggregation>(row.value("algorithm", std::string{"linear"}));
  if (!algorithm) throw std::runtime_error("the algorithm is not known");
  return *algorithm;
}

Differences check_window(const Json& row) {
  Differences found;
  const double tolerance = row.value("tolerance", 0.0);
  const auto algorithm = read_algorithm(row);
  BucketWindow window{duration(row, "window_s"), duration(row, "granularity_s")};
  for (const auto& op : row.at("ops")) {
    const auto name = op.at("op").get<std::string>();
    if (name == "record")
      window.record(instant(op.at("t")), op.at("v").get<double>());
    else if (name == "avg")
      found.number("avg at " + op.at("t").dump(), window.average(instant(op.at("t")), algorithm), op.at("want"),
                   op.value("tolerance", tolerance));
    else if (name == "sum")
      found.number("sum at " + op.at("t").dump(), window.sum(instant(op.at("t"))), op.at("want"),
                   op.value("tolerance", tolerance));
    else if (name == "resize")
      window.resize(duration(op, "window_s"));
    else
      found.say("unknown op " + name);
    if (op.contains("want_buckets"))
      found.integer("buckets", static_cast<std::int64_t>(window.size()), op.at("want_buckets"));
  }
  return found;
}

Differences check_bucket_values(const Json& row) {
  Differences found;
  BucketWindow window{duration(row, "window_s"), duration(row, "granularity_s")};
  for (const auto& record : row.at("records")) window.record(instant(record.at(0)), record.at(1).get<double>());
  const auto buckets = window.nonzero();
  const auto& want = row.at("want_nonzero");
  found.integer("buckets", static_cast<std::int64_t>(buckets.size()), Json(want.size()));
  for (const auto& [start, sum] : want.items()) {
    const Instant at = instant_at(std::stod(start));
    const auto bucket = std::ranges::find(buckets, at, &BucketWindow::Bucket::start);
    if (bucket == buckets.end())
      found.say("no bucket at " + start);
    else
      found.number("bucket at " + start, bucket->sum, sum);
  }
  return found;
}

Differences check_smoothing(const Json& row) {
  Differences found;
  found.number("coefficient", smoothing_coefficient(row.at("buckets").get<double>()), row.at("want"),
               row.value("tolerance", 0.0));
  return found;
}

Differences check_collector(const Json& row) {
  Differences found;
  const Instant at = instant(row.at("at"));
  for (const auto& [metric, proxied] : {std::pair{"conc", "proxied_conc"}, std::pair{"rps", "proxied_rps"}})
    for (const auto& [name, seconds] : {std::pair{"stable", "stable_window_s"}, std::pair{"panic", "panic_window_s"}}) {
      BucketWindow window{duration(row, seconds), 1s};
      for (const auto& record : row.at("records"))
        window.record(instant(record.at("t")), record.at(metric).get<double>() - record.at(proxied).get<double>());
      const auto what = fmt::format("{}_{}", name, std::string_view{metric} == "conc" ? "concurrency" : metric);
      if (row.at("want").contains(what))
        found.number(what, window.average(at, KnativeAggregation::linear), row.at("want").at(what),
                     row.value("tolerance", 0.0));
    }
  return found;
}

Differences check_sliding_max(const Json& row) {
  Differences found;
  SlidingMax window{.size = row.at("size").get<std::int64_t>()};
  for (std::size_t i = 0; i < row.at("values").size(); ++i)
    found.number(fmt::format("after {}", i),
                 record(window, row.at("index").at(i).get<std::int64_t>(), row.at("values").at(i).get<double>()),
                 row.at("want").at(i));
  return found;
}

Differences check_sliding_max_time(const Json& row) {
  Differences found;
  const Duration granularity = duration(row, "granularity_s");
  SlidingMax window{.size = slots_of(duration(row, "duration_s"), granularity)};
  double highest = 0;
  for (const auto& one : row.at("records"))
    highest = record(window, slot_of(instant(one.at(0)), granularity), one.at(1).get<double>());
  found.number("maximum", highest, row.at("want"));
  return found;
}

// ---- settings

Differences check_sample_size(const Json& row) {
  Differences found;
  found.integer("pods", knative_sample_size(row.at("population").get<std::int64_t>()), row.at("want"));
  return found;
}

Differences check_metric_target(const Json& row) {
  Differences found;
  const auto& config = row.at("config");
  const auto metric = from_text<KnativeMetric>(row.at("metric").get<std::string>());
  if (!metric) throw std::runtime_error("the metric is not known");
  const auto target =
      knative_target({.metric = *metric,
                      .container_concurrency = row.at("container_concurrency").get<double>(),
                      .target = given<double>(row, "target_annotation"),
                      .utilization_percentage = given<double>(row, "target_utilization_percentage")},
                     {.concurrency_utilization = config.at("container_concurrency_target_fraction").get<double>(),
                      .rps_utilization = config.at("target_utilization").get<double>(),
                      .concurrency = config.at("container_concurrency_target_default").get<double>(),
                      .rps = config.at("rps_target_default").get<double>()});
  found.number("target", target.target, row.at("want").at("target"));
  found.number("total", target.total, row.at("want").at("total"));
  return found;
}

Differences check_initial_scale(const Json& row) {
  Differences found;
  found.integer("scale",
                knative_initial_scale(row.at("config_initial_scale").get<std::int32_t>(),
                                      row.at("allow_zero").get<bool>(), given<std::int32_t>(row, "annotation")),
                row.at("want"));
  return found;
}

Differences check_panic_window(const Json& row) {
  Differences found;
  const auto window =
      knative_panic_window(duration(row, "stable_window_s"), row.at("panic_window_percentage").get<double>(),
                           duration(row, "bucket_size_s"));
  found.number("window", seconds(window), row.at("want"));
  return found;
}

Differences check_apply(const Json& row) {
  Differences found;
  const auto& in = row.at("input");
  const auto state = from_text<KnativeState>(in.at("state").get<std::string>());
  if (!state) throw std::runtime_error("the state is not known");
  const auto applied = knative_apply({.enable_scale_to_zero = in.at("enable_scale_to_zero").get<bool>(),
                                      .grace = duration(in, "grace_s"),
                                      .stable_window = duration(in, "stable_window_s"),
                                      .pod_retention = duration(in, "pod_retention_s"),
                                      .progress_deadline = duration(in, "progress_deadline_s"),
                                      .target_burst_capacity = in.at("tbc").get<double>(),
                                      .min_scale = in.at("min_scale").get<std::int32_t>(),
                                      .max_scale = in.at("max_scale").get<std::int32_t>(),
                                      .initial_scale = in.at("initial_scale").get<std::int32_t>(),
                                      .target_initialized = in.at("target_initialized").get<bool>(),
                                      .is_reachable = in.at("reachability").get<std::string>() != "unreachable",
                                      .state = *state,
                                      .in_state = duration(in, "in_state_for_s"),
                                      .proxied = duration(in, "proxy_for_s"),
                                      .activator_answers = given<bool>(in, "activator_probe").value_or(true),
                                      .current = in.at("current_replicas").get<std::int32_t>(),
                                      .desired = in.at("desired_scale").get<std::int32_t>()});
  const auto& want = row.at("want");
  found.integer("desired", applied.desired, want.at("desired"));
  found.truth("applied", applied.is_written, want.at("applied"));
  found.integer("requeues", applied.asks_again ? 1 : 0, want.at("requeues"));
  found.integer("async_probes", applied.probes ? 1 : 0, want.at("async_probes"));
  return found;
}

}  // namespace

std::span<const VectorKind> kpa_vectors() {
  static constexpr std::array kinds{VectorKind{"kpa.scale", check_scale},
                                    VectorKind{"kpa.start_panic", check_start_panic},
                                    VectorKind{"kpa.decider_init_ebc", check_decider_init},
                                    VectorKind{"kpa.window", check_window},
                                    VectorKind{"kpa.bucket_values", check_bucket_values},
                                    VectorKind{"kpa.smoothing_coeff", check_smoothing},
                                    VectorKind{"kpa.collector", check_collector},
                                    VectorKind{"kpa.sliding_max", check_sliding_max},
                                    VectorKind{"kpa.sliding_max_time", check_sliding_max_time},
                                    VectorKind{"kpa.sample_size", check_sample_size},
                                    VectorKind{"kpa.metric_target", check_metric_target},
                                    VectorKind{"kpa.initial_scale", check_initial_scale},
                                    VectorKind{"kpa.panic_window", check_panic_window},
                                    VectorKind{"kpa.apply_scale", check_apply}};
  return kinds;
}

}  // namespace tidegate
