#include <fmt/format.h>

#include <algorithm>

#include "serve/config/read_parts.h"

namespace tidegate {
namespace {

TargetPolicy read_target(const YamlNode& node, ReadContext context) {
  TargetPolicy policy;
  SettingsReader reader(node, target_policy_section, context.problems);
  reader.choose("signal", policy.signal);
  reader.read("name", policy.name);
  reader.read("target", policy.target);
  reader.read("per_replica", policy.per_replica);
  reader.read("tolerance", policy.tolerance);
  reader.read("hold_down", policy.hold_down);
  check_signal_name(node, policy.signal, policy.name, context.problems);
  return policy;
}

ScheduleEntry read_entry(const YamlNode& node, ReadContext context) {
  ScheduleEntry entry;
  SettingsReader reader(node, schedule_entry_section, context.problems);
  const auto read_cron = [&](std::string_view key, Cron& into) {
    std::string text;
    reader.read(key, text);
    if (text.empty()) return;
    auto cron = parse_cron(text);
    if (cron)
      into = std::move(*cron);
    else
      context.problems.error("bad_cron", node.find(key)->at, std::move(cron.error().message),
                             "write minute, hour, day of month, month, day of week, as `0 8 * * mon-fri`");
  };
  read_cron("start", entry.start);
  read_cron("end", entry.end);
  reader.read("min", entry.replicas_min);
  reader.read("max", entry.replicas_max);
  if (entry.replicas_max && *entry.replicas_max < entry.replicas_min)
    context.problems.error("min_above_max", reader.node("max")->at, "the window's `max` is below its `min`",
                           fmt::format("raise it to {} or more", entry.replicas_min.value()));
  return entry;
}

SchedulePolicy read_schedule(const YamlNode& node, ReadContext context) {
  SchedulePolicy policy;
  SettingsReader reader(node, schedule_policy_section, context.problems);
  const auto* entries = reader.node("entries");
  if (!entries) return policy;
  if (entries->kind != YamlKind::list) reader.wrong_form(*entries, "entries", "a list", "begin each with `- start:`");
  for (const auto& item : entries->items) policy.entries.push_back(read_entry(item, context));
  return policy;
}

// A policy with its defaults, by its name.
template <std::size_t I = 0>
std::optional<PolicySpec> default_policy(std::string_view name) {
  if constexpr (I < std::variant_size_v<PolicySpec>) {
    PolicySpec policy{std::in_place_index<I>};
    return policy_name(policy) == name ? std::optional{std::move(policy)} : default_policy<I + 1>(name);
  } else {
    return std::nullopt;
  }
}

std::optional<PolicySpec> policy_of_word(const YamlNode& node, const Setting& words, ReadContext context) {
  if (std::find(words.detail.choices.begin(), words.detail.choices.end(), node.text) != words.detail.choices.end())
    return default_policy(node.text);
  const auto& later = policy_section.later;
  if (node.text == "schedule") {
    context.problems.error("missing", node.at, "the policy `schedule` needs its entries",
                           "write `schedule: {entries: [{start: \"0 8 * * *\", end: \"0 18 * * *\", min: 4}]}`");
  } else if (std::find(later.begin(), later.end(), node.text) != later.end()) {
    context.problems.error("not_in_this_build", node.at, fmt::format("the policy `{}` is not in this build", node.text),
                           fmt::format("what is: {}, schedule", fmt::join(words.detail.choices, ", ")));
  } else {
    const auto nearest = nearest_word(node.text, words.detail.choices);
    context.problems.error("unknown_word", node.at, fmt::format("there is no policy `{}`", node.text),
                           nearest.empty()
                               ? fmt::format("known are: {}, schedule", fmt::join(words.detail.choices, ", "))
                               : fmt::format("did you mean `{}`?", nearest));
  }
  return std::nullopt;
}

std::optional<PolicySpec> policy_of_map(const YamlNode& node, ReadContext context) {
  if (node.keys.size() > 1) {
    context.problems.error("several_policies", node.keys[1].at, "one policy is named by one key, and here is a second",
                           "for several policies write a list: `[{slo: {...}}, {schedule: {...}}]`");
    return std::nullopt;
  }
  SettingsReader reader(node, policy_section, context.problems);
  std::optional<PolicySpec> policy;
  if (const auto* slo = reader.node("slo")) {
    SloPolicy given;
    SettingsReader settings(*slo, slo_policy_section, context.problems);
    settings.read("peak_rate", given.peak_rate);
    settings.read("forecast", given.forecast);
    policy = given;
  }
  if (const auto* target = reader.node("target")) policy = read_target(*target, context);
  if (const auto* schedule = reader.node("schedule")) policy = read_schedule(*schedule, context);
  if (const auto* hpa = reader.node("hpa")) policy = read_hpa(*hpa, context);
  if (const auto* keda = reader.node("keda")) policy = read_keda(*keda, context);
  if (const auto* knative = reader.node("knative")) policy = read_knative(*knative, context);
  if (const auto* ray_serve = reader.node("ray_serve")) policy = read_ray_serve(*ray_serve, context);
  if (const auto* nomad = reader.node("nomad")) policy = read_nomad(*nomad, context);
  if (auto peer = read_cloud_peer(reader, context)) policy = std::move(peer);
  if (const auto* fixed = reader.node("static")) {
    StaticPolicy given;
    SettingsReader settings(*fixed, static_policy_section, context.problems);
    settings.read("replicas", given.replicas);
    policy = given;
  }
  const bool named = node.keys.size() == 1;
  if (!policy && (!named || node.items[0].kind == YamlKind::null))
    context.problems.error("missing", node.at, named ? "the policy has no settings" : "no policy is named",
                           named ? fmt::format("write `policy: {}`", node.keys[0].text) : "write `policy: slo`");
  return policy;
}

}  // namespace

void check_signal_name(const YamlNode& node, Signal signal, std::string& name, Diagnostics& problems) {
  const auto at = place_of(node, node.find("name") ? "name" : "signal");
  const auto word = to_text(signal);
  if (signal == Signal::custom && name.empty()) {
    problems.error("missing", at, "a custom signal lacks its `name`", "add `name: NAME`");
  } else if (from_text<LatencyKind>(word)) {
    if (name.empty()) name = fmt::format("{}_p99", word);
    if (!names_percentile(name, word))
      problems.error("unknown_word", at, fmt::format("`{}` is not a percentile of {}", name, word),
                     fmt::format("write for example `name: {}_p99`", word));
  }
}

std::vector<PolicySpec> read_policies(const YamlNode& node, const Setting& setting, ReadContext context) {
  // Both `policy` and `compare_with` end in the same two shapes: a word, or a map.
  const Setting* shapes =
      setting.kind == SettingKind::list ? setting.detail.shapes[0].detail.shapes.data() : setting.detail.shapes.data();
  std::vector<PolicySpec> policies;
  const auto read_one = [&](const YamlNode& one) {
    std::optional<PolicySpec> policy;
    if (one.kind == YamlKind::scalar)
      policy = policy_of_word(one, shapes[0], context);
    else if (one.kind == YamlKind::map)
      policy = policy_of_map(one, context);
    else
      context.problems.error("wrong_form", one.at, "a policy is a name or a map", "write for example `slo`");
    if (policy) policies.push_back(std::move(*policy));
  };
  if (node.kind != YamlKind::list) {
    read_one(node);
    return policies;
  }
  if (node.items.empty() && setting.kind != SettingKind::list)
    context.problems.error("wrong_form", node.at, "`policy` is an empty list", "write `policy: slo`");
  for (const auto& item : node.items) read_one(item);
  return policies;
}

}  // namespace tidegate
