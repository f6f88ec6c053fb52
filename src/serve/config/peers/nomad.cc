// The settings of HashiCorp's nomad-autoscaler, and how they are read.
#include <array>

#include "serve/config/read_parts.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;

constexpr std::size_t checks_most = 16;
constexpr std::array on_errors{std::string_view{"ignore"}, std::string_view{"fail"}};
constexpr SettingDetail replicas{.unit = "replicas", .low = 0, .high = replicas_limit};
constexpr SettingDetail any_value{.unit = "the signal's", .low = -1e12, .high = 1e12};

constexpr std::array check_shape{Setting{"check", section, required(), "one check", {.section = &nomad_check_section}}};
constexpr std::array nomad_settings{
    Setting{"evaluation_interval",
            duration,
            literal("10s"),
            "time between its decisions",
            {.low = 0.1, .high = hour_seconds}},
    Setting{
        "cooldown", duration, literal("5m"), "time after a change without another", {.low = 0, .high = day_seconds}},
    Setting{"cooldown_on_scale_up",
            duration,
            otherwise("cooldown"),
            "the same after more replicas",
            {.low = 0, .high = day_seconds}},
    Setting{
        "metric_delay", duration, literal("15s"), "age of the metrics it would see", {.low = 0, .high = hour_seconds}},
    Setting{"checks",
            list,
            otherwise("in_flight at a target of 8 per replica"),
            "what is measured and what follows from it; at most 16",
            {.high = checks_most, .shapes = check_shape}}};
constexpr std::array check_includes{&peer_metric_section};
constexpr std::array check_settings{
    Setting{"group", text, otherwise("none"), "in a group, a check that wants no change counts only if all do"},
    Setting{"query_window", duration, literal("1m"), "time whose points are looked at", {.low = 1, .high = 600}},
    Setting{"on_error",
            choice,
            literal("ignore"),
            "when the metric cannot be read: leave the check out, or change nothing",
            {.choices = on_errors}},
    Setting{"schedule", section, otherwise("always"), "when the check counts", {.section = &nomad_schedule_section}},
    Setting{"target_value",
            section,
            otherwise("not used"),
            "keep the metric at a target, in proportion",
            {.section = &nomad_target_value_section}},
    Setting{"threshold",
            section,
            otherwise("not used"),
            "a step while the metric is within bounds",
            {.section = &nomad_threshold_section}},
    Setting{"pass_through",
            section,
            otherwise("not used"),
            "the metric is the number of replicas",
            {.section = &nomad_pass_through_section}},
    Setting{"fixed_value", section, otherwise("not used"), "a fixed size", {.section = &nomad_fixed_value_section}}};
constexpr std::array target_value_settings{
    Setting{"target", number, literal("8"), "the value to keep", {.unit = "the signal's", .low = 0, .high = 1e12}},
    Setting{"threshold",
            number,
            literal("0.01"),
            "deviation of metric / target from one that changes nothing",
            {.unit = "of the target", .low = 0, .high = 1000}},
    Setting{"max_scale_up", integer, otherwise("no limit"), "most replicas added at once", replicas},
    Setting{"max_scale_down", integer, otherwise("no limit"), "most replicas removed at once", replicas}};
constexpr std::array threshold_settings{
    Setting{"lower_bound", number, otherwise("none"), "least value that is within bounds", any_value},
    Setting{"upper_bound", number, otherwise("none"), "least value that is above them", any_value},
    Setting{"delta",
            integer,
            otherwise("not used"),
            "replicas added, or removed when negative",
            {.unit = "replicas", .low = -replicas_limit, .high = replicas_limit}},
    Setting{"percentage",
            number,
            otherwise("not used"),
            "the same in percent of the size",
            {.unit = "percent", .low = -100, .high = 1e6}},
    Setting{"value", integer, otherwise("not used"), "the size", replicas},
    Setting{"within_bounds_trigger",
            integer,
            literal("5"),
            "points of the query window, one a second, that must be within bounds",
            {.unit = "points", .low = 1, .high = 600}}};
constexpr std::array pass_through_settings{
    Setting{"max_scale_up", integer, otherwise("no limit"), "most replicas added at once", replicas},
    Setting{"max_scale_down", integer, otherwise("no limit"), "most replicas removed at once", replicas}};
constexpr std::array fixed_value_settings{Setting{"value", integer, literal("1"), "the size", replicas}};
constexpr std::array schedule_settings{
    Setting{"start", text, required(), "when it begins: cron of five fields, in UTC"},
    Setting{"end", text, otherwise("after `duration`"), "when it ends"},
    Setting{"duration", duration, otherwise("until `end`"), "how long it lasts", {.low = 1, .high = 31 * day_seconds}}};

std::optional<Cron> read_cron(SettingsReader& reader, const YamlNode& node, std::string_view key) {
  std::string written;
  reader.read(key, written);
  if (written.empty()) return std::nullopt;
  auto cron = parse_cron(written);
  if (cron) return std::move(*cron);
  reader.problems().error("bad_cron", node.find(key)->at, std::move(cron.error().message),
                          "write minute, hour, day of month, month, day of week, as `0 8 * * mon-fri`");
  return std::nullopt;
}

NomadSchedule read_schedule(const YamlNode& node, ReadContext context) {
  NomadSchedule schedule;
  SettingsReader reader(node, nomad_schedule_section, context.problems);
  if (auto start = read_cron(reader, node, "start")) schedule.start = std::move(*start);
  schedule.end = read_cron(reader, node, "end");
  std::optional<Duration> length;
  reader.read("duration", length);
  schedule.duration = length.value_or(Duration::zero());
  if (reader.has("end") == length.has_value())
    context.problems.error("missing", node.at, "a schedule has either an `end` or a `duration`",
                           "write for example `duration: 8h`");
  return schedule;
}

