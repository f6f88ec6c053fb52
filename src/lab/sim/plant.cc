#include "lab/sim/plant.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr Duration latency_window = 60s;

std::vector<LifecyclePool> lives(const std::vector<PlantPool>& pools) {
  std::vector<LifecyclePool> all;
  for (const auto& pool : pools) all.push_back(pool.life);
  return all;
}

}  // namespace

Plant::Plant(PlantSpec spec, ArrivalStream arrivals)
    : spec_(std::move(spec)),
      arrivals_(std::move(arrivals)),
      next_arrival_(arrivals_()),
      faults_(spec_.faults),
      life_(lives(spec_.pools), spec_.start, Prng{spec_.seed}.split(1)),
      random_(Prng{spec_.seed}.split(2)),
      card_(spec_.slo),
      now_(spec_.start) {
  counts_.pool_completions.resize(spec_.pools.size());
  last_.now = spec_.start;
}

Instant Plant::next_event() const {
  auto next = Instant::max();
  if (next_arrival_) next = std::min(next, spec_.start + *next_arrival_);
  if (!in_service_.empty()) next = std::min(next, in_service_.begin()->first);
  if (const auto change = life_.next_change()) next = std::min(next, *change);
  if (const auto fault = faults_.next()) next = std::min(next, spec_.start + *fault);
  return next;
}

void Plant::advance(Instant now) {
  CHECK(now >= now_);
  for (auto next = next_event(); next <= now; next = next_event()) {
    now_ = std::max(now_, next);
    complete();
    life_.advance(now_);
    faults_.advance(now_ - spec_.start, life_);
    settle_replicas();
    take_arrivals();
    dispatch();
  }
  now_ = now;
  life_.advance(now_);
  expire();
}

void Plant::take_arrivals() {
  while (next_arrival_ && spec_.start + *next_arrival_ <= now_) {
    const auto arrival = spec_.start + *next_arrival_;
    next_arrival_ = arrivals_();
    counts_.arrivals += 1;
    expire();
    waiting_.push_back(arrival);
    dispatch();
    if (static_cast<std::int64_t>(waiting_.size()) > spec_.hold.max_requests) {
      waiting_.pop_back();
      ended({.arrival = arrival, .outcome = RequestOutcome::dropped, .cold_start_exposed = life_.is_warming()});
    }
  }
}

void Plant::expire() {
  while (!waiting_.empty() && now_ - waiting_.front() > spec_.hold.max_age) {
    const auto arrival = waiting_.front();
    waiting_.pop_front();
    ended({.arrival = arrival,
           .wait = spec_.hold.max_age,
           .outcome = RequestOutcome::dropped,
           .cold_start_exposed = life_.is_warming()});
  }
}

void Plant::dispatch() {
  expire();
  while (!waiting_.empty()) {
    const SimulatedReplica* best = nullptr;
    std::int32_t rank = 0, best_rank = 0;
    for (const auto& replica : life_.replicas()) {
      if (replica.state != ReplicaState::ready) continue;
      const bool has_slot = replica.in_flight < spec_.pools[replica.pool].work.slots;
      if (has_slot && (best == nullptr || replica.in_flight < best->in_flight)) best = &replica, best_rank = rank;
      ++rank;
    }
    if (best == nullptr) return;
    begin(*best, best_rank);
  }
}

void Plant::begin(SimulatedReplica replica, std::int32_t rank) {
  const auto arrival = waiting_.front();
  waiting_.pop_front();
  life_.begin(replica.id);
  const auto& work = spec_.pools[replica.pool].work;
  const double spread = work.spread > 0 ? random_.lognormal(std::exp(-work.spread * work.spread / 2), work.spread) : 1;
  const double residence = (seconds(work.base) + seconds(work.slope) * (replica.in_flight + 1)) * spread *
                           slowness(spec_.faults, now_ - spec_.start, rank);
  in_service_.emplace(now_ + from_seconds(residence),
                      InService{.arrival = arrival,
                                .begun = now_,
                                .ttft = now_ - arrival + from_seconds(residence * work.first),
                                .replica = replica.id,
                                .pool = replica.pool,
                                .cold_start_exposed = replica.ready_at > arrival});
}

void Plant::complete() {
  while (!in_service_.empty() && in_service_.begin()->first <= now_) {
    const auto done = in_service_.begin()->second;
    in_service_.erase(in_service_.begin());
    life_.end(done.replica);
    counts_.completions += 1;
    counts_.pool_completions[done.pool] += 1;
    ended({.arrival = done.arrival,
           .wait = done.begun - done.arrival,
           .ttft = done.ttft,
           .latency = now_ - done.arrival,
           .cold_start_exposed = done.cold_start_exposed});
  }
}

