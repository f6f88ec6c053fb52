// The tables as JSON Schema 2020-12, for editors.
#include <cmath>
#include <nlohmann/json.hpp>

#include "serve/config/schema.h"

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;

std::string definition_name(const Section& section) {
  std::string name{section.name};
  for (auto& c : name)
    if (c == ' ') c = '_';
  return name;
}

Json reference(std::string_view name) { return {{"$ref", "#/$defs/" + std::string{name}}}; }

void add_bounds(Json& json, const Setting& setting) {
  const auto number = [](double value) {
    return value == std::floor(value) ? Json(static_cast<std::int64_t>(value)) : Json(value);
  };
  if (std::isfinite(setting.detail.low)) json["minimum"] = number(setting.detail.low);
  if (std::isfinite(setting.detail.high)) json["maximum"] = number(setting.detail.high);
}

Json schema_of(const Setting& setting) {
  Json json;
  switch (setting.kind) {
    case SettingKind::text:
      return {{"type", {"string", "number", "boolean"}}};
    case SettingKind::choice:
      return {{"enum", setting.detail.choices}};
    case SettingKind::boolean:
      return {{"type", "boolean"}};
    case SettingKind::integer:
      json["type"] = "integer";
      add_bounds(json, setting);
      return json;
    case SettingKind::number:
      json["type"] = "number";
      add_bounds(json, setting);
      return json;
    case SettingKind::share:
    case SettingKind::duration:
    case SettingKind::bytes:
    case SettingKind::price:
    case SettingKind::rate:
      return reference(kind_text(setting));
    case SettingKind::value:
      return reference("text_or_reference");
    case SettingKind::secret:
      return reference("reference");
    case SettingKind::values:
      return {{"type", "object"}, {"additionalProperties", reference("text_or_reference")}};
    case SettingKind::section:
      return reference(definition_name(*setting.detail.section));
    case SettingKind::list:
      json = {{"type", "array"}, {"items", schema_of(setting.detail.shapes[0])}};
      if (std::isfinite(setting.detail.high)) json["maxItems"] = static_cast<std::int64_t>(setting.detail.high);
      return json;
    case SettingKind::one_of:
      for (const auto& shape : setting.detail.shapes) json["anyOf"].push_back(schema_of(shape));
      return json;
  }
  return json;
}

Json literal_value(const Setting& setting) {
  const auto text = std::string{setting.fallback.text};
  const bool plain = setting.kind == SettingKind::integer || setting.kind == SettingKind::number ||
                     setting.kind == SettingKind::boolean || setting.kind == SettingKind::share;
  return plain ? Json::parse(text) : Json(text);
}

Json section_schema(const Section& section) {
  Json json{{"type", "object"}, {"description", section.help}, {"additionalProperties", false}};
  Json properties = Json::object(), needed = Json::array();
  for (const auto* setting : settings_of(section)) {
    auto property = schema_of(*setting);
    property["description"] = setting->help;
    if (setting->fallback.kind == Fallback::Kind::literal) property["default"] = literal_value(*setting);
    properties[std::string{setting->key}] = std::move(property);
  }
  // What is required of an included section is required only where that section is used.
  for (const auto& setting : section.settings)
    if (setting.fallback.kind == Fallback::Kind::required) needed.push_back(setting.key);
  json["properties"] = std::move(properties);
  if (!needed.empty()) json["required"] = std::move(needed);
  return json;
}

Json pattern(std::string_view description, std::string_view expression) {
  return {{"type", "string"}, {"description", description}, {"pattern", expression}};
}

}  // namespace

std::string json_schema() {
  Json json{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
            {"$id", "https://tidegate.dev/schema/configuration.json"},
            {"title", "tidegate configuration"}};
  json.update(section_schema(fleet_section));
  auto& definitions = json["$defs"];
  for (const auto* section : all_sections())
    if (section != &fleet_section) definitions[definition_name(*section)] = section_schema(*section);
  definitions["duration"] = pattern("such as 800ms, 2s, 1h30m", R"(^([0-9]+(\.[0-9]+)?(d|h|m|min|s|ms|us|ns))+$)");
  definitions["size"] = pattern("such as 24GiB", R"(^[0-9]+(\.[0-9]+)? ?([TGMK]iB|[TGMk]?B)$)");
  definitions["price"] = pattern("US dollars per hour, such as $3.50/h", R"(^\$[0-9]+(\.[0-9]+)?/h$)");
  definitions["rate"] = pattern("such as 4 per 1m", R"(^[0-9]+ per [0-9].*$)");
  definitions["share"] = {
      {"anyOf",
       {{{"type", "number"}, {"minimum", 0}, {"maximum", 1}}, pattern("such as 80%", R"(^[0-9]+(\.[0-9]+)?%?$)")}}};
  const auto one = [](std::string_view key) {
    const std::string name{key};
    return Json{{"type", "object"},
                {"additionalProperties", false},
                {"required", {name}},
                {"properties", {{name, {{"type", "string"}, {"minLength", 1}}}}}};
  };
  definitions["reference"] = {{"anyOf", {one("env"), one("file")}}};
  definitions["text_or_reference"] = {{"anyOf", {{{"type", {"string", "number", "boolean"}}}, reference("reference")}}};
  return json.dump(2) + "\n";
}

}  // namespace tidegate
