#include "serve/config/schema.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

void collect(const Section& section, std::vector<const Setting*>& settings) {
  for (const auto& setting : section.settings) settings.push_back(&setting);
  for (const auto* included : section.includes) collect(*included, settings);
}

// Edits that turn one word into the other; swapped neighbours count once.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, last(b.size() + 1), next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({last[j] + 1, next[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before = last;
    std::swap(last, next);
  }
  return last[b.size()];
}

std::string lower_words(std::string_view text) {
  std::string words;
  for (const char c : text) {
    if (c == '-' || c == ' ')
      words += '_';
    else if (c >= 'A' && c <= 'Z')
      words += static_cast<char>(c - 'A' + 'a');
    else
      words += c;
  }
  return words;
}

}  // namespace

std::vector<const Setting*> settings_of(const Section& section) {
  std::vector<const Setting*> settings;
  collect(section, settings);
  return settings;
}

std::string kind_text(const Setting& setting) {
  const auto joined = [](const auto& parts, std::string_view between) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : std::string{between}) + std::string{part};
    return text;
  };
  switch (setting.kind) {
    case SettingKind::text:
      return "text";
    case SettingKind::choice:
      return "one of " + joined(setting.detail.choices, ", ");
    case SettingKind::boolean:
      return "true or false";
    case SettingKind::integer:
      return "whole number";
    case SettingKind::number:
      return "number";
    case SettingKind::share:
      return "share";
    case SettingKind::duration:
      return "duration";
    case SettingKind::bytes:
      return "size";
    case SettingKind::price:
      return "price";
    case SettingKind::rate:
      return "rate";
    case SettingKind::value:
      return "text or reference";
    case SettingKind::secret:
      return "reference";
    case SettingKind::values:
      return "map of text or references";
    case SettingKind::section:
      return fmt::format("map ({})", setting.detail.section->name);
    case SettingKind::list:
      return fmt::format("list of {}", kind_text(setting.detail.shapes[0]));
    case SettingKind::one_of: {
      std::vector<std::string> shapes;
      for (const auto& shape : setting.detail.shapes) shapes.push_back(kind_text(shape));
      return joined(shapes, ", or ");
    }
  }
  return "";
}

std::string_view nearest_word(std::string_view typed, std::span<const std::string_view> known) {
  if (typed.size() > 64) return {};
  const auto wanted = lower_words(typed);
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const auto word : known) {
    const auto distance = edit_distance(wanted, word);
    if (distance < best_distance) best = word, best_distance = distance;
  }
  return best;
}

}  // namespace tidegate
