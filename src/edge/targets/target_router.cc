#include "edge/targets/target_router.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tidegate {
namespace {

// The services with those of their pools that this kind takes.
std::vector<ServiceSpec> part_of(const TargetKind& kind, const std::vector<ServiceSpec>& services) {
  std::vector<ServiceSpec> part;
  for (const auto& service : services) {
    ServiceSpec own = service;
    std::erase_if(own.pools, [&](const PoolSpec& pool) { return !kind.takes(pool.target); });
    if (!own.pools.empty()) part.push_back(std::move(own));
  }
  return part;
}

template <class Value>
void append(std::vector<Value>& into, std::vector<Value>&& from) {
  into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void add_view(TargetView& all, TargetView&& one) {
  append(all.replicas, std::move(one.replicas));
  append(all.events, std::move(one.events));
  for (auto& [service, cold_starts] : one.cold_starts) append(all.cold_starts[service], std::move(cold_starts));
  for (auto& [service, room] : one.available) all.available[service].merge(room);
  for (const auto& [service, is_rolling] : one.rollouts) all.rollouts[service] = all.rollouts[service] || is_rolling;
  for (auto& [service, problems] : one.problems) append(all.problems[service], std::move(problems));
  all.unseen.merge(one.unseen);
}

}  // namespace

TargetRouter::TargetRouter(std::vector<TargetKind> kinds, const Clock& clock) : clock_(clock) {
  for (auto& kind : kinds) branches_.push_back({.kind = std::move(kind)});
}

void TargetRouter::configure(const std::vector<ServiceSpec>& services) {
  for (auto& branch : branches_) {
    const auto part = part_of(branch.kind, services);
    Target* target = branch.target;
    std::string problem;
    if (target == nullptr && !part.empty()) {
      const auto opened = branch.kind.open();
      if (opened)
        target = *opened;
      else
        problem = opened.error().message;
    }
    // It may wait for what it serves to answer; nobody has to wait for it meanwhile.
    if (target != nullptr) target->configure(part);
    const std::lock_guard lock(mutex_);
    branch.target = target;
    if (!problem.empty() && problem != branch.problem)
      events_.push_back({.at = clock_.now(),
                         .reason = Reason::target_error,
                         .message = fmt::format("no {} target: {}", branch.kind.name, problem)});
    branch.problem = std::move(problem);
    give(branch, part);
  }
}

void TargetRouter::give(Branch& branch, const std::vector<ServiceSpec>& services) {
  branch.pools.clear();
  for (const auto& service : services)
    for (const auto& pool : service.pools) branch.pools[service.name].push_back(pool.name);
}

void TargetRouter::order(const std::string& service, const std::vector<Order>& pools) {
  const std::lock_guard lock(mutex_);
  for (auto& branch : branches_) {
    const auto own = branch.pools.find(service);
    if (branch.target == nullptr || own == branch.pools.end()) continue;
    std::vector<Order> part;
    for (const auto& order : pools)
      if (std::ranges::find(own->second, order.pool) != own->second.end()) part.push_back(order);
    if (!part.empty()) branch.target->order(service, part);
  }
}

void TargetRouter::in_flight(const std::map<std::string, std::int64_t>& by_replica) {
  const std::lock_guard lock(mutex_);
  for (auto& branch : branches_)
    if (branch.target != nullptr) branch.target->in_flight(by_replica);
}

std::vector<Target*> TargetRouter::targets_of(const std::string& service) const {
  const std::lock_guard lock(mutex_);
  std::vector<Target*> targets;
  for (const auto& branch : branches_)
    if (branch.target != nullptr && branch.pools.contains(service)) targets.push_back(branch.target);
  return targets;
}

void TargetRouter::resume(const std::string& service) {
  for (Target* target : targets_of(service)) target->resume(service);
}

Result<void> TargetRouter::restart(const std::string& service) {
  const auto targets = targets_of(service);
  if (targets.empty()) return fail(ErrorKind::not_found, fmt::format("no service {} with a target", service));
  for (Target* target : targets)
    if (auto done = target->restart(service); !done) return done;
  return {};
}

TargetView TargetRouter::look() {
  const std::lock_guard lock(mutex_);
  TargetView all;
  for (auto& branch : branches_) {
    if (branch.target != nullptr) add_view(all, branch.target->look());
    if (branch.problem.empty()) continue;
    for (const auto& [service, pools] : branch.pools) {
      all.unseen.insert(service);
      for (const auto& pool : pools)
        all.problems[service].push_back({.pool = pool, .reason = Reason::target_error, .message = branch.problem});
    }
  }
  std::ranges::sort(all.replicas, {}, &Replica::id);
  append(all.events, std::exchange(events_, {}));
  return all;
}

}  // namespace tidegate
