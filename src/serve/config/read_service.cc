#include <fmt/format.h>

#include <algorithm>

#include "core/base/time_zone.h"
#include "serve/config/read_parts.h"

namespace tidegate {
namespace {

void read_slo(const YamlNode& node, Slo& slo, ReadContext context) {
  SettingsReader reader(node, slo_section, context.problems);
  std::vector<Objective> objectives;
  for (const auto& kind : enum_texts<LatencyKind>) {
    for (const auto& percentile : enum_texts<Percentile>) {
      Objective objective{.kind = kind.value, .percentile = percentile.value};
      std::optional<Duration> bound;
      reader.read(objective.name(), bound);
      if (!bound) continue;
      objective.bound = *bound;
      objectives.push_back(objective);
    }
  }
  if (!objectives.empty())
    slo.objectives = std::move(objectives);
  else if (node.kind == YamlKind::map && node.keys.empty())
    context.problems.error("missing", node.at, "`slo` promises nothing", "write for example `slo: {ttft_p99: 2s}`");
}

void read_replicas(SettingsReader& service, Guardrails& guardrails, ReadContext context) {
  guardrails.replicas_max = replicas_max_default;
  const auto* node = service.node("replicas");
  if (!node) return;
  if (node->kind == YamlKind::scalar) {
    Replicas fixed{0};
    if (service.read_into(*node, service.setting("replicas").detail.shapes[0], fixed))
      guardrails.replicas_min = guardrails.replicas_max = fixed;
    return;
  }
  SettingsReader reader(*node, replicas_section, context.problems);
  reader.read("min", guardrails.replicas_min);
  reader.read("max", guardrails.replicas_max);
  // A least that is given alone must not contradict the default most.
  if (!reader.has("max")) guardrails.replicas_max = std::max(guardrails.replicas_max, guardrails.replicas_min);
}

void read_guardrails(const YamlNode& node, Guardrails& guardrails, ReadContext context) {
  SettingsReader reader(node, guardrails_section, context.problems);
  reader.read("step_up", guardrails.step_up);
  reader.read("step_down", guardrails.step_down);
  reader.read("rate_up", guardrails.rate_up);
  reader.read("rate_down", guardrails.rate_down);
  reader.read("dwell", guardrails.dwell);
}

MatchSpec read_match(const YamlNode& node, ReadContext context) {
  MatchSpec match;
  SettingsReader reader(node, match_section, context.problems);
  if (const auto* model = reader.node("model")) {
    const auto& shapes = reader.setting("model").detail.shapes;
    if (model->kind == YamlKind::list) {
      reader.read_into(*model, shapes[1], match.models);
    } else {
      std::string name;
      if (reader.read_into(*model, shapes[0], name)) match.models = {name};
    }
  }
  reader.read("host", match.host);
  reader.read("path", match.path);
  if (match.path && !match.path->starts_with('/'))
    context.problems.error("bad_path", reader.node("path")->at,
                           fmt::format("the path `{}` does not begin with `/`", *match.path),
                           fmt::format("write `/{}`", *match.path));
  return match;
}

HoldSpec read_hold(const YamlNode& node, ReadContext context) {
  HoldSpec hold;
  SettingsReader reader(node, hold_section, context.problems);
  reader.read("max_age", hold.max_age);
  reader.read("max_requests", hold.max_requests);
  reader.read("max_bytes", hold.max_bytes);
  reader.choose("heartbeat", hold.heartbeat);
  reader.read("heartbeat_period", hold.heartbeat_period);
  return hold;
}

void check_timezone(SettingsReader& service, const ServiceSpec& spec, ReadContext context) {
  const auto* node = service.node("timezone");
  if (!node || find_time_zone(spec.timezone) != nullptr) return;
  // A city alone is the usual mistake.
  std::string_view meant;
  std::vector<std::string_view> names;
  for (const auto& zone : time_zones()) {
    names.push_back(zone.name);
    if (zone.name.ends_with("/" + spec.timezone)) meant = zone.name;
  }
  if (meant.empty()) meant = nearest_word(spec.timezone, names);
  context.problems.error(
      "unknown_timezone", node->at, fmt::format("the time zone `{}` is unknown", spec.timezone),
      meant.empty() ? "write an IANA name such as `Europe/Berlin`" : fmt::format("did you mean `{}`?", meant));
}

void read_pools(const YamlNode& node, SettingsReader& reader, ServiceSpec& service, ReadContext context) {
  const auto* pools = reader.node("pools");
  if (!pools) {
    read_replica(node, service.pools.emplace_back(), context);
    return;
  }
  for (const auto* setting : settings_of(replica_section))
    if (node.find(setting->key))
      context.problems.error("pools_and_short_form", place_of(node, setting->key),
                             fmt::format("`{}` stands beside `pools`", setting->key),
                             "with `pools:`, move it into the pool it belongs to");
  if (pools->kind != YamlKind::list) {
    reader.wrong_form(*pools, "pools", "a list", "begin each pool with `- name: NAME`");
    return;
  }
  if (pools->items.empty())
    context.problems.error("wrong_form", pools->at, "`pools` is an empty list", "leave it out, or add a pool");
  for (const auto& item : pools->items) {
    PoolSpec pool;
    SettingsReader one(item, pool_section, context.problems);
    one.read("name", pool.name);
    if (one.has("name")) check_name(*one.node("name"), "pool", pool.name, context.problems);
    one.read("replicas_max", pool.replicas_max);
    if (item.kind == YamlKind::map) read_replica(item, pool, context);
    service.pools.push_back(std::move(pool));
  }
}

}  // namespace

void check_name(const YamlNode& holder, std::string_view what, std::string_view name, Diagnostics& problems) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  const bool usable = !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), fits) &&
                      name.front() != '.' && name.front() != '-';
  if (usable) return;
  problems.error("bad_name", holder.at, fmt::format("`{}` cannot name a {}", name, what),
                 name.contains('/') ? "name it freely and put the model's name in `match: {model: ...}`"
                                    : "use letters, digits, `.`, `_` and `-`, at most 63, a letter or digit first");
}

