// What concerns several fields, in CEL. The messages are the reader's, so that a user meets one wording.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/model/slo.h"
#include "serve/resource/resource_schema.h"

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;

struct Rule {
  const Section* section = nullptr;
  std::string_view rule;
  std::string_view message;
  std::string_view field;  // that the message is about; empty: the section itself
};

constexpr Rule fixed_rules[] = {
    {&service_section, "has(self.pools) || has(self.target)",
     "nothing is scaled: write `target`, or `pools` with a target each", ""},
    {&service_section,
     "!has(self.mode) || self.mode != 'shadow' || has(self.traffic) || "
     "(has(self.replicas) && has(self.replicas.min) && self.replicas.min > 0)",
     "at zero replicas nothing would see a request arrive, since in shadow mode the gateway gets none: add `traffic`, "
     "or "
     "set `replicas.min` to 1 or more",
     ".replicas"},
    {&replicas_section, "!has(self.min) || !has(self.max) || self.min <= self.max",
     "`min` is above `max`: raise `max` or lower `min`", ".min"},
    {&schedule_entry_section, "!has(self.min) || !has(self.max) || self.min <= self.max",
     "`min` is above `max`: raise `max` or lower `min`", ".min"},
    {&hpa_scaling_section, "has(self.pods) != has(self.percent)",
     "one limit is in pods or in percent: write one of `pods` and `percent`", ""},
    {&nomad_threshold_section, "[has(self.delta), has(self.percentage), has(self.value)].filter(x, x).size() == 1",
     "write one of `delta`, `percentage` and `value`", ""},
    {&nomad_schedule_section, "has(self.end) != has(self.duration)", "write one of `end` and `duration`", ""},
};

Json rule_json(std::string_view rule, std::string_view message, std::string_view field = "") {
  Json json{{"rule", rule}, {"message", message}};
  if (!field.empty()) json["fieldPath"] = field;
  return json;
}

// Every one of `keys` that is given, counted.
std::string given_of(const std::vector<std::string>& keys) {
  std::string list;
  for (const auto& key : keys) list += fmt::format("{}has(self.{})", list.empty() ? "" : ", ", key);
  return fmt::format("[{}].filter(x, x).size()", list);
}

std::vector<std::string> keys_of(const Json& properties) {
  std::vector<std::string> keys;
  for (const auto& [key, ignored] : properties.items()) keys.push_back(key);
  return keys;
}

// What has no type, CEL does not see: the reader says the same of `price`.
void add_short_form(const Json& properties, Json& rules) {
  std::string any, names;
  for (const auto& setting : replica_section.settings) {
    if (!properties[std::string{setting.key}].contains("type")) continue;
    any += fmt::format("{}has(self.{})", any.empty() ? "" : " || ", setting.key);
    names += fmt::format("{}`{}`", names.empty() ? "" : ", ", setting.key);
  }
  rules.push_back(rule_json(
      fmt::format("!has(self.pools) || !({})", any),
      fmt::format("beside `pools` none of {} may stand: move it into the pool it belongs to", names), ".pools"));
}

// A custom signal needs a name, a latency is named with its percentile, a utilization is a share.
void add_signal_rules(const Json& properties, Json& rules) {
  if (!properties.contains("signal") || !properties.contains("name")) return;
  const std::string optional = properties["signal"].contains("default") ? "" : "!has(self.signal) || ";
  rules.push_back(
      rule_json(optional + "self.signal != 'custom' || has(self.name)", "a custom signal lacks its `name`", ".name"));
  std::string latencies, names;
  for (const auto& kind : enum_texts<LatencyKind>) {
    latencies += fmt::format("{}'{}'", latencies.empty() ? "" : ", ", kind.text);
    for (const auto& percentile : enum_texts<Percentile>)
      names += fmt::format("{}'{}_{}'", names.empty() ? "" : ", ", kind.text, percentile.text);
  }
  rules.push_back(
      rule_json(fmt::format("{}!(self.signal in [{}]) || (has(self.name) && self.name.startsWith(self.signal + '_') && "
                            "self.name in [{}])",
                            optional, latencies, names),
                "a latency is named with its percentile, such as `name: ttft_p99`", ".name"));
  if (properties.contains("type"))
    rules.push_back(
        rule_json("!has(self.type) || self.type != 'utilization' || (has(self.signal) && self.signal in "
                  "['gpu_util', 'gpu_memory', 'kv_usage', 'custom'])",
                  "only gpu_util, gpu_memory, kv_usage and custom signals are shares and have a utilization", ".type"));
}

}  // namespace

Json resource_rules(const Section& section, const Json& properties) {
  Json rules = Json::array();
  for (const auto& rule : fixed_rules)
    if (rule.section == &section) rules.push_back(rule_json(rule.rule, rule.message, rule.field));
  if (&section == &service_section) add_short_form(properties, rules);
  if (&section == &policy_section || (&section == &target_section && properties.size() > 1)) {
    rules.push_back(rule_json(given_of(keys_of(properties)) + " == 1",
                              fmt::format("a {} is named by one key: write exactly one", section.name)));
  }
  if (properties.contains("gpus") && properties.contains("gpu_memory"))
    rules.push_back(rule_json(
        "!has(self.gpu_memory) || !has(self.gpus) || self.gpus <= 1",
        "a replica takes several whole GPUs or shares one, not both: remove `gpu_memory` or `gpus`", ".gpu_memory"));
  if (properties.contains("gpus") && properties.contains("gpu_share"))
    rules.push_back(rule_json("!has(self.gpu_share) || !has(self.gpus) || self.gpus == 0",
                              "a replica takes whole GPUs or a share of one, not both: remove `gpu_share` or `gpus`",
                              ".gpu_share"));
  add_signal_rules(properties, rules);
  return rules;
}

}  // namespace tidegate
