// The strategies of HashiCorp's nomad-autoscaler (plugins/builtin/strategy, main ede4e617) and the choice among their
// answers (policy/handler.go, sdk/strategy.go). Pure leaves.
//
//   target_value   factor = metric / target (target 0: the metric); none within 1 +- threshold;
//                  else ceil(count * factor), at most max_scale_up more and max_scale_down fewer; from 0: ceil(factor)
//   threshold      at least `within_bounds_trigger` points in [lower, upper): count + delta,
//                  ceil(count * (1 + percentage / 100)) or value; never below 0
//   pass_through   the metric itself, whole; fixed_value a constant
//   winner         recommendation > up > none > down; of two alike the larger count. In a named group `none` counts
//                  only when every check says so; else all must agree to shrink.
//
// Worked: metric 26, target 13, count 2: factor 2, up to 4. A metric without points gives no answer at all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/model/policy_spec.h"

namespace tidegate {

// In order of precedence.
enum class NomadDirection : std::uint8_t { down, none, up, recommendation };
template <>
inline constexpr auto enum_texts<NomadDirection> =
    std::to_array<EnumText<NomadDirection>>({{NomadDirection::down, "down"},
                                             {NomadDirection::none, "none"},
                                             {NomadDirection::up, "up"},
                                             {NomadDirection::recommendation, "recommendation"}});

struct NomadAction {
  NomadDirection direction = NomadDirection::none;
  std::int64_t count = 0;
  double because = 0;  // the factor, the metric or the value it follows
  friend bool operator==(const NomadAction&, const NomadAction&) = default;
};

[[nodiscard]] NomadDirection nomad_direction(std::int64_t count, double factor, double threshold);

// `points` of the query window, oldest first.
[[nodiscard]] std::optional<NomadAction> nomad_run(const NomadTargetValue& strategy, std::span<const double> points,
                                                   std::int64_t count);
[[nodiscard]] std::optional<NomadAction> nomad_run(const NomadThreshold& strategy, std::span<const double> points,
                                                   std::int64_t count);
[[nodiscard]] std::optional<NomadAction> nomad_run(const NomadPassThrough& strategy, std::span<const double> points,
                                                   std::int64_t count);
[[nodiscard]] std::optional<NomadAction> nomad_run(const NomadFixedValue& strategy, std::span<const double> points,
                                                   std::int64_t count);

struct NomadVote {
  std::string_view group;  // empty: by itself
  NomadAction action;
};
[[nodiscard]] NomadAction nomad_preempt(const NomadAction& a, const NomadAction& b);
[[nodiscard]] std::optional<NomadAction> nomad_winner(std::span<const NomadVote> votes);

// Within min and max; max 0 with min 0 leaves only zero, as in Nomad.
[[nodiscard]] std::int64_t nomad_capped(std::int64_t count, std::int64_t least, std::int64_t most);

// Open at `now`, by UTC: from a firing of `start` on, to a later one of `end` or for the duration.
[[nodiscard]] bool is_open(const NomadSchedule& schedule, Instant now);

}  // namespace tidegate
