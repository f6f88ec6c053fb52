#include "core/decide/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace tidegate {
namespace {

template <class Value>
Value sum(const std::vector<PoolPlan>& pools, auto value_of) {
  Value total{};
  for (const PoolPlan& pool : pools) total += value_of(pool);
  return total;
}

}  // namespace

std::int32_t ServicePlan::present() const {
  return sum<std::int32_t>(pools, [](const PoolPlan& pool) { return pool.present; });
}
std::int32_t ServicePlan::target() const {
  return sum<std::int32_t>(pools, [](const PoolPlan& pool) { return pool.target; });
}
double ServicePlan::weighted_present() const {
  return sum<double>(pools, [](const PoolPlan& pool) { return pool.present * pool.weight; });
}
double ServicePlan::weighted_target() const {
  return sum<double>(pools, [](const PoolPlan& pool) { return pool.target * pool.weight; });
}
std::int32_t ServicePlan::warming() const {
  return sum<std::int32_t>(pools, [](const PoolPlan& pool) { return pool.warming; });
}
double ServicePlan::cost() const {
  return sum<double>(pools, [](const PoolPlan& pool) { return pool.target * pool.cost; });
}

std::vector<std::size_t> cheapest_first(const ServicePlan& plan) {
  std::vector<std::size_t> places(plan.pools.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::ranges::sort(places, {}, [&](std::size_t i) {
    return std::pair{plan.pools[i].ratio(), std::string_view{plan.pools[i].spec->name}};
  });
  return places;
}

double whole_above(double x) { return std::ceil(x - rounding); }
double whole_below(double x) { return std::floor(x + rounding); }

}  // namespace tidegate
