#include "lab/sim/lifecycle.h"

#include <algorithm>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr Duration failed_shown_for = 1min;

bool is_committed(ReplicaState state) {
  return state == ReplicaState::requested || state == ReplicaState::starting || state == ReplicaState::loading ||
         state == ReplicaState::ready;
}

}  // namespace

Lifecycle::Lifecycle(std::vector<LifecyclePool> pools, Instant start, Prng random)
    : pools_(std::move(pools)), stuck_(pools_.size()), now_(start), random_(random) {
  for (std::size_t pool = 0; pool < pools_.size(); ++pool)
    for (std::int32_t i = 0; i < pools_[pool].initial; ++i)
      replicas_.push_back(
          {.id = ++last_id_, .pool = pool, .state = ReplicaState::ready, .created = start, .ready_at = start});
}

std::optional<Instant> Lifecycle::next_change() const {
  if (changes_.empty()) return std::nullopt;
  return changes_.begin()->first;
}

void Lifecycle::advance(Instant now) {
  while (!changes_.empty() && changes_.begin()->first <= now) {
    const auto [at, due] = *changes_.begin();
    changes_.erase(changes_.begin());
    now_ = std::max(now_, at);
    if (auto* replica = find(due.id)) change(*replica, due.to);
  }
  now_ = std::max(now_, now);
}

// Changes that were overtaken (a drained replica that would have become ready) find another state and lapse.
void Lifecycle::change(SimulatedReplica& replica, ReplicaState to) {
  if (to == ReplicaState::loading && replica.state == ReplicaState::starting) {
    replica.state = to;
  } else if (to == ReplicaState::ready && replica.state == ReplicaState::loading) {
    replica.state = to;
    replica.ready_at = now_;
    cold_starts_.push_back({.pool = pools_[replica.pool].name, .took = now_ - replica.created});
  } else if (to == ReplicaState::failed &&
             (replica.state == ReplicaState::starting || replica.state == ReplicaState::loading)) {
    fail(replica);
  } else if (to == ReplicaState::gone &&
             (replica.state == ReplicaState::draining || replica.state == ReplicaState::failed)) {
    finish(replica.id);
  }
}

void Lifecycle::order(std::size_t pool, std::int32_t committed) {
  CHECK(pool < pools_.size() && committed >= 0);
  auto there = static_cast<std::int32_t>(std::ranges::count_if(
      replicas_, [&](const auto& replica) { return replica.pool == pool && is_committed(replica.state); }));
  for (; there < committed; ++there)
    replicas_.push_back({.id = ++last_id_, .pool = pool, .state = ReplicaState::requested, .created = now_});
  place_requested(pool);
  for (; there > committed; --there) drain(*victim(pool));
}

SimulatedReplica* Lifecycle::victim(std::size_t pool) {
  SimulatedReplica* best = nullptr;
  for (auto& replica : replicas_) {
    if (replica.pool != pool || !is_committed(replica.state)) continue;
    const auto cost = [](const SimulatedReplica& one) { return std::pair{one.state, one.in_flight}; };
    if (best == nullptr || cost(replica) <= cost(*best)) best = &replica;  // equal: the newest
  }
  CHECK(best != nullptr);
  return best;
}

void Lifecycle::drain(SimulatedReplica& replica) {
  if (replica.in_flight == 0) {
    finish(replica.id);
    return;
  }
  replica.state = ReplicaState::draining;
  changes_.emplace(now_ + pools_[replica.pool].drain_deadline, Change{replica.id, ReplicaState::gone});
}

void Lifecycle::place_requested(std::size_t pool) {
  for (auto& replica : replicas_) {
    if (replica.pool != pool || replica.state != ReplicaState::requested) continue;
    auto& stock = pools_[pool].stock;
    if (stock && *stock <= 0) return;
    if (stock) --*stock;
    place(replica);
  }
}

