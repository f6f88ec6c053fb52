#include "core/decide/fleet_budget.h"

#include <tuple>

namespace tidegate {
namespace {

struct Spend {
  std::int64_t price = 0;  // micro-dollars per hour
  double gpus = 0;

  Spend& operator+=(const Spend& other) {
    price += other.price;
    gpus += other.gpus;
    return *this;
  }
};

Spend spend_of(const PoolPlan& pool) {
  const std::int64_t replicas = pool.target;
  return {.price = replicas * (pool.spec->price ? pool.spec->price->value() : 0),
          .gpus = static_cast<double>(replicas) * pool.spec->gpus_each()};
}

Spend spend_of(const ServicePlan& plan) {
  Spend sum;
  for (const PoolPlan& pool : plan.pools) sum += spend_of(pool);
  return sum;
}

bool is_within(const BudgetSpec& budget, std::span<ServicePlan> plans) {
  Spend sum;
  for (const ServicePlan& plan : plans) sum += spend_of(plan);
  return (!budget.price_max || sum.price <= budget.price_max->value()) &&
         (!budget.gpus_max || sum.gpus <= *budget.gpus_max + rounding);
}

// The dearest replica about to be added, of the service whose plan costs most.
std::pair<ServicePlan*, PoolPlan*> to_take_back(std::span<ServicePlan> plans) {
  std::pair<ServicePlan*, PoolPlan*> found{nullptr, nullptr};
  std::tuple<std::int64_t, double, double> highest{-1, -1, -1};
  for (ServicePlan& plan : plans) {
    if (plan.target() <= plan.spec.guardrails.replicas_min.value()) continue;
    const Spend spend = spend_of(plan);
    for (PoolPlan& pool : plan.pools) {
      const std::tuple key{spend.price, spend.gpus, pool.cost};
      if (pool.target <= pool.present || key <= highest) continue;
      highest = key;
      found = {&plan, &pool};
    }
  }
  return found;
}

}  // namespace

std::vector<StageResult> share_budget(const BudgetSpec& budget, std::span<ServicePlan> plans) {
  std::vector<StageResult> results;
  results.reserve(plans.size());
  for (const ServicePlan& plan : plans)
    results.push_back({.before = static_cast<double>(plan.target()), .reason = Reason::within_limits});
  while (!is_within(budget, plans)) {
    const auto [plan, pool] = to_take_back(plans);
    if (pool == nullptr) break;
    --pool->target;
    plan->held_reason = Reason::budget_cap;
    results[static_cast<std::size_t>(plan - plans.data())].reason = Reason::budget_cap;
  }
  for (std::size_t i = 0; i < results.size(); ++i) results[i].after = plans[i].target();
  return results;
}

}  // namespace tidegate
