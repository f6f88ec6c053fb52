#include "lab/sim/lifecycle.h"

#include <algorithm>
#include <cmath>

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
    : pools_(std::move(pools)), stuck_(pools_.size()), shared_(pools_.size()), now_(start), random_(random) {
  for (std::size_t pool = 0; pool < pools_.size(); ++pool)
    for (std::int32_t i = 0; i < pools_[pool].initial; ++i) get_ready(add(pool));
}

ReplicaPlace Lifecycle::add(std::size_t pool) {
  if (unused_.empty()) {
    unused_.push_back(static_cast<ReplicaPlace>(replicas_.size()));
    replicas_.emplace_back();
    load_plans_.emplace_back();
  }
  const ReplicaPlace place = unused_.back();
  unused_.pop_back();
  replicas_[place] = {.id = ++last_id_, .pool = pool, .state = ReplicaState::requested, .created = now_};
  alive_.push_back(place);
  return place;
}

void Lifecycle::set_state(ReplicaPlace place, ReplicaState state) {
  const auto before = std::exchange(replicas_[place].state, state);
  version_ += (before == ReplicaState::ready) != (state == ReplicaState::ready);
}

std::optional<Instant> Lifecycle::next_change() const {
  std::optional<Instant> next;
  if (!changes_.empty()) next = changes_.begin()->first;
  for (std::size_t pool = 0; pool < pools_.size(); ++pool)
    if (const auto load = next_load(pool)) next = next ? std::min(*next, *load) : *load;
  return next;
}

void Lifecycle::advance(Instant now) {
  for (auto next = next_change(); next && *next <= now; next = next_change()) {
    now_ = std::max(now_, *next);
    for (std::size_t pool = 0; pool < pools_.size(); ++pool) advance_loads(pool, now_);
    while (!changes_.empty() && changes_.begin()->first <= now_) {
      const auto change = changes_.begin()->second;
      changes_.erase(changes_.begin());
      if (replicas_[change.place].id == change.id) happen(change);
    }
  }
  now_ = std::max(now_, now);
}

// Changes that were overtaken (a drained replica that would have become ready) find another state and lapse.
void Lifecycle::happen(const Change& change) {
  const ReplicaPlace place = change.place;
  const auto state = replicas_[place].state;
  const auto& pool = pools_[replicas_[place].pool];
  switch (change.what) {
    case Happening::loading:
      if (state != ReplicaState::starting) return;
      set_state(place, ReplicaState::loading);
      return begin_load(place, load_plans_[place].first, load_plans_[place].second);
    case Happening::ready:
      if (state == ReplicaState::loading) get_ready(place);
      return;
    case Happening::start_failed:
      if (state == ReplicaState::starting || state == ReplicaState::loading) fail(place);
      return;
    case Happening::fails:
      if (state == ReplicaState::ready) fail(place);
      return;
    case Happening::reclaimed:
      if (state == ReplicaState::ready) drain(place, std::min(pool.reclaim_notice, pool.drain_deadline));
      return;
    case Happening::gone:
      if (state == ReplicaState::draining || state == ReplicaState::failed) finish(place);
      return;
  }
}

void Lifecycle::get_ready(ReplicaPlace place) {
  auto& replica = replicas_[place];
  const bool started = replica.state == ReplicaState::loading;
  set_state(place, ReplicaState::ready);
  replica.ready_at = now_;
  const auto& pool = pools_[replica.pool];
  if (started) cold_starts_.push_back({.pool = pool.name, .took = now_ - replica.created});
  const auto after = [&](double per_hour) { return now_ + from_seconds(random_.exponential(3600 / per_hour)); };
  if (pool.failures_per_hour > 0) plan(after(pool.failures_per_hour), place, Happening::fails);
  if (pool.reclaims_per_hour > 0) plan(after(pool.reclaims_per_hour), place, Happening::reclaimed);
}

void Lifecycle::order(std::size_t pool, std::int32_t committed) {
  CHECK(pool < pools_.size() && committed >= 0);
  auto there = static_cast<std::int32_t>(std::ranges::count_if(alive_, [&](ReplicaPlace place) {
    return replicas_[place].pool == pool && is_committed(replicas_[place].state);
  }));
  for (; there < committed; ++there) (void)add(pool);
  place_requested(pool);
  for (; there > committed; --there) drain(victim(pool), pools_[pool].drain_deadline);
}

ReplicaPlace Lifecycle::victim(std::size_t pool) const {
  const auto cost = [&](ReplicaPlace place) { return std::pair{replicas_[place].state, replicas_[place].in_flight}; };
  std::optional<ReplicaPlace> best;
  for (const ReplicaPlace place : alive_) {
    if (replicas_[place].pool != pool || !is_committed(replicas_[place].state)) continue;
    if (!best || cost(place) <= cost(*best)) best = place;  // equal: the newest
  }
  CHECK(best.has_value());
  return *best;
}

void Lifecycle::drain(ReplicaPlace place, Duration deadline) {
  if (replicas_[place].in_flight == 0) return finish(place);
  set_state(place, ReplicaState::draining);
  plan(now_ + deadline, place, Happening::gone);
}

