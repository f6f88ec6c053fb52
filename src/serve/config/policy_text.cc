#include <fmt/format.h>

#include <algorithm>

#include "serve/config/configuration.h"

namespace tidegate {
namespace {

Result<std::vector<PolicySpec>> policies_of(const std::string& text) {
  const auto loaded = load_configuration(
      fmt::format("services:\n  - name: service\n    pools: [{{name: default}}]\n    policy: {}\n", text), "policy",
      Resolvers{});
  if (loaded.fleet) return loaded.fleet->services.front().policies;
  for (const auto& problem : loaded.problems.sorted())
    if (problem.severity == Severity::error)
      return fail(ErrorKind::invalid,
                  fmt::format("{}{}{}", problem.message, problem.help.empty() ? "" : "; ", problem.help));
  return fail(ErrorKind::invalid, fmt::format("`{}` is no policy", text));
}

}  // namespace

Result<std::vector<PolicySpec>> read_policy_text(const std::string& text) {
  auto policies = policies_of(text);
  const bool is_word = std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  if (!policies && is_word)
    if (auto with_defaults = policies_of(fmt::format("{{{}: {{}}}}", text))) return with_defaults;
  return policies;
}

}  // namespace tidegate
