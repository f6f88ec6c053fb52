// The settings of KEDA's ScaledObject, and how they are read.
#include <fmt/format.h>

#include <array>

#include "serve/config/read_parts.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;

constexpr double triggers_most = 16;

constexpr std::array metric_types{to_text(HpaTarget::average_value), to_text(HpaTarget::value)};
constexpr std::array trigger_shape{
    Setting{"trigger", section, required(), "one trigger", {.section = &keda_trigger_section}}};

constexpr std::array keda_settings{
    Setting{"triggers",
            list,
            otherwise("in_flight and queued, 8 of each"),
            "what it scales by; the largest proposal wins, and any of them makes it active",
            {.high = triggers_most, .shapes = trigger_shape}},
    Setting{"polling_interval",
            duration,
            literal("30s"),
            "time between looks at the triggers, from zero and to zero",
            {.low = 1, .high = hour_seconds}},
    Setting{"cooldown_period",
            duration,
            literal("5m"),
            "time after the last active look until it goes to zero, in one step",
            {.low = 0, .high = day_seconds}},
    Setting{"initial_cooldown_period",
            duration,
            literal("0s"),
            "the same before any trigger has been active",
            {.low = 0, .high = day_seconds}},
    Setting{"idle_replicas",
            integer,
            otherwise("the minimum"),
            "replicas while no trigger is active, below the minimum",
            {.unit = "replicas", .low = 0, .high = replicas_limit}},
    Setting{"fallback",
            section,
            otherwise("none"),
            "what stands in for a trigger that fails",
            {.section = &keda_fallback_section}},
    Setting{"metric_delay",
            duration,
            literal("15s"),
            "age of the metrics its triggers see",
            {.low = 0, .high = hour_seconds}},
    Setting{"sync_period",
            duration,
            literal("15s"),
            "time between the decisions of its HorizontalPodAutoscaler",
            {.low = 1, .high = hour_seconds}},
    Setting{"tolerance", share, literal("0.1"), "deviation that changes nothing"},
    Setting{"stabilize_up",
            duration,
            otherwise("0s"),
            "window before raising; given, the HorizontalPodAutoscaler has a behavior",
            {.low = 0, .high = hour_seconds}},
    Setting{"stabilize_down",
            duration,
            otherwise("5m"),
            "window before lowering, not to zero; given, the HorizontalPodAutoscaler has a behavior",
            {.low = 0, .high = hour_seconds}}};

constexpr std::array keda_trigger_settings{
    Setting{"signal", choice, literal("in_flight"), "what it reads", {.choices = enum_words<Signal>}},
    Setting{"name", text, otherwise("the signal's name"), "name of a custom signal"},
    Setting{"threshold", number, literal("8"), "its target", {.unit = "the signal's", .low = 1e-3, .high = 1e12}},
    Setting{"activation_threshold",
            number,
            literal("0"),
            "above it the trigger is active",
            {.unit = "the signal's", .low = 0, .high = 1e12}},
    Setting{"metric_type",
            choice,
            literal("average_value"),
            "a total divided by the replicas, or one number",
            {.choices = metric_types}},
    Setting{"ignore_null_values", boolean, literal("true"), "an empty answer is 0, not a failure"},
    Setting{"use_cached_metrics", boolean, literal("false"),
            "the HorizontalPodAutoscaler sees the newest look's value"}};

constexpr std::array keda_fallback_settings{
    Setting{"failure_threshold",
            integer,
            literal("3"),
            "failures in a row that are borne",
            {.unit = "failures", .low = 0, .high = 1e6}},
    Setting{"replicas", integer, required(), "the size", {.unit = "replicas", .low = 0, .high = replicas_limit}},
    Setting{"behavior",
            choice,
            literal("static"),
            "that size, the current one, or the higher or lower of both",
            {.choices = enum_words<KedaFallbackBehavior>}}};

KedaTrigger read_trigger(const YamlNode& node, ReadContext context) {
  KedaTrigger trigger;
  SettingsReader reader(node, keda_trigger_section, context.problems);
  reader.choose("signal", trigger.signal);
  reader.read("name", trigger.name);
  reader.read("threshold", trigger.threshold);
  reader.read("activation_threshold", trigger.activation_threshold);
  reader.choose("metric_type", trigger.metric_type);
  reader.read("ignore_null_values", trigger.ignore_null_values);
  reader.read("use_cached_metrics", trigger.use_cached_metrics);
  check_signal_name(node, trigger.signal, trigger.name, context.problems);
  return trigger;
}

}  // namespace

constexpr Section keda_policy_section{"keda policy",
                                      "services[].policy.keda",
                                      "KEDA's ScaledObject; minReplicaCount and maxReplicaCount are the service's "
                                      "`replicas`.",
                                      keda_settings,
                                      {},
                                      {}};
constexpr Section keda_trigger_section{
    "keda trigger", "services[].policy.keda.triggers[]", "A trigger.", keda_trigger_settings, {}, {}};
constexpr Section keda_fallback_section{"keda fallback",
                                        "services[].policy.keda.fallback",
                                        "A trigger that keeps failing reads as if this size were right.",
                                        keda_fallback_settings,
                                        {},
                                        {}};

KedaPolicy read_keda(const YamlNode& node, ReadContext context) {
  KedaPolicy policy;
  SettingsReader reader(node, keda_policy_section, context.problems);
  std::vector<KedaTrigger> triggers;
  read_each(reader, "triggers", "begin each with `- signal:`",
            [&](const YamlNode& item) { triggers.push_back(read_trigger(item, context)); });
  if (!triggers.empty()) policy.triggers = std::move(triggers);
  reader.read("polling_interval", policy.polling_interval);
  reader.read("cooldown_period", policy.cooldown_period);
  reader.read("initial_cooldown_period", policy.initial_cooldown_period);
  reader.read("idle_replicas", policy.idle_replicas);
  if (const auto* given = reader.node("fallback")) {
    SettingsReader fallback(*given, keda_fallback_section, context.problems);
    policy.fallback.emplace();
    fallback.read("failure_threshold", policy.fallback->failure_threshold);
    fallback.read("replicas", policy.fallback->replicas);
    fallback.choose("behavior", policy.fallback->behavior);
  }
  reader.read("metric_delay", policy.metric_delay);
  reader.read("sync_period", policy.sync_period);
  reader.read("tolerance", policy.tolerance);
  reader.read("stabilize_up", policy.stabilize_up);
  reader.read("stabilize_down", policy.stabilize_down);
  return policy;
}

}  // namespace tidegate