void Lifecycle::place_requested(std::size_t pool) {
  for (const ReplicaPlace one : alive_) {
    if (replicas_[one].pool != pool || replicas_[one].state != ReplicaState::requested) continue;
    auto& stock = pools_[pool].stock;
    if (stock && *stock <= 0) return;
    if (stock) --*stock;
    place(one);
  }
}

void Lifecycle::place(ReplicaPlace place) {
  const auto& pool = pools_[replicas_[place].pool];
  set_state(place, ReplicaState::starting);
  const auto provision = drawn(pool.provision, pool);
  const auto load = drawn(pool.load, pool);
  const auto pull = pool.pull > Duration::zero() ? drawn(pool.pull, pool) : Duration::zero();
  const auto warm_up = pool.warm_up > Duration::zero() ? drawn(pool.warm_up, pool) : Duration::zero();
  load_plans_[place] = {load, warm_up};
  plan(now_ + provision + pull, place, Happening::loading);
  const bool is_late = provision + pull + load + warm_up > pool.startup_deadline;
  if (stuck_[replicas_[place].pool]) load_plans_[place].first = Duration::max();
  if (stuck_[replicas_[place].pool] || is_late || pool.loads_at_once > 0)
    plan(now_ + pool.startup_deadline, place, Happening::start_failed);
}

void Lifecycle::begin_load(ReplicaPlace place, Duration load, Duration warm_up) {
  if (load == Duration::max()) return;  // stuck: only its deadline ends it
  const std::size_t pool = replicas_[place].pool;
  if (pools_[pool].loads_at_once == 0) return plan(now_ + load + warm_up, place, Happening::ready);
  advance_loads(pool, now_);
  shared_[pool].loads.push_back({place, seconds(load), warm_up});
}

double Lifecycle::load_speed(std::size_t pool) const {
  const auto loading = static_cast<double>(shared_[pool].loads.size());
  return std::min(1.0, pools_[pool].loads_at_once / loading);
}

std::optional<Instant> Lifecycle::next_load(std::size_t pool) const {
  const auto& shared = shared_[pool];
  if (shared.loads.empty()) return std::nullopt;
  const double least = std::ranges::min(shared.loads, {}, &Load::left).left;
  // Rounded up, so that time moves on.
  return shared.since + from_seconds(std::max(0.0, least) / load_speed(pool)) + 1ns;
}

void Lifecycle::advance_loads(std::size_t pool, Instant now) {
  auto& shared = shared_[pool];
  const double done = shared.loads.empty() ? 0 : seconds(now - shared.since) * load_speed(pool);
  shared.since = now;
  for (auto& load : shared.loads) load.left -= done;
  std::erase_if(shared.loads, [&](const Load& load) {
    const bool is_loading = replicas_[load.place].state == ReplicaState::loading;
    if (is_loading && load.left > 1e-9) return false;
    if (is_loading) plan(now + load.warm_up, load.place, Happening::ready);
    return true;
  });
}

Duration Lifecycle::drawn(Duration mean, const LifecyclePool& pool) {
  double factor = 1 + pool.jitter * (2 * random_.uniform() - 1);
  if (pool.spread > 0) factor *= random_.lognormal(std::exp(-pool.spread * pool.spread / 2), pool.spread);
  return from_seconds(seconds(mean) * factor);
}

void Lifecycle::crash(std::size_t pool, std::int32_t count) {
  for (const ReplicaPlace place : std::vector{alive_}) {
    if (count == 0) return;
    if (replicas_[place].pool != pool || replicas_[place].state != ReplicaState::ready) continue;
    fail(place);
    --count;
  }
}

// What a failed replica held is cut at once; the replica itself stays listed for a while, as a crashed process
// does in the eyes of whoever started it.
void Lifecycle::fail(ReplicaPlace place) {
  auto& replica = replicas_[place];
  ends_.push_back({replica.id, place, replica.pool, replica.created, now_, replica.in_flight});
  set_state(place, ReplicaState::failed);
  replica.in_flight = 0;
  if (auto& stock = pools_[replica.pool].stock) ++*stock;
  plan(now_ + failed_shown_for, place, Happening::gone);
  place_requested(replica.pool);
}

void Lifecycle::finish(ReplicaPlace place) {
  const auto replica = replicas_[place];
  advance_loads(replica.pool, now_);
  std::erase_if(shared_[replica.pool].loads, [&](const Load& load) { return load.place == place; });
  set_state(place, ReplicaState::gone);
  replicas_[place].id = 0;
  std::erase(alive_, place);
  unused_.push_back(place);
  if (replica.state == ReplicaState::failed) return;  // it ended when it failed
  ends_.push_back({replica.id, place, replica.pool, replica.created, now_, replica.in_flight});
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
  return std::ranges::any_of(alive_, [&](ReplicaPlace place) {
    return is_committed(replicas_[place].state) && replicas_[place].state != ReplicaState::ready;
  });
}

PoolObservation Lifecycle::count(std::size_t pool) const {
  PoolObservation seen{.pool = pools_[pool].name, .available = pools_[pool].stock};
  for (const ReplicaPlace place : alive_) {
    if (replicas_[place].pool != pool) continue;
    switch (replicas_[place].state) {
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

}  // namespace tidegate
