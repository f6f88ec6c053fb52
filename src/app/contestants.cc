#include "app/contestants.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/config/configuration.h"

namespace tidegate {
namespace {

// At commas outside of braces and brackets.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts{""};
  int depth = 0;
  for (const char c : text) {
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else if (c != ' ' || !parts.back().empty())
      parts.back() += c;
  }
  return parts;
}

const PolicySpec* configured(const ServiceSpec& service, std::string_view name) {
  for (const auto* list : {&service.policies, &service.compare_with})
    for (const auto& policy : *list)
      if (policy_name(policy) == name) return &policy;
  return nullptr;
}

std::string known_policies() {
  std::string names;
  for (const auto& table : knob_tables())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", table.label.empty() ? table.policy : table.label);
  return names;
}

Result<std::vector<Contestant>> named(const std::string& name, const ContestantTerms& terms) {
  const KnobTable* table = find_knob_table(name);
  if (const auto* own = configured(terms.service, name); own != nullptr && (table == nullptr || !terms.swept))
    return std::vector{Contestant{.name = name, .text = name, .policies = {*own}}};
  if (table == nullptr)
    return fail(ErrorKind::invalid, fmt::format("there is no policy `{}` to play; there are {}, or give one whole, as "
                                                "{{hpa: {{target_average: 4}}}}",
                                                name, known_policies()));
  std::vector<KnobValues> points;
  if (terms.swept || table->axes.empty())
    points = points_of(*table);
  else if (!table->usual.empty())
    points = {table->usual};
  if (points.empty()) {
    auto policies = read_policy_text(fmt::format("{{{}: {{}}}}", table->policy));
    if (!policies) return std::unexpected(policies.error());
    return std::vector{Contestant{.name = name, .text = name, .policies = std::move(*policies)}};
  }
  std::vector<Contestant> all;
  for (const auto& point : points) {
    auto one = contestant_at(*table, point, terms.scale);
    if (!one) return std::unexpected(one.error());
    if (std::ranges::find(all, one->text, &Contestant::text) == all.end()) all.push_back(std::move(*one));
  }
  return all;
}

}  // namespace

Result<Contestant> contestant_at(const KnobTable& table, const KnobValues& values, const KnobScale& scale) {
  Contestant one{.name = std::string{table.label.empty() ? table.policy : table.label}};
  one.knobs = spelled(table, values, scale);
  one.text = policy_text(table.policy, one.knobs);
  auto policies = read_policy_text(one.text);
  if (!policies) return std::unexpected(policies.error());
  one.policies = std::move(*policies);
  return one;
}

Result<std::vector<Contestant>> read_contestants(const std::string& text, const ContestantTerms& terms) {
  std::vector<Contestant> all;
  for (const auto& part : split(text)) {
    if (part.empty()) return fail(ErrorKind::invalid, "--policies wants names with commas between them, as slo,hpa");
    Result<std::vector<Contestant>> some;
    if (part.front() == '{') {
      auto policies = read_policy_text(part);
      if (!policies) return std::unexpected(policies.error());
      some = std::vector{Contestant{.name = part, .text = part, .policies = std::move(*policies)}};
    } else {
      some = named(part, terms);
    }
    if (!some) return std::unexpected(some.error());
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

}  // namespace tidegate
