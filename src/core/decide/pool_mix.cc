#include "core/decide/pool_mix.h"

#include <algorithm>

#include "core/decide/cheapest_cover.h"
#include "core/decide/pool_move.h"

namespace tidegate {
namespace {

// Pools to buy from, cheapest per weight first; equal ones in the order of their names.
std::vector<std::size_t> buyable(const ServicePlan& plan) {
  if (std::ranges::none_of(plan.pools, &PoolPlan::meets_slo)) {
    const auto fastest = std::ranges::min_element(plan.pools, {}, [](const PoolPlan& pool) {
      return std::pair{pool.capacity.residence(1), std::string_view{pool.spec->name}};
    });
    return {static_cast<std::size_t>(fastest - plan.pools.begin())};
  }
  auto order = cheapest_first(plan);
  std::erase_if(order, [&](std::size_t i) { return !plan.pools[i].meets_slo; });
  return order;
}

// Why the pools to buy from had no more room: the tightest pool says it.
Reason why_no_room(const ServicePlan& plan, const std::vector<std::size_t>& order) {
  for (const std::size_t i : order)
    if (plan.pools[i].most_reason != Reason::pool_at_max) return plan.pools[i].most_reason;
  return plan.pools.size() == 1 && !plan.pools.front().spec->replicas_max ? Reason::at_max : Reason::pool_at_max;
}

void raise(ServicePlan& plan, const std::vector<std::size_t>& order) {
  std::vector<Offer> offers;
  for (const std::size_t i : order) {
    const PoolPlan& pool = plan.pools[i];
    offers.push_back({.weight = pool.weight, .cost = pool.cost, .room = pool.room()});
  }
  const double missing = plan.decision.band.floor.value() - plan.weighted_present();
  const auto room = std::max(plan.spec.guardrails.replicas_max.value() - plan.present(), 0);
  const Cover cover = cheapest_cover(offers, missing, room);
  for (std::size_t k = 0; k < order.size(); ++k) plan.pools[order[k]].target += cover.counts[k];
  plan.change_reason = plan.decision.band.floor_reason;
  if (cover.is_enough) return;
  plan.held_reason =
      plan.target() >= plan.spec.guardrails.replicas_max.value() ? Reason::at_max : why_no_room(plan, order);
}

// Keeps the cheapest of what is there. False: nothing can go.
bool lower(ServicePlan& plan) {
  const Band& band = plan.decision.band;
  const double kept = std::max(whole_above(band.floor.value()), whole_below(band.ceiling.value()));
  const auto order = cheapest_first(plan);
  std::vector<Offer> offers;
  for (const std::size_t i : order) {
    const PoolPlan& pool = plan.pools[i];
    offers.push_back({.weight = pool.weight, .cost = pool.cost, .room = pool.present});
  }
  // Of several pools those are kept that are the cheapest for the minimum too; of one, the guard keeps it.
  const auto least = order.size() > 1 ? plan.spec.guardrails.replicas_min.value() : 0;
  const Cover cover = cheapest_cover(offers, kept, plan.present(), least);
  if (!cover.is_enough) return false;
  bool changed = false;
  for (std::size_t k = 0; k < order.size(); ++k) {
    PoolPlan& pool = plan.pools[order[k]];
    changed = changed || cover.counts[k] < pool.target;
    pool.target = cover.counts[k];
  }
  if (changed) plan.change_reason = band.ceiling_reason;
  return changed;
}

// A move that is under way takes away what it replaces; else that is for the load to say.
void lower_or_move(ServicePlan& plan, const std::vector<std::size_t>& order) {
  const bool is_above = plan.weighted_present() > plan.decision.band.ceiling.value() + rounding;
  if (plan.state.moving && move_pools(plan, order)) return;
  if (is_above && lower(plan)) return;
  move_pools(plan, order);
}

// The cheapest pool can have no more, so that another one is bought; at its own maximum that is as configured.
std::string_view passed_over(const PoolPlan& cheapest) {
  if (cheapest.room() > 0) return "";
  if (cheapest.most_reason == Reason::capacity_unavailable) return "the cheapest pool can place no more";
  if (cheapest.most_reason == Reason::start_failed) return "the cheapest pool does not start";
  return "";
}

auto by_ratio(const PoolPlan& pool) { return std::pair{pool.ratio(), std::string_view{pool.spec->name}}; }

}  // namespace

StageResult mix_pools(ServicePlan& plan) {
  const auto order = buyable(plan);
  plan.slo_unreachable = std::ranges::none_of(plan.pools, &PoolPlan::meets_slo);
  const double present = plan.weighted_present();
  if (present < plan.decision.band.floor.value() - rounding) {
    plan.state.moving.reset();
    raise(plan, order);
  } else {
    lower_or_move(plan, order);
  }

  StageResult result{.before = static_cast<double>(plan.present()), .after = static_cast<double>(plan.target())};
  result.reason = plan.held_reason != Reason::steady ? plan.held_reason : plan.change_reason;
  if (order.size() > 1) result.note = passed_over(plan.pools[order.front()]);
  if (plan.slo_unreachable) {
    result.reason = Reason::slo_unreachable;
    result.note = "no pool meets the objective alone";
  }
  result.facts = {{"weight_present", present}, {"weight_target", plan.weighted_target()}};
  return result;
}

void resize_to(ServicePlan& plan, std::int32_t total) {
  const auto order = buyable(plan);
  // What is there already costs no cold start: of what was about to go, the cheapest stays.
  while (plan.target() < total) {
    PoolPlan* stay = nullptr;
    for (PoolPlan& pool : plan.pools)
      if (pool.target < pool.present && (stay == nullptr || by_ratio(pool) < by_ratio(*stay))) stay = &pool;
    if (stay == nullptr) break;
    stay->target += std::min(total - plan.target(), stay->present - stay->target);
  }
  while (plan.target() < total) {
    const auto next = std::ranges::find_if(order, [&](std::size_t i) { return plan.pools[i].room() > 0; });
    if (next == order.end()) return;
    PoolPlan& pool = plan.pools[*next];
    pool.target += std::min(total - plan.target(), pool.room());
  }
  // What was about to be added goes before what is there.
  while (plan.target() > total) {
    const auto key = [](const PoolPlan& pool) {
      return std::tuple{pool.target > pool.present, pool.ratio(), std::string_view{pool.spec->name}};
    };
    PoolPlan* go = nullptr;
    for (PoolPlan& pool : plan.pools)
      if (pool.target > 0 && (go == nullptr || key(pool) > key(*go))) go = &pool;
    --go->target;
  }
}

}  // namespace tidegate