NomadThreshold read_threshold(const YamlNode& node, ReadContext context) {
  NomadThreshold threshold;
  SettingsReader reader(node, nomad_threshold_section, context.problems);
  reader.read("lower_bound", threshold.lower_bound);
  reader.read("upper_bound", threshold.upper_bound);
  reader.read("delta", threshold.delta);
  reader.read("percentage", threshold.percentage);
  reader.read("value", threshold.value);
  reader.read("within_bounds_trigger", threshold.within_bounds_trigger);
  if (!threshold.lower_bound && !threshold.upper_bound)
    context.problems.error("missing", node.at, "a threshold has a `lower_bound` or an `upper_bound`", "add one");
  if (threshold.delta.has_value() + threshold.percentage.has_value() + threshold.value.has_value() != 1)
    context.problems.error("missing", node.at, "a threshold has exactly one of `delta`, `percentage` and `value`",
                           "write for example `delta: 1`");
  return threshold;
}

std::vector<NomadStrategy> read_strategies(SettingsReader& reader, ReadContext context) {
  std::vector<NomadStrategy> all;
  if (const auto* given = reader.node("target_value")) {
    NomadTargetValue strategy;
    SettingsReader inner(*given, nomad_target_value_section, context.problems);
    inner.read("target", strategy.target);
    inner.read("threshold", strategy.threshold);
    inner.read("max_scale_up", strategy.max_scale_up);
    inner.read("max_scale_down", strategy.max_scale_down);
    all.emplace_back(strategy);
  }
  if (const auto* given = reader.node("threshold")) all.emplace_back(read_threshold(*given, context));
  if (const auto* given = reader.node("pass_through")) {
    NomadPassThrough strategy;
    SettingsReader inner(*given, nomad_pass_through_section, context.problems);
    inner.read("max_scale_up", strategy.max_scale_up);
    inner.read("max_scale_down", strategy.max_scale_down);
    all.emplace_back(strategy);
  }
  if (const auto* given = reader.node("fixed_value")) {
    NomadFixedValue strategy;
    SettingsReader inner(*given, nomad_fixed_value_section, context.problems);
    inner.read("value", strategy.value);
    all.emplace_back(strategy);
  }
  return all;
}

NomadCheck read_check(const YamlNode& node, ReadContext context) {
  NomadCheck check;
  SettingsReader reader(node, nomad_check_section, context.problems);
  check.metric = read_metric(node, context);
  reader.read("group", check.group);
  reader.read("query_window", check.query_window);
  reader.choose("on_error", check.on_error);
  if (const auto* schedule = reader.node("schedule")) check.schedule = read_schedule(*schedule, context);
  auto strategies = read_strategies(reader, context);
  if (strategies.size() == 1)
    check.strategy = strategies.front();
  else
    context.problems.error("missing", node.at,
                           "a check has exactly one of `target_value`, `threshold`, `pass_through` and `fixed_value`",
                           "write for example `target_value: {target: 8}`");
  return check;
}

}  // namespace

constexpr Section nomad_policy_section{"nomad policy",
                                       "services[].policy.nomad",
                                       "HashiCorp's nomad-autoscaler; min and max are the service's `replicas`.",
                                       nomad_settings,
                                       {},
                                       {}};
constexpr Section nomad_check_section{"nomad check",
                                      "services[].policy.nomad.checks[]",
                                      "A metric and exactly one strategy.",
                                      check_settings,
                                      check_includes,
                                      {}};
constexpr Section nomad_target_value_section{"nomad target_value",
                                             "services[].policy.nomad.checks[].target_value",
                                             "Nomad's target-value strategy.",
                                             target_value_settings,
                                             {},
                                             {}};
constexpr Section nomad_threshold_section{"nomad threshold",
                                          "services[].policy.nomad.checks[].threshold",
                                          "Nomad's threshold strategy: a bound, and exactly one of delta, percentage "
                                          "and value.",
                                          threshold_settings,
                                          {},
                                          {}};
constexpr Section nomad_pass_through_section{"nomad pass_through",
                                             "services[].policy.nomad.checks[].pass_through",
                                             "Nomad's pass-through strategy.",
                                             pass_through_settings,
                                             {},
                                             {}};
constexpr Section nomad_fixed_value_section{"nomad fixed_value",
                                            "services[].policy.nomad.checks[].fixed_value",
                                            "Nomad's fixed-value strategy.",
                                            fixed_value_settings,
                                            {},
                                            {}};
constexpr Section nomad_schedule_section{"nomad schedule",
                                         "services[].policy.nomad.checks[].schedule",
                                         "When a check counts, by UTC: from `start` to `end`, or for `duration`.",
                                         schedule_settings,
                                         {},
                                         {}};

NomadPolicy read_nomad(const YamlNode& node, ReadContext context) {
  NomadPolicy policy;
  SettingsReader reader(node, nomad_policy_section, context.problems);
  reader.read("evaluation_interval", policy.evaluation_interval);
  reader.read("cooldown", policy.cooldown);
  reader.read("cooldown_on_scale_up", policy.cooldown_on_scale_up);
  reader.read("metric_delay", policy.metric_delay);
  const auto* checks = reader.node("checks");
  if (!checks) return policy;
  policy.checks.clear();
  if (checks->kind != YamlKind::list) reader.wrong_form(*checks, "checks", "a list", "begin each with `- signal:`");
  for (const auto& item : checks->items)
    if (policy.checks.size() < checks_most) policy.checks.push_back(read_check(item, context));
  if (checks->items.size() > checks_most)
    context.problems.error("too_many", checks->at, "a policy has at most 16 checks", "use several policies");
  return policy;
}

}  // namespace tidegate
