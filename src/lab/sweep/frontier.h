// What attainment costs: the frontier of runs that no other run beats in both, and the cost read off it at an
// attainment that no run had exactly.
//
// Between two points the cost is a straight line in log10(missed share), since halving what is missed costs about
// the same wherever one stands; shares below a millionth count as one. Worked: 100 hours at 99 %, 120 at 99.9 %: at
// 99.5 % (0.301 of the way) 106.0 hours. Beyond its ends a frontier says nothing: the nearest end is answered and
// marked as such.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tidegate {

struct FrontierPoint {
  double attainment = 1;
  double cost = 0;      // replica-hours, or whatever is compared
  std::size_t run = 0;  // the caller's
  friend bool operator==(const FrontierPoint&, const FrontierPoint&) = default;
};

// The points not beaten, the cheapest first: cost and attainment both rise.
[[nodiscard]] std::vector<FrontierPoint> frontier_of(std::vector<FrontierPoint> points);

enum class FrontierReach : std::uint8_t {
  within,
  above,  // no run attained as much: the cost answered is too low
  below,  // all attained more: the cost answered is too high
};

struct FrontierCost {
  double cost = 0;
  FrontierReach reach = FrontierReach::within;
};

// None for an empty frontier.
[[nodiscard]] std::optional<FrontierCost> cost_at(const std::vector<FrontierPoint>& frontier, double attainment);

}  // namespace tidegate