void Plant::settle_replicas() {
  for (const auto& end : life_.take_ends()) {
    const auto& pool = spec_.pools[end.pool];
    if (!closed_) {
      card_.replica(end.life(), pool.gpus, pool.price);
      replica_ends_.push_back(end);
    }
    if (end.in_flight > 0) cut(end.id);
  }
}

void Plant::cut(std::uint32_t replica) {
  for (auto it = in_service_.begin(); it != in_service_.end();) {
    if (it->second.replica != replica) {
      ++it;
      continue;
    }
    ended({.arrival = it->second.arrival,
           .wait = it->second.begun - it->second.arrival,
           .outcome = RequestOutcome::cut,
           .cold_start_exposed = it->second.cold_start_exposed});
    it = in_service_.erase(it);
  }
}

void Plant::ended(const RequestEnd& end) {
  (is_within(spec_.slo, end) ? counts_.within : counts_.missed) += 1;
  card_.request(end);
  request_ends_.push_back(end);
  if (end.outcome == RequestOutcome::served) recent_.push_back({now_, end});
}

void Plant::apply(const Decision& decision) {
  card_.decided(now_, decision.total());
  for (const auto& decided : decision.pools) {
    const auto pool = std::ranges::find(spec_.pools, decided.pool, [](const auto& one) { return one.life.name; });
    CHECK(pool != spec_.pools.end());
    life_.order(static_cast<std::size_t>(pool - spec_.pools.begin()), decided.replicas.value());
  }
  settle_replicas();
  dispatch();
}

Observation Plant::observe() {
  Observation seen{.now = now_, .service = spec_.service};
  seen.arrivals = Reading::of(counts_.arrivals);
  seen.completions = Reading::of(counts_.completions);
  seen.in_flight = Reading::of(static_cast<double>(in_service_.size()));
  seen.queued = Reading::of(static_cast<double>(waiting_.size()));
  seen.within_slo = Reading::of(counts_.within);
  seen.missed_slo = Reading::of(counts_.missed);
  read_latencies(seen);
  for (std::size_t i = 0; i < spec_.pools.size(); ++i) {
    auto pool = life_.count(i);
    double in_flight = 0;
    for (const auto& replica : life_.replicas())
      if (replica.pool == i) in_flight += replica.in_flight;
    if (pool.ready + pool.draining > 0) {
      pool.in_flight = Reading::of(in_flight);
      pool.completions = Reading::of(counts_.pool_completions[i]);
    }
    seen.pools.push_back(std::move(pool));
  }
  seen.cold_starts = life_.take_cold_starts();
  card_.cold_starts(seen.cold_starts.size());
  counts_ = {.pool_completions = std::vector<double>(spec_.pools.size())};
  degrade(spec_.faults, now_ - spec_.start, last_, seen);
  last_ = seen;
  return seen;
}

void Plant::read_latencies(Observation& seen) {
  while (!recent_.empty() && now_ - recent_.front().at >= latency_window) recent_.pop_front();
  std::array<std::vector<double>, 3> values;
  for (const auto& [at, end] : recent_) {
    values[0].push_back(seconds(end.ttft));
    values[1].push_back(seconds(end.latency));
    values[2].push_back(seconds(end.wait));
  }
  constexpr LatencyKind kinds[] = {LatencyKind::ttft, LatencyKind::latency, LatencyKind::queue_wait};
  for (std::size_t k = 0; k < values.size(); ++k)
    for (std::size_t p = 0; p < percentiles; ++p) {
      const auto percentile = static_cast<Percentile>(p);
      // A quantile over nothing is not a number, as a real histogram answers.
      seen.latency(kinds[k], percentile) =
          values[k].empty() ? Reading{.quality = Quality::nan} : Reading::of(quantile(values[k], fraction(percentile)));
    }
}

const Scorecard& Plant::close() {
  if (closed_) return card_;
  closed_ = true;
  for (const auto& replica : life_.replicas()) {
    if (replica.state == ReplicaState::failed) continue;  // billed when it failed
    const auto& pool = spec_.pools[replica.pool];
    card_.replica(now_ - replica.created, pool.gpus, pool.price);
    replica_ends_.push_back({replica.id, replica.pool, replica.created, now_, 0});
  }
  next_arrival_.reset();
  // Every round either serves what waits or lets its age run out, so this ends.
  while (!waiting_.empty() || !in_service_.empty()) {
    const auto expiry = waiting_.empty() ? Instant::max() : waiting_.front() + spec_.hold.max_age + 1ns;
    advance(std::max(now_, std::min(next_event(), expiry)));
  }
  return card_;
}

}  // namespace tidegate
