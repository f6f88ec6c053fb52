// The tables as a structural schema.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "serve/resource/resource_schema.h"

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;

// The API server refuses rules whose worst case is dear, and prices lists and texts without a bound as endless.
constexpr std::int64_t items_most = 16;
constexpr std::int64_t text_most = 1024;
struct Bound {
  std::string_view key;
  std::int64_t most;
};
constexpr Bound bounds[] = {{"policy", 8},    {"compare_with", 8}, {"queries", 32}, {"model", 64},   {"name", 253},
                            {"query", 4096},  {"arrivals", 4096},  {"url", 2048},   {"secret", 253}, {"key", 253},
                            {"timezone", 64}, {"start", 128},      {"end", 128},    {"entries", 64}};

std::int64_t bound_of(std::string_view key, std::int64_t otherwise) {
  const auto found = std::ranges::find(bounds, key, &Bound::key);
  return found == std::end(bounds) ? otherwise : found->most;
}

Json pattern(std::string_view expression, std::int64_t most) {
  return {{"type", "string"}, {"maxLength", most}, {"pattern", expression}};
}

Json number_schema(std::string_view type, const Setting& setting) {
  Json json{{"type", type}};
  const auto bound = [](double value) {
    return value == std::floor(value) && std::abs(value) < 1e15 ? Json(static_cast<std::int64_t>(value)) : Json(value);
  };
  if (std::isfinite(setting.detail.low)) json["minimum"] = bound(setting.detail.low);
  if (std::isfinite(setting.detail.high)) json["maximum"] = bound(setting.detail.high);
  return json;
}

// "Longest a request waits. From 0s to 1h. Default: 50s."
std::string description(const Setting& setting) {
  std::string text{setting.help};
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  text += '.';
  if (const auto range = unit_and_range(setting); !range.empty())
    text.insert(text.size() - 1, fmt::format(" ({})", range));
  if (setting.kind == SettingKind::duration) text += " A duration such as 800ms, 2s, 1h30m.";
  if (setting.kind == SettingKind::bytes) text += " A size such as 24GiB.";
  if (setting.kind == SettingKind::rate) text += " Written as `4 per 1m`.";
  if (setting.kind == SettingKind::share) text += " A share from 0 to 1.";
  if (setting.fallback.kind != Fallback::Kind::required) text += fmt::format(" Default: {}.", setting.fallback.text);
  return text;
}

Json section_schema(const Section& section);
Json schema_of(const Setting& setting);

// What a price is: text, or the price of a whole node. No type, since Kubernetes has none for "one or the other".
Json price_schema(const Setting& setting) {
  auto json = section_schema(*setting.detail.shapes.back().detail.section);
  json.erase("type");
  json.erase("description");
  json["pattern"] = R"(^\$[0-9]+(\.[0-9]+)?/h$)";
  json["x-kubernetes-preserve-unknown-fields"] = true;
  return json;
}

// Lists of things with a name are merged by it.
Json list_schema(const Setting& setting) {
  Json json{{"type", "array"}, {"items", schema_of(setting.detail.shapes[0])}};
  const bool bounded = std::isfinite(setting.detail.high);
  json["maxItems"] = bounded ? static_cast<std::int64_t>(setting.detail.high) : bound_of(setting.key, items_most);
  if (setting.key == "pools") {
    json["minItems"] = 1;
    json["items"]["required"] = {"name", "target"};
    json["x-kubernetes-list-type"] = "map";
    json["x-kubernetes-list-map-keys"] = {"name"};
  } else {
    json["x-kubernetes-list-type"] = "atomic";
  }
  return json;
}

