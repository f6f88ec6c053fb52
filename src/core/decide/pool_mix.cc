#include "core/decide/pool_mix.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double covered = 1e-9;
constexpr int nodes_most = 20'000;
constexpr double switch_gain = 1.15;  // what is there costs this many times the cheapest set, or more

double ratio(const PoolPlan& pool) { return pool.cost / pool.weight; }

// Pools to buy from, cheapest per weight first; equal ones in the order of their names.
std::vector<std::size_t> buyable(const ServicePlan& plan) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < plan.pools.size(); ++i)
    if (plan.pools[i].meets_slo) order.push_back(i);
  if (order.empty()) {
    const auto fastest = std::ranges::min_element(plan.pools, {}, [](const PoolPlan& pool) {
      return std::pair{pool.capacity.residence(1), std::string_view{pool.spec->name}};
    });
    order.push_back(static_cast<std::size_t>(fastest - plan.pools.begin()));
  }
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::pair{ratio(plan.pools[i]), std::string_view{plan.pools[i].spec->name}};
  });
  return order;
}

// Branch and bound over how many to add of each pool, in the order of `order`.
class CheapestCover {
 public:
  CheapestCover(const ServicePlan& plan, const std::vector<std::size_t>& order, const std::vector<std::int32_t>& rooms)
      : plan_(plan), order_(order), rooms_(rooms), chosen_(order.size()), best_(order.size()) {}

  // False: the rooms do not cover it; then best() is all of them.
  [[nodiscard]] bool find(double missing, std::int32_t replicas_most) {
    search(0, missing, replicas_most, 0);
    if (best_cost_ < std::numeric_limits<double>::infinity()) return true;
    for (std::size_t k = 0; k < order_.size(); ++k) {
      best_[k] = std::min(rooms_[k], replicas_most);
      replicas_most -= best_[k];
    }
    return false;
  }
  [[nodiscard]] const std::vector<std::int32_t>& best() const { return best_; }

 private:
  void search(std::size_t k, double missing, std::int32_t replicas_left, double cost) {
    if (missing <= covered) {
      if (cost < best_cost_ - covered) {
        best_cost_ = cost;
        best_ = chosen_;
      }
      return;
    }
    if (k == order_.size() || ++nodes_ > nodes_most) return;
    const PoolPlan& pool = plan_.pools[order_[k]];
    if (cost + missing * ratio(pool) >= best_cost_ - covered) return;
    const auto enough = static_cast<std::int32_t>(std::min(whole_above(missing / pool.weight), 1e9));
    for (std::int32_t n = std::min({enough, rooms_[k], replicas_left}); n >= 0; --n) {
      chosen_[k] = n;
      search(k + 1, missing - n * pool.weight, replicas_left - n, cost + n * pool.cost);
    }
    chosen_[k] = 0;
  }

  const ServicePlan& plan_;
  const std::vector<std::size_t>& order_;
  const std::vector<std::int32_t>& rooms_;
  std::vector<std::int32_t> chosen_;
  std::vector<std::int32_t> best_;
  double best_cost_ = std::numeric_limits<double>::infinity();
  int nodes_ = 0;
};

// Why the pools to buy from had no more room: the tightest pool says it.
Reason why_no_room(const ServicePlan& plan, const std::vector<std::size_t>& order) {
  for (const std::size_t i : order)
    if (plan.pools[i].most_reason != Reason::pool_at_max) return plan.pools[i].most_reason;
  return plan.pools.size() == 1 && !plan.pools.front().spec->replicas_max ? Reason::at_max : Reason::pool_at_max;
}

void raise(ServicePlan& plan, const std::vector<std::size_t>& order) {
  std::vector<std::int32_t> rooms;
  for (const std::size_t i : order) rooms.push_back(plan.pools[i].room());
  CheapestCover cover(plan, order, rooms);
  const double missing = plan.decision.band.floor.value() - plan.weighted_present();
  const auto room = std::max(plan.spec.guardrails.replicas_max.value() - plan.present(), 0);
  const bool is_enough = cover.find(missing, room);
  for (std::size_t k = 0; k < order.size(); ++k) plan.pools[order[k]].target += cover.best()[k];
  plan.change_reason = plan.decision.band.floor_reason;
  if (is_enough) return;
  plan.held_reason =
      plan.target() >= plan.spec.guardrails.replicas_max.value() ? Reason::at_max : why_no_room(plan, order);
}

