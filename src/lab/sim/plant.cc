#include "lab/sim/plant.h"

#include <algorithm>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr std::size_t requests_at_once = 4096;

std::vector<LifecyclePool> lives(const std::vector<PlantPool>& pools) {
  std::vector<LifecyclePool> all;
  for (const auto& pool : pools) all.push_back(pool.life);
  return all;
}

}  // namespace

Plant::Plant(PlantSpec spec, RequestFeed feed)
    : spec_(std::move(spec)),
      feed_(std::move(feed)),
      batch_(requests_at_once),
      faults_(spec_.faults),
      life_(lives(spec_.pools), spec_.start, Prng{spec_.seed}.split(1)),
      random_(Prng{spec_.seed}.split(2)),
      pool_in_flight_(spec_.pools.size()),
      card_(spec_.slo),
      now_(spec_.start) {
  for (const auto& pool : spec_.pools) slots_.push_back(pool.work.slots);
  for (auto* sums : {&counts_.pool_completions, &counts_.pool_itl, &counts_.pool_itl_count})
    sums->resize(spec_.pools.size());
  last_.now = spec_.start;
  for (auto* window : {&ttft_, &latency_, &queue_wait_, &itl_}) window->advance(now_);
  slow_ = next_slow();
  read_feed();
}

Plant::Plant(PlantSpec spec, ArrivalStream arrivals)
    : Plant(std::move(spec), feed_of(std::move(arrivals), {.input_spread = 0, .output_spread = 0}, Prng{1})) {}

// Moves on to the next arrival; none is at Instant::max().
void Plant::read_feed() {
  if (batch_at_ == batch_count_) {
    batch_at_ = batch_count_ = 0;
    const auto read = feed_(batch_);
    if (!read) error_ = read.error();
    if (read) batch_count_ = *read;
  }
  next_arrival_ = batch_at_ == batch_count_ ? Instant::max() : spec_.start + batch_[batch_at_].at;
}

Instant Plant::next_slow() const {
  auto next = Instant::max();
  if (const auto change = life_.next_change()) next = *change;
  if (const auto fault = faults_.next()) next = std::min(next, spec_.start + *fault);
  return next;
}

void Plant::advance(Instant now) {
  CHECK(now >= now_);
  for (;;) {
    const Instant event = events_.next();
    const Instant next = std::min({event, slow_, next_arrival_});
    if (next > now) break;
    now_ = std::max(now_, next);
    if (event <= next) {
      happen(events_.pop());
      if (!waiting_.empty()) dispatch();
    } else if (slow_ <= next) {
      life_.advance(now_);
      faults_.advance(now_ - spec_.start, life_);
      settle_replicas();
      dispatch();
    } else {
      take_arrival();
    }
  }
  now_ = now;
  life_.advance(now_);
  expire();
}

void Plant::take_arrival() {
  const auto& request = batch_[batch_at_++];
  waiting_.push_back({spec_.start + request.at, request.input_tokens, request.output_tokens});
  counts_.arrivals += 1;
  ++arrived_;
  read_feed();
  dispatch();
  if (static_cast<std::int64_t>(waiting_.size()) > spec_.hold.max_requests) {
    const Instant arrival = waiting_.back().arrival;
    waiting_.pop_back();
    drop(arrival, Duration::zero());
  }
}

void Plant::drop(Instant arrival, Duration wait) {
  count_end(
      {.arrival = arrival, .wait = wait, .outcome = RequestOutcome::dropped, .cold_start_exposed = life_.is_warming()});
}

void Plant::expire() {
  while (!waiting_.empty() && now_ - waiting_.front().arrival > spec_.hold.max_age) {
    const Instant arrival = waiting_.front().arrival;
    waiting_.pop_front();
    drop(arrival, spec_.hold.max_age);
  }
}

void Plant::dispatch() {
  if (ready_version_ != life_.version()) {
    ready_.rebuild(life_, slots_);
    ready_version_ = life_.version();
  }
  expire();
  while (!waiting_.empty()) {
    const auto place = ready_.pick();
    if (!place) return;
    const Waiting request = waiting_.front();
    waiting_.pop_front();
    hand_over(*place, request);
  }
}

// After anything that may have changed replicas: who ended is billed, and what it held is cut.
void Plant::settle_replicas() {
  for (const auto& end : life_.take_ends()) {
    const auto& pool = spec_.pools[end.pool];
    if (!closed_) {
      card_.replica(end.life(), pool.gpus, pool.price);
      replica_ends_.push_back(end);
    }
    cut(end.place);
  }
  slow_ = next_slow();
}

void Plant::cut(ReplicaPlace place) {
  if (place >= places_.size()) return;
  auto& state = places_[place];
  ++state.stamp;
  state.batch = {};
  state.engine = {};
  for (std::uint32_t job = 0; job < jobs_.size(); ++job)
    if (jobs_[job].is_used && jobs_[job].place == place) end_job(job, RequestOutcome::cut);
}

Plant::PlaceState& Plant::state_of(ReplicaPlace place) {
  if (place >= places_.size()) places_.resize(place + 1);
  return places_[place];
}

void Plant::apply(const Decision& decision) {
  card_.decided(now_, decision.total());
  for (const auto& decided : decision.pools) {
    const auto pool = std::ranges::find(spec_.pools, decided.pool, [](const auto& one) { return one.life.name; });
    CHECK(pool != spec_.pools.end());
    const auto index = static_cast<std::size_t>(pool - spec_.pools.begin());
    life_.order(index, decided.replicas.value());
    // What an engine is handed at once is the gateway's choice, and the gateway does as decided.
    if (!std::holds_alternative<EngineProfile>(pool->server) || !(decided.slots > 0)) continue;
    const double most = pool->work.slots;
    const auto slots = static_cast<std::int32_t>(std::clamp(decided.slots, 1.0, std::max(1.0, most)));
    if (std::exchange(slots_[index], slots) != slots) ready_version_ = UINT64_MAX;
  }
  settle_replicas();
  dispatch();
}

const Scorecard& Plant::close() {
  if (closed_) return card_;
  closed_ = true;
  for (const ReplicaPlace place : life_.alive()) {
    const auto& replica = life_.at(place);
    if (replica.state == ReplicaState::failed) continue;  // billed when it failed
    const auto& pool = spec_.pools[replica.pool];
    card_.replica(now_ - replica.created, pool.gpus, pool.price);
    replica_ends_.push_back({replica.id, place, replica.pool, replica.created, now_, 0});
  }
  next_arrival_ = Instant::max();
  // Every round either serves what waits or lets its age run out, so this ends.
  while (!waiting_.empty() || in_flight_ > 0) {
    const auto expiry = waiting_.empty() ? Instant::max() : waiting_.front().arrival + spec_.hold.max_age + 1ns;
    advance(std::max(now_, std::min({events_.next(), slow_, expiry})));
  }
  return card_;
}

}  // namespace tidegate
