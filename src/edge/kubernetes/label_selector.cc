#include "edge/kubernetes/label_selector.h"

#include <algorithm>

namespace tidegate {
namespace {

constexpr std::size_t requirements_max = 64;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Letters, digits and what keys and values may hold beside them.
bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/';
  });
}

// At commas outside of parentheses.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    parts.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return parts;
}

std::optional<LabelRequirement> requirement(std::string_view key, LabelRule rule,
                                            const std::vector<std::string_view>& values) {
  key = trimmed(key);
  if (key.empty() || !is_word(key) || !std::ranges::all_of(values, is_word)) return std::nullopt;
  const bool has_values = rule == LabelRule::in || rule == LabelRule::not_in;
  if (has_values == values.empty()) return std::nullopt;
  return LabelRequirement{.key = std::string{key}, .rule = rule, .values = {values.begin(), values.end()}};
}

std::optional<LabelRequirement> set_requirement(std::string_view part) {
  const auto open = part.find('(');
  if (!part.ends_with(')')) return std::nullopt;
  auto head = trimmed(part.substr(0, open));
  const auto values = parts_of(part.substr(open + 1, part.size() - open - 2));
  LabelRule rule = LabelRule::in;
  if (head.ends_with(" notin"))
    rule = LabelRule::not_in, head.remove_suffix(6);
  else if (head.ends_with(" in"))
    head.remove_suffix(3);
  else
    return std::nullopt;
  return requirement(head, rule, values);
}

std::optional<LabelRequirement> parse_requirement(std::string_view part) {
  if (part.contains('(')) return set_requirement(part);
  if (part.starts_with('!')) return requirement(part.substr(1), LabelRule::does_not_exist, {});
  if (const auto at = part.find("!="); at != std::string_view::npos)
    return requirement(part.substr(0, at), LabelRule::not_in, {trimmed(part.substr(at + 2))});
  const auto at = part.find('=');
  if (at == std::string_view::npos) return requirement(part, LabelRule::exists, {});
  auto value = part.substr(at + 1);
  if (value.starts_with('=')) value.remove_prefix(1);
  return requirement(part.substr(0, at), LabelRule::in, {trimmed(value)});
}

std::optional<LabelRule> rule_of(std::string_view operation) {
  if (operation == "In") return LabelRule::in;
  if (operation == "NotIn") return LabelRule::not_in;
  if (operation == "Exists") return LabelRule::exists;
  if (operation == "DoesNotExist") return LabelRule::does_not_exist;
  return std::nullopt;
}

bool fulfils(const LabelRequirement& wanted, const Labels& labels) {
  const std::string* found = label(labels, wanted.key);
  const bool is_listed = found != nullptr && std::ranges::find(wanted.values, *found) != wanted.values.end();
  switch (wanted.rule) {
    case LabelRule::in:
      return is_listed;
    case LabelRule::not_in:
      return !is_listed;
    case LabelRule::exists:
      return found != nullptr;
    case LabelRule::does_not_exist:
      return found == nullptr;
  }
  return false;
}

}  // namespace

Labels labels_of(JsonView object, JsonPath path) {
  Labels labels;
  for_each_field(object, path, [&](std::string_view key, JsonView value) {
    std::string_view text;
    if (!value.get_string().get(text)) labels.emplace_back(key, text);
  });
  std::ranges::sort(labels);
  return labels;
}

const std::string* label(const Labels& labels, std::string_view key) {
  const auto found =
      std::ranges::lower_bound(labels, key, {}, [](const auto& one) { return std::string_view{one.first}; });
  return found == labels.end() || found->first != key ? nullptr : &found->second;
}

bool LabelSelector::picks(const Labels& labels) const {
  return !requirements.empty() &&
         std::ranges::all_of(requirements, [&](const auto& wanted) { return fulfils(wanted, labels); });
}

std::optional<std::pair<std::string, std::string>> LabelSelector::anchor() const {
  for (const auto& one : requirements)
    if (one.rule == LabelRule::in && one.values.size() == 1) return std::pair{one.key, one.values.front()};
  return std::nullopt;
}

std::optional<LabelSelector> parse_label_selector(std::string_view text) {
  LabelSelector selector;
  for (const auto part : parts_of(text)) {
    auto one = parse_requirement(part);
    if (!one || selector.requirements.size() == requirements_max) return std::nullopt;
    selector.requirements.push_back(std::move(*one));
  }
  return selector;
}

std::optional<LabelSelector> label_selector_of(JsonView object, JsonPath path) {
  const auto given = field(object, path);
  if (!given) return std::nullopt;
  LabelSelector selector;
  bool is_sound = true;
  for (auto& [key, value] : labels_of(*given, {"matchLabels"}))
    selector.requirements.push_back({.key = key, .rule = LabelRule::in, .values = {value}});
  for_each_item(*given, {"matchExpressions"}, [&](JsonView expression) {
    std::vector<std::string_view> values;
    for_each_item(expression, {"values"}, [&](JsonView value) {
      std::string_view text;
      if (!value.get_string().get(text)) values.push_back(text);
    });
    const auto rule = rule_of(text_field(expression, {"operator"}));
    auto one = rule ? requirement(text_field(expression, {"key"}), *rule, values) : std::nullopt;
    is_sound = is_sound && one.has_value();
    if (one) selector.requirements.push_back(std::move(*one));
  });
  if (!is_sound || selector.requirements.empty() || selector.requirements.size() > requirements_max)
    return std::nullopt;
  return selector;
}

}  // namespace tidegate
