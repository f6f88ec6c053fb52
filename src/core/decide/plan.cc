#include "core/decide/plan.h"

#include <cmath>

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

double whole_above(double x) { return std::ceil(x - 1e-9); }
double whole_below(double x) { return std::floor(x + 1e-9); }

}  // namespace tidegate