Json schema_of(const Setting& setting) {
  switch (setting.kind) {
    case SettingKind::text:
      // A port may be a number, as Kubernetes' own ports.
      if (setting.key == "port") return {{"x-kubernetes-int-or-string", true}};
      return {{"type", "string"}, {"minLength", 1}, {"maxLength", bound_of(setting.key, text_most)}};
    case SettingKind::choice:
      return {{"type", "string"}, {"enum", setting.detail.choices}};
    case SettingKind::boolean:
      return {{"type", "boolean"}};
    case SettingKind::integer:
      return number_schema("integer", setting);
    case SettingKind::number:
      return number_schema("number", setting);
    case SettingKind::share:
      return {{"type", "number"}, {"minimum", 0}, {"maximum", 1}};
    case SettingKind::duration:
      return pattern(R"(^([0-9]+(\.[0-9]+)?(d|h|min|m|s|ms|us|ns))+$)", 32);
    case SettingKind::bytes:
      return pattern(R"(^[0-9]+(\.[0-9]+)? ?([TGMK]iB|[TGMk]?B)$)", 32);
    case SettingKind::price:
      return pattern(R"(^\$[0-9]+(\.[0-9]+)?/h$)", 32);
    case SettingKind::rate:
      return pattern(R"(^[0-9]+ per [0-9].*$)", 32);
    case SettingKind::value:
      return pattern("^https?://", bound_of(setting.key, text_most));
    case SettingKind::secret:
      return section_schema(secret_section);
    case SettingKind::section:
      return section_schema(*setting.detail.section);
    case SettingKind::list:
      return list_schema(setting);
    case SettingKind::one_of:
      if (setting.detail.shapes[0].kind == SettingKind::price) return price_schema(setting);
      if (setting.detail.shapes.back().kind != SettingKind::list) return schema_of(setting.detail.shapes.back());
      break;
    case SettingKind::values:
      break;
  }
  // Of the shapes the list; its bound is the setting's, not the shape's.
  const auto& list = setting.detail.shapes.back();
  Json json = list_schema(list);
  json["maxItems"] = bound_of(setting.key, items_most);
  return json;
}

bool is_left_out(const Section& section, const Setting& setting) {
  return (&section == &service_section && setting.key == "name") ||
         (&section == &target_section && setting.key == "process");
}

// The setting's own words, then those of its section where they add something.
std::string described(const Setting& setting, const std::string& below) {
  if (setting.key == "target") return "What starts and stops the replicas. " + below;
  if (setting.key == "price")
    return description(setting) + " Written as `$3.50/h`, or as the price of a whole node with its `gpus`.";
  if (setting.key == "policy" || setting.key == "compare_with")
    return description(setting) + " Each item has one key, the name of a policy, with its settings: `- slo: {}`.";
  std::string lower = below;
  if (!lower.empty()) lower.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(lower.front())));
  if (lower.ends_with('.')) lower.pop_back();
  const bool adds = !lower.empty() && !setting.help.contains(lower);
  return description(setting) + (adds ? " " + below : "");
}

void collect(const Section& section, Json& properties) {
  for (const auto& setting : section.settings) {
    if (is_left_out(section, setting)) continue;
    auto property = schema_of(setting);
    property["description"] = described(setting, property.value("description", std::string{}));
    properties[std::string{setting.key}] = std::move(property);
  }
  for (const auto* included : section.includes)
    if (included != &process_section) collect(*included, properties);
}

Json section_schema(const Section& section) {
  Json properties = Json::object(), needed = Json::array();
  collect(section, properties);
  for (const auto* setting : settings_of(section))
    if (setting->fallback.kind == Fallback::Kind::required && properties.contains(setting->key) &&
        !(&section == &service_section))
      needed.push_back(setting->key);
  Json json{{"type", "object"}, {"description", section.help}};
  if (&section == &slo_section || &section == &target_section) json["minProperties"] = 1;
  if (auto rules = resource_rules(section, properties); !rules.empty()) json["x-kubernetes-validations"] = rules;
  if (!needed.empty()) json["required"] = std::move(needed);
  json["properties"] = std::move(properties);
  return json;
}

}  // namespace

nlohmann::ordered_json resource_spec_schema() {
  auto json = section_schema(service_section);
  json["description"] =
      "One served model with one SLO and one stream of requests: an entry of a file's `services`, without its name. "
      "With a single pool, the settings of the pool may stand here directly.";
  // So that a column can show it.
  json["properties"]["mode"]["default"] = "act";
  return json;
}

}  // namespace tidegate
