// How the plant's replicas serve: slots, a batch server, an LLM engine.
#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "lab/sim/plant.h"

namespace tidegate {
namespace {

constexpr std::uint32_t timer = UINT32_MAX;  // `what` of a batch server's timer

}  // namespace

std::uint32_t Plant::new_job() {
  if (unused_job_ == none) {
    jobs_.emplace_back();
    return static_cast<std::uint32_t>(jobs_.size() - 1);
  }
  return std::exchange(unused_job_, jobs_[unused_job_].next);
}

void Plant::hand_over(ReplicaPlace place, const Waiting& request) {
  const auto& replica = life_.at(place);
  const std::uint32_t job = new_job();
  jobs_[job] = {.arrival = request.arrival,
                .begun = now_,
                .pool = static_cast<std::uint32_t>(replica.pool),
                .place = place,
                .input_tokens = request.input_tokens,
                .output_tokens = request.output_tokens,
                .cold_start_exposed = replica.ready_at > request.arrival,
                .is_used = true};
  life_.begin(place);
  ready_.changed(place, replica.in_flight - 1, replica.in_flight);
  ++pool_in_flight_[replica.pool];
  ++in_flight_;
  const auto& server = spec_.pools[replica.pool].server;
  if (std::holds_alternative<EngineProfile>(server)) return serve_engine(job);
  if (std::holds_alternative<std::monostate>(server)) return serve_slot(job);
  auto& batch = state_of(place).batch;
  (batch.tail == none ? batch.head : jobs_[batch.tail].next) = job;
  batch.tail = job;
  ++batch.waiting;
  serve_batches(place);
}

double Plant::slowed(ReplicaPlace place) const {
  if (spec_.faults.empty()) return 1;
  return slowness(spec_.faults, now_ - spec_.start, ready_.rank(place));
}

void Plant::serve_slot(std::uint32_t job) {
  const ReplicaPlace place = jobs_[job].place;
  const auto& replica = life_.at(place);
  const auto& work = spec_.pools[replica.pool].work;
  const double spread = work.spread > 0 ? random_.lognormal(std::exp(-work.spread * work.spread / 2), work.spread) : 1;
  const double residence = (seconds(work.base) + seconds(work.slope) * replica.in_flight) * spread * slowed(place);
  jobs_[job].first = now_ + from_seconds(residence * work.first);
  events_.push({.at = now_ + from_seconds(residence), .place = place, .stamp = state_of(place).stamp, .what = job});
}

// Begins batches while an instance is idle and one is full or old enough.
void Plant::serve_batches(ReplicaPlace place) {
  auto& state = state_of(place);
  auto& batch = state.batch;
  const auto& server = std::get<BatchServer>(spec_.pools[life_.at(place).pool].server);
  while (batch.busy < server.instances && batch.waiting > 0) {
    const Instant due = jobs_[batch.head].begun + server.delay;
    if (batch.waiting < server.batch_max && now_ < due) {
      if (std::exchange(batch.timer, due) != due)
        events_.push({.at = due, .place = place, .stamp = state.stamp, .what = timer});
      return;
    }
    const std::uint32_t head = batch.head;
    std::uint32_t last = head;
    std::int32_t size = 1;
    for (; size < server.batch_max && jobs_[last].next != none; ++size) last = jobs_[last].next;
    batch.head = std::exchange(jobs_[last].next, none);
    if (batch.head == none) batch.tail = none;
    batch.waiting -= size;
    ++batch.busy;
    const double took = (seconds(server.base) + seconds(server.slope) * size) * slowed(place);
    events_.push({.at = now_ + from_seconds(took), .place = place, .stamp = state.stamp, .what = head});
  }
}

void Plant::end_batch(const PlantEvent& event) {
  const std::uint32_t stamp = event.stamp;
  if (event.what != timer) {
    --places_[event.place].batch.busy;
    for (std::uint32_t job = event.what; job != none;) {
      const std::uint32_t next = jobs_[job].next;
      jobs_[job].first = now_;
      end_job(job, RequestOutcome::served);
      job = next;
    }
  }
  // A replica that drained may have gone with its last request.
  if (places_[event.place].stamp == stamp && life_.at(event.place).id != 0) serve_batches(event.place);
}

void Plant::serve_engine(std::uint32_t job) {
  const ReplicaPlace place = jobs_[job].place;
  auto& state = state_of(place).engine;
  if (state.engine == nullptr)
    state.engine = std::make_unique<Engine>(std::get<EngineProfile>(spec_.pools[life_.at(place).pool].server));
  if (state.phase == EnginePhase::cruising) {
    // Up to the end of the iteration under way, which the newcomer has to wait for.
    ++state.version;
    state.events.clear();
    if (now_ > state.at) state.at += state.engine->leap(now_ - state.at, state.events);
    state.phase = state.at > now_ ? EnginePhase::stepping : EnginePhase::between;
    if (state.phase == EnginePhase::stepping)
      events_.push({.at = state.at, .place = place, .stamp = places_[place].stamp, .what = state.version});
  }
  const auto answer = state.engine->add(
      {.id = job, .input_tokens = jobs_[job].input_tokens, .output_tokens = jobs_[job].output_tokens});
  if (answer != EngineAnswer::queued) end_job(job, RequestOutcome::dropped);
  if (state.phase == EnginePhase::idle) state.at = now_;
  if (state.phase == EnginePhase::idle || state.phase == EnginePhase::between) schedule_engine(place);
}

// Begins the next iteration, or the next run of those that only decode.
void Plant::schedule_engine(ReplicaPlace place) {
  auto& state = places_[place].engine;
  ++state.version;
  state.events.clear();
  if (state.engine->is_idle()) {
    state.phase = EnginePhase::idle;
    return;
  }
  Duration took = state.engine->cruise();
  state.phase = took > Duration::zero() ? EnginePhase::cruising : EnginePhase::stepping;
  const Instant begun = state.at;
  if (state.phase == EnginePhase::stepping) {
    took = from_seconds(seconds(state.engine->leap(1ns, state.events)) * slowed(place));
    state.at += took;
  }
  events_.push({.at = begun + took, .place = place, .stamp = places_[place].stamp, .what = state.version});
}

void Plant::play_engine(const PlantEvent& event) {
  auto& state = places_[event.place].engine;
  if (state.version != event.what) return;
  if (state.phase == EnginePhase::cruising) {
    state.events.clear();
    (void)state.engine->leap(event.at - state.at, state.events);
  }
  state.at = event.at;
  state.phase = EnginePhase::stepping;  // so that who is handed over meanwhile waits for the schedule below
  const auto yielded = std::exchange(state.events, {});
  for (const auto& token : yielded) {
    if (token.is_first) jobs_[token.request].first = now_;
    if (token.is_last) end_job(static_cast<std::uint32_t>(token.request), RequestOutcome::served);
  }
  if (places_[event.place].stamp != event.stamp || life_.at(event.place).id == 0) return;
  dispatch();
  schedule_engine(event.place);
}

void Plant::happen(const PlantEvent& event) {
  if (places_[event.place].stamp != event.stamp) return;  // its replica is gone
  const auto& server = spec_.pools[life_.at(event.place).pool].server;
  if (std::holds_alternative<std::monostate>(server)) return end_job(event.what, RequestOutcome::served);
  if (std::holds_alternative<BatchServer>(server)) return end_batch(event);
  play_engine(event);
}

void Plant::end_job(std::uint32_t index, RequestOutcome outcome) {
  auto& job = jobs_[index];
  CHECK(job.is_used);
  const ReplicaPlace place = job.place;
  RequestEnd end{.arrival = job.arrival,
                 .wait = job.begun - job.arrival,
                 .outcome = outcome,
                 .cold_start_exposed = job.cold_start_exposed};
  if (outcome == RequestOutcome::served) {
    end.ttft = job.first - job.arrival;
    end.latency = now_ - job.arrival;
    counts_.input_tokens += job.input_tokens;
    counts_.output_tokens += job.output_tokens;
    counts_.completions += 1;
    counts_.pool_completions[job.pool] += 1;
    if (std::holds_alternative<EngineProfile>(spec_.pools[job.pool].server) && job.output_tokens > 1) {
      end.itl = (end.latency - end.ttft) / (job.output_tokens - 1);
      counts_.pool_itl[job.pool] += seconds(end.itl);
      counts_.pool_itl_count[job.pool] += 1;
    }
  }
  job.is_used = false;
  job.next = std::exchange(unused_job_, index);
  --pool_in_flight_[job.pool];
  --in_flight_;
  if (outcome != RequestOutcome::cut) {  // else the replica is gone, with its count
    const std::int32_t before = life_.at(place).in_flight;
    ready_.changed(place, before, before - 1);
    life_.end(place);
    if (life_.at(place).state == ReplicaState::gone) settle_replicas();
  }
  count_end(end);
}

}  // namespace tidegate
