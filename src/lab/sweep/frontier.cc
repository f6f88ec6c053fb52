#include "lab/sweep/frontier.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace tidegate {
namespace {

double height(double attainment) { return -std::log10(std::max(1 - attainment, 1e-6)); }

}  // namespace

std::vector<FrontierPoint> frontier_of(std::vector<FrontierPoint> points) {
  std::ranges::sort(points, [](const auto& a, const auto& b) {
    return std::tuple(a.cost, -a.attainment, a.run) < std::tuple(b.cost, -b.attainment, b.run);
  });
  std::vector<FrontierPoint> best;
  for (const auto& point : points)
    if (best.empty() || point.attainment > best.back().attainment) best.push_back(point);
  return best;
}

std::optional<FrontierCost> cost_at(const std::vector<FrontierPoint>& frontier, double attainment) {
  if (frontier.empty()) return std::nullopt;
  const auto above = std::ranges::lower_bound(frontier, attainment, {}, &FrontierPoint::attainment);
  if (above == frontier.end()) return FrontierCost{frontier.back().cost, FrontierReach::above};
  if (above->attainment == attainment) return FrontierCost{above->cost, FrontierReach::within};
  if (above == frontier.begin()) return FrontierCost{above->cost, FrontierReach::below};
  const auto& low = *std::prev(above);
  const double span = height(above->attainment) - height(low.attainment);
  const double share = span > 0 ? (height(attainment) - height(low.attainment)) / span : 1;
  return FrontierCost{low.cost + (above->cost - low.cost) * share, FrontierReach::within};
}

}  // namespace tidegate