// The dearest per weight that can go while `kept` stays covered; ties: the later name goes first.
PoolPlan* dearest(ServicePlan& plan, double kept) {
  PoolPlan* found = nullptr;
  for (PoolPlan& pool : plan.pools) {
    if (pool.target == 0 || plan.weighted_target() - pool.weight < kept - covered) continue;
    if (found == nullptr || std::pair{ratio(pool), std::string_view{pool.spec->name}} >
                                std::pair{ratio(*found), std::string_view{found->spec->name}})
      found = &pool;
  }
  return found;
}

void lower(ServicePlan& plan) {
  const Band& band = plan.decision.band;
  const double kept = std::max(whole_above(band.floor.value()), whole_below(band.ceiling.value()));
  while (PoolPlan* pool = dearest(plan, kept)) {
    --pool->target;
    plan.change_reason = band.ceiling_reason;
  }
}

double cost_of(const ServicePlan& plan) {
  double cost = 0;
  for (const PoolPlan& pool : plan.pools) cost += pool.target * pool.cost;
  return cost;
}

// Moves towards the cheapest set for the floor: first the missing replicas, then, all being ready, the superfluous.
void switch_pools(ServicePlan& plan, const std::vector<std::size_t>& order) {
  if (plan.pools.size() < 2 || plan.warming() > 0 || !plan.may_lower || plan.seen.rollout) return;
  const double need = whole_above(plan.decision.band.floor.value());
  if (need <= 0) return;
  std::vector<std::int32_t> rooms;
  for (const std::size_t i : order) rooms.push_back(plan.pools[i].target + plan.pools[i].room());
  CheapestCover cover(plan, order, rooms);
  if (!cover.find(need, plan.spec.guardrails.replicas_max.value())) return;
  std::vector<std::int32_t> ideal(plan.pools.size());
  double ideal_cost = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    ideal[order[k]] = cover.best()[k];
    ideal_cost += cover.best()[k] * plan.pools[order[k]].cost;
  }
  if (cost_of(plan) < switch_gain * ideal_cost) return;
  bool is_complete = true;
  for (std::size_t i = 0; i < ideal.size(); ++i) is_complete = is_complete && plan.pools[i].target >= ideal[i];
  bool changed = false;
  for (std::size_t i = 0; i < ideal.size(); ++i) {
    PoolPlan& pool = plan.pools[i];
    const bool is_dear = ideal[i] == 0 && pool.target > 0;
    if (is_complete && is_dear) {
      pool.target = 0;
      changed = true;
    } else if (!is_complete && pool.target < ideal[i]) {
      pool.target = ideal[i];
      changed = true;
    }
  }
  if (changed) plan.change_reason = Reason::cost_switch;
}

}  // namespace

StageResult mix_pools(ServicePlan& plan) {
  const auto order = buyable(plan);
  plan.slo_unreachable = std::ranges::none_of(plan.pools, &PoolPlan::meets_slo);
  const Band& band = plan.decision.band;
  const double present = plan.weighted_present();
  if (present < band.floor.value() - covered)
    raise(plan, order);
  else if (present > band.ceiling.value() + covered)
    lower(plan);
  else
    switch_pools(plan, order);

  StageResult result{.before = static_cast<double>(plan.present()), .after = static_cast<double>(plan.target())};
  result.reason = plan.held_reason != Reason::steady ? plan.held_reason : plan.change_reason;
  if (plan.slo_unreachable) {
    result.reason = Reason::slo_unreachable;
    result.note = "no pool meets the objective alone";
  }
  result.facts = {{"weight_present", present}, {"weight_target", plan.weighted_target()}};
  return result;
}

void resize_to(ServicePlan& plan, std::int32_t total) {
  const auto order = buyable(plan);
  while (plan.target() < total) {
    const auto next = std::ranges::find_if(order, [&](std::size_t i) { return plan.pools[i].room() > 0; });
    if (next == order.end()) return;
    PoolPlan& pool = plan.pools[*next];
    pool.target += std::min(total - plan.target(), pool.room());
  }
  // What was about to be added goes before what is there.
  while (plan.target() > total) {
    const auto key = [](const PoolPlan& pool) {
      return std::tuple{pool.target > pool.present, ratio(pool), std::string_view{pool.spec->name}};
    };
    PoolPlan* go = nullptr;
    for (PoolPlan& pool : plan.pools)
      if (pool.target > 0 && (go == nullptr || key(pool) > key(*go))) go = &pool;
    --go->target;
  }
}

}  // namespace tidegate