ServiceSpec read_service(const YamlNode& node, ReadContext context) {
  ServiceSpec service;
  SettingsReader reader(node, service_section, context.problems);
  reader.read("name", service.name);
  if (reader.has("name") && !service.name.empty())
    check_name(*reader.node("name"), "service", service.name, context.problems);
  reader.choose("mode", service.mode);
  if (const auto* slo = reader.node("slo")) read_slo(*slo, service.slo, context);
  read_replicas(reader, service.guardrails, context);
  if (const auto* guardrails = reader.node("guardrails")) read_guardrails(*guardrails, service.guardrails, context);
  if (const auto* match = reader.node("match")) service.match = read_match(*match, context);
  if (const auto* hold = reader.node("hold")) service.hold = read_hold(*hold, context);
  if (const auto* signals = reader.node("signals")) read_signals(*signals, service.signals, context);
  if (const auto* traffic = reader.node("traffic")) service.signals.traffic = read_traffic(*traffic, context);
  if (const auto* policy = reader.node("policy")) {
    auto policies = read_policies(*policy, reader.setting("policy"), context);
    if (!policies.empty()) service.policies = std::move(policies);
  }
  if (const auto* peers = reader.node("compare_with")) {
    if (peers->kind == YamlKind::list)
      service.compare_with = read_policies(*peers, reader.setting("compare_with"), context);
    else
      reader.wrong_form(*peers, "compare_with", "a list", "write `compare_with: [hpa]`");
  }
  reader.read("timezone", service.timezone);
  check_timezone(reader, service, context);
  reader.read("affinity", service.affinity);
  read_pools(node, reader, service, context);
  return service;
}

}  // namespace tidegate
