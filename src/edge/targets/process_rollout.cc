// The half of ProcessPlan that brings a pool to its ordered size and to its present revision.
#include <fmt/format.h>

#include <algorithm>

#include "edge/targets/process_plan.h"
#include "edge/targets/replica_choice.h"

namespace tidegate {

std::vector<ProcessPlan::Member*> ProcessPlan::members_of(const PoolKey& key, bool draining) {
  std::vector<Member*> found;
  for (auto& [id, member] : members_)
    if (PoolKey{member.seen.service, member.seen.pool} == key &&
        (member.seen.state == ReplicaState::draining) == draining)
      found.push_back(&member);
  return found;
}

bool ProcessPlan::is_old(const Pool& pool, const Member& member) const {
  // What runs no process takes the present revision when it starts.
  if (!member.running) return false;
  if (member.stale) return true;
  return member.seen.revision != pool.revision && pool.bad_revision != pool.revision;
}

bool ProcessPlan::is_rolling(const PoolKey& key) const {
  const auto pool = pools_.find(key);
  if (pool == pools_.end() || !pool->second.spec) return false;
  return std::ranges::any_of(members_, [&](const auto& entry) {
    const Member& member = entry.second;
    return PoolKey{member.seen.service, member.seen.pool} == key && member.seen.state != ReplicaState::draining &&
           is_old(pool->second, member);
  });
}

std::vector<std::string> ProcessPlan::victims(const std::vector<Member*>& members, std::size_t count) {
  std::vector<Candidate> candidates;
  for (const Member* member : members)
    candidates.push_back(
        {.id = member->seen.id, .state = member->seen.state, .in_flight = member->in_flight, .serial = member->serial});
  return choose_victims(std::move(candidates), count);
}

bool ProcessPlan::has_room(const PoolKey& key, std::size_t alive) const {
  const auto& spec = *pools_.at(key).spec;
  if (spec.replicas_max && static_cast<std::int32_t>(alive) >= spec.replicas_max->value()) return false;
  const auto more = placeable({.gpus = spec.gpus, .memory = spec.gpu_memory}, machine_, placements());
  return !more || *more > 0;
}

void ProcessPlan::reconcile(const PoolKey& key, Pool& pool, Instant now) {
  if (!configured_ || !pool.spec || !pool.wanted) return;
  auto alive = members_of(key, false);
  const auto wanted = static_cast<std::size_t>(*pool.wanted);
  for (std::size_t number = alive.size(); number < wanted; ++number)
    if (!resume_drained(key, pool, now)) create(key, pool, now);
  if (is_rolling(key)) return roll(key, pool, members_of(key, false), wanted, now);
  if (alive.size() <= wanted) return;
  for (const auto& id : victims(alive, alive.size() - wanted)) drain(id, now);
}

void ProcessPlan::roll(const PoolKey& key, Pool& pool, std::vector<Member*> alive, std::size_t wanted, Instant now) {
  std::vector<Member*> old;
  std::size_t underway = 0;
  for (Member* member : alive) {
    if (is_old(pool, *member))
      old.push_back(member);
    else if (member->seen.state != ReplicaState::ready)
      ++underway;
  }
  // Old ones that serve nothing are replaced first of all; they cost no capacity.
  const std::size_t keep = wanted + (underway > 0 && wanted > 0 ? 1 : 0);
  if (alive.size() > keep) {
    const std::size_t surplus = std::min(alive.size() - keep, old.size());
    for (const auto& id : victims(old, surplus)) drain(id, now);
    return;
  }
  if (underway > 0 || alive.size() > wanted) return;
  if (has_room(key, alive.size())) return create(key, pool, now);
  // One at a time: the next replacement takes the slot when this one is gone.
  if (!members_of(key, true).empty()) return;
  for (const auto& id : victims(old, 1)) drain(id, now);
}

void ProcessPlan::create(const PoolKey& key, const Pool& pool, Instant now) {
  std::string id;
  do id = fmt::format("{}-{}-{:04x}", key.first, key.second, prng_.next() & 0xffff);
  while (members_.contains(id));
  Member member{.serial = ++serials_};
  member.seen = {
      .id = id, .service = key.first, .pool = key.second, .since = now, .created = now, .revision = pool.revision};
  members_.emplace(id, std::move(member));
}

// The cheapest new replica is one that was about to leave.
bool ProcessPlan::resume_drained(const PoolKey& key, const Pool& pool, Instant now) {
  for (Member* member : members_of(key, true)) {
    if (member->stopping || !member->running || !member->was_ready || is_old(pool, *member)) continue;
    become(*member, ReplicaState::ready, now);
    member->seen.detail.clear();
    act(Effort::remember, *member);
    return true;
  }
  return false;
}

}  // namespace tidegate
