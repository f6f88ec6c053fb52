#include "lab/sweep/knobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {
namespace {

std::string number(double value) { return fmt::format("{:.4g}", value); }

std::string spell_value(const KnobAxis& axis, double value, const KnobScale& scale) {
  switch (axis.unit) {
    case KnobUnit::number:
      return number(value);
    case KnobUnit::integer:
      return fmt::format("{}", std::llround(value));
    case KnobUnit::seconds:
      return fmt::format("{}s", std::llround(value));
    case KnobUnit::slots:
      return number(value * scale.slots);
    case KnobUnit::rate:
      return number(value * scale.rate);
    case KnobUnit::replicas:
      return fmt::format("{}", std::max(1LL, std::llround(value * scale.peak_replicas)));
    case KnobUnit::word:
      return std::string{axis.words.at(static_cast<std::size_t>(std::llround(value)))};
  }
  return {};
}

std::string spell(const KnobAxis& axis, double value, const KnobScale& scale) {
  const std::string plain = spell_value(axis, value, scale);
  if (axis.around.empty()) return plain;
  std::string text;
  for (const char c : axis.around) text += c == '@' ? plain : std::string{c};
  return text;
}

}  // namespace

const KnobTable* find_knob_table(std::string_view policy) {
  const auto tables = knob_tables();
  const auto found = std::ranges::find_if(tables, [&](const KnobTable& table) {
    return table.policy == policy || (!table.label.empty() && table.label == policy);
  });
  return found == tables.end() ? nullptr : &*found;
}

std::vector<KnobValues> points_of(const KnobTable& table) {
  std::vector<KnobValues> points{{}};
  for (const auto& axis : table.axes) {
    std::vector<KnobValues> longer;
    for (const auto& point : points)
      for (const double value : axis.values) {
        longer.push_back(point);
        longer.back().push_back(value);
      }
    points = std::move(longer);
  }
  CHECK(points.size() <= points_most);
  return points;
}

std::vector<Knob> spelled(const KnobTable& table, const KnobValues& values, const KnobScale& scale) {
  CHECK(values.size() == table.axes.size());
  std::vector<Knob> knobs;
  for (const auto& [name, value] : table.fixed) knobs.push_back({std::string{name}, std::string{value}});
  for (std::size_t i = 0; i < values.size(); ++i)
    knobs.push_back({std::string{table.axes[i].name}, spell(table.axes[i], values[i], scale)});
  return knobs;
}

std::string policy_text(std::string_view policy, const std::vector<Knob>& knobs) {
  if (knobs.empty()) return std::string{policy};
  std::string text = fmt::format("{{{}: {{", policy);
  for (std::size_t i = 0; i < knobs.size(); ++i)
    text += fmt::format("{}{}: {}", i == 0 ? "" : ", ", knobs[i].name, knobs[i].value);
  return text + "}}";
}

}  // namespace tidegate