void Lifecycle::place(SimulatedReplica& replica) {
  const auto& pool = pools_[replica.pool];
  replica.state = ReplicaState::starting;
  const auto provision = from_seconds(seconds(pool.provision) * jittered(pool));
  const auto load = from_seconds(seconds(pool.load) * jittered(pool));
  changes_.emplace(now_ + provision, Change{replica.id, ReplicaState::loading});
  if (!stuck_[replica.pool] && provision + load <= pool.startup_deadline)
    changes_.emplace(now_ + provision + load, Change{replica.id, ReplicaState::ready});
  else
    changes_.emplace(now_ + pool.startup_deadline, Change{replica.id, ReplicaState::failed});
}

double Lifecycle::jittered(const LifecyclePool& pool) { return 1 + pool.jitter * (2 * random_.uniform() - 1); }

void Lifecycle::begin(std::uint32_t id) {
  auto* replica = find(id);
  CHECK(replica != nullptr && replica->state == ReplicaState::ready);
  ++replica->in_flight;
}

void Lifecycle::end(std::uint32_t id) {
  auto* replica = find(id);
  if (replica == nullptr) return;
  CHECK(replica->in_flight > 0);
  --replica->in_flight;
  if (replica->state == ReplicaState::draining && replica->in_flight == 0) finish(id);
}

void Lifecycle::crash(std::size_t pool, std::int32_t count) {
  for (auto& replica : replicas_) {
    if (count == 0) return;
    if (replica.pool != pool || replica.state != ReplicaState::ready) continue;
    fail(replica);
    --count;
  }
}

// What a failed replica held is cut at once; the replica itself stays listed for a while, as a crashed process
// does in the eyes of whoever started it.
void Lifecycle::fail(SimulatedReplica& replica) {
  ends_.push_back({replica.id, replica.pool, replica.created, now_, replica.in_flight});
  replica.state = ReplicaState::failed;
  replica.in_flight = 0;
  if (auto& stock = pools_[replica.pool].stock) ++*stock;
  changes_.emplace(now_ + failed_shown_for, Change{replica.id, ReplicaState::gone});
  place_requested(replica.pool);
}

void Lifecycle::finish(std::uint32_t id) {
  const auto found = std::ranges::lower_bound(replicas_, id, {}, &SimulatedReplica::id);
  CHECK(found != replicas_.end() && found->id == id);
  const auto replica = *found;
  replicas_.erase(found);
  if (replica.state == ReplicaState::failed) return;  // it ended when it failed
  ends_.push_back({id, replica.pool, replica.created, now_, replica.in_flight});
  // A pending replica never took from the stock.
  if (auto& stock = pools_[replica.pool].stock; stock && replica.state != ReplicaState::requested) ++*stock;
  place_requested(replica.pool);
}

void Lifecycle::set_stock(std::size_t pool, std::optional<std::int32_t> stock) {
  pools_[pool].stock = stock;
  place_requested(pool);
}

void Lifecycle::set_stuck(std::size_t pool, bool stuck) { stuck_[pool] = stuck; }

bool Lifecycle::is_warming() const {
  return std::ranges::any_of(replicas_, [](const auto& replica) {
    return is_committed(replica.state) && replica.state != ReplicaState::ready;
  });
}

PoolObservation Lifecycle::count(std::size_t pool) const {
  PoolObservation seen{.pool = pools_[pool].name, .available = pools_[pool].stock};
  for (const auto& replica : replicas_) {
    if (replica.pool != pool) continue;
    switch (replica.state) {
      case ReplicaState::requested:
        ++seen.requested;
        break;
      case ReplicaState::starting:
        ++seen.starting;
        break;
      case ReplicaState::loading:
        ++seen.loading;
        break;
      case ReplicaState::ready:
        ++seen.ready;
        break;
      case ReplicaState::draining:
        ++seen.draining;
        break;
      case ReplicaState::failed:
        ++seen.failed;
        break;
      case ReplicaState::gone:
        break;
    }
  }
  return seen;
}

SimulatedReplica* Lifecycle::find(std::uint32_t id) {
  const auto found = std::ranges::lower_bound(replicas_, id, {}, &SimulatedReplica::id);
  return found != replicas_.end() && found->id == id ? &*found : nullptr;
}

}  // namespace tidegate
