#include "edge/targets/process_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <tuple>

#include "edge/targets/replica_choice.h"

namespace tidegate {

namespace {

constexpr Duration stable_after = 60s;  // ready this long forgets earlier failures
constexpr std::int32_t idle_reports_needed = 2;
constexpr std::size_t events_max = 1000;
constexpr std::size_t cold_starts_max = 100;

GpuNeed need_of(const PoolSpec& pool) { return {.gpus = pool.gpus, .memory = pool.gpu_memory}; }

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += "\n  | " + line;
  return text;
}

}  // namespace

ProcessPlan::Member* ProcessPlan::find(const std::string& id) {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

void ProcessPlan::configure(const std::vector<ServiceSpec>& services, Instant now) {
  configured_ = true;
  for (auto& [key, pool] : pools_) pool.spec.reset();
  for (const auto& service : services)
    for (const auto& spec : service.pools) {
      const auto* process = std::get_if<ProcessTargetSpec>(&spec.target);
      if (process == nullptr) continue;
      auto& pool = pools_[{service.name, spec.name}];
      pool.spec = spec;
      pool.process = *process;
      pool.revision = revision_of(*process);
      // A known failure is forgotten when the revision changes, so that going back and forth tries again.
      if (pool.bad_revision != pool.revision) pool.bad_revision.clear();
    }
  std::vector<std::string> orphans;
  for (auto& [id, member] : members_)
    if (!pool_of(member).spec && member.seen.state != ReplicaState::draining) orphans.push_back(id);
  for (const auto& id : orphans) drain(id, now);
}

void ProcessPlan::order(const std::string& service, const std::vector<Order>& pools) {
  for (const auto& order : pools) {
    const auto found = pools_.find({service, order.pool});
    if (found != pools_.end()) found->second.wanted = std::max(0, order.replicas.value());
  }
}

void ProcessPlan::in_flight(const std::map<std::string, std::int64_t>& by_replica) {
  for (auto& [id, member] : members_) {
    const auto known = by_replica.find(id);
    member.in_flight = known == by_replica.end() ? std::nullopt : std::optional(known->second);
    if (member.seen.state == ReplicaState::draining)
      member.idle_reports = member.in_flight == 0 ? member.idle_reports + 1 : 0;
  }
}

Result<void> ProcessPlan::restart(const std::string& service) {
  bool known = false;
  for (auto& [key, pool] : pools_)
    if (key.first == service && pool.spec) known = true, pool.bad_revision.clear();
  if (!known) return fail(ErrorKind::not_found, fmt::format("no service {} with a process target", service));
  for (auto& [id, member] : members_) {
    if (member.seen.service != service || member.seen.state == ReplicaState::draining) continue;
    // A failed replica needs no replacement, only another try at once.
    if (member.seen.state == ReplicaState::failed)
      member.failures = 0, member.retry_at = Instant{};
    else
      member.stale = true;
  }
  return {};
}

void ProcessPlan::stop_all(Instant now) {
  for (auto& [key, pool] : pools_) pool.wanted = 0;
  std::vector<std::string> ids;
  for (const auto& [id, member] : members_) ids.push_back(id);
  for (const auto& id : ids) {
    if (find(id)->seen.state != ReplicaState::draining) drain(id, now);
    if (Member* member = find(id)) stop(*member, now);
  }
}

void ProcessPlan::adopt(const AdoptedReplica& adopted, Instant now) {
  Member member{.seen = adopted.replica, .serial = ++serials_, .gpu_memory = adopted.gpu_memory, .running = true};
  member.was_ready = adopted.replica.state == ReplicaState::ready || adopted.replica.state == ReplicaState::draining;
  member.started = adopted.replica.created;
  member.probe_at = now;
  members_.insert_or_assign(adopted.replica.id, std::move(member));
}

void ProcessPlan::started(const std::string& id, std::int64_t pid, std::uint16_t port, Instant now) {
  Member* member = find(id);
  if (member == nullptr) return;
  member->seen.pid = pid;
  member->seen.port = port;
  member->seen.host = "127.0.0.1";
  member->probe_at = now;
  // An order to stop that came while it was being started had no process to go to.
  if (member->stopping) act(Effort::terminate, *member);
}

void ProcessPlan::start_failed(const std::string& id, const std::string& message, Instant now) {
  if (Member* member = find(id)) lose(*member, message, {}, now);
}

void ProcessPlan::probed(const std::string& id, const ProbeAnswer& answer, Instant now) {
  Member* member = find(id);
  if (member == nullptr) return;
  member->probing = false;
  auto& pool = pool_of(*member);
  member->probe_at = now + pool.process.ready.period;
  const bool waits = member->seen.state == ReplicaState::starting || member->seen.state == ReplicaState::loading;
  if (!waits || member->stopping) return;
  member->seen.detail = answer.detail;
  if (answer.readiness == Readiness::loading && member->seen.state == ReplicaState::starting)
    become(*member, ReplicaState::loading, now);
  if (answer.readiness != Readiness::ready) return;
  become(*member, ReplicaState::ready, now);
  member->was_ready = true;
  member->seen.detail.clear();
  if (member->seen.revision == pool.revision) pool.proven = std::pair(pool.revision, pool.process);
  auto& cold_starts = cold_starts_[member->seen.service];
  if (cold_starts.size() < cold_starts_max)
    cold_starts.push_back({.pool = member->seen.pool, .took = now - member->started});
  act(Effort::remember, *member);
}

void ProcessPlan::exited(const std::string& id, const std::string& how, const std::vector<std::string>& log_tail,
                         Instant now) {
  Member* member = find(id);
  if (member == nullptr) return;
  member->running = false;
  if (member->seen.state == ReplicaState::draining) return remove(id);
  const std::string cause = member->stop_cause.empty() ? how : member->stop_cause;
  const std::string age =
      to_text(Duration{std::max(1s, std::chrono::round<std::chrono::seconds>(now - member->started))});
  lose(*member, fmt::format("{} after {}{}", cause, age, member->was_ready ? "" : ", before it was ready"), log_tail,
       now);
}

// A replica is lost, or never came up: a rollout ends, anything else waits for its back-off and is tried again.
void ProcessPlan::lose(Member& member, const std::string& message, const std::vector<std::string>& log_tail,
                       Instant now) {
  auto& pool = pool_of(member);
  const PoolKey key{member.seen.service, member.seen.pool};
  member.running = false;
  if (member.seen.state == ReplicaState::draining) return remove(std::string(member.seen.id));
  const bool replaces = is_rolling(key) && !is_old(pool, member) && !member.was_ready;
  if (replaces) {
    note(member, Reason::rollout_failed,
         fmt::format("the new revision of {} does not start and the old one is kept: {}; change the command or "
                     "environment, or try again with 'tidegate restart {}'{}",
                     key.first, message, key.first, joined(log_tail)),
         now);
    pool.bad_revision = pool.revision;
    for (auto& [id, other] : members_)
      if (PoolKey{other.seen.service, other.seen.pool} == key) other.stale = false;
    return remove(std::string(member.seen.id));
  }
  const bool was_ready = std::exchange(member.was_ready, false);
  ++member.failures;
  member.stopping = member.killed = member.probing = false;
  member.stop_cause.clear();
  member.retry_at = now + back_off(member.failures);
  member.seen.pid = 0;
  member.seen.port = 0;
  member.seen.gpus.clear();
  member.seen.detail = message;
  become(member, ReplicaState::failed, now);
  note(member, was_ready ? Reason::replica_unhealthy : Reason::start_failed,
       fmt::format("{}; next try in {}{}", message, to_text(back_off(member.failures)), joined(log_tail)), now);
  act(Effort::forget, member);
}

void ProcessPlan::report(TargetEvent event) {
  if (events_.size() < events_max) events_.push_back(std::move(event));
}

void ProcessPlan::note(const Member& member, Reason reason, std::string message, Instant now) {
  report({.at = now,
          .service = member.seen.service,
          .replica = member.seen.id,
          .reason = reason,
          .message = std::move(message)});
}

void ProcessPlan::become(Member& member, ReplicaState state, Instant now) {
  member.seen.state = state;
  member.seen.since = now;
}

void ProcessPlan::act(Effort effort, const Member& member) {
  const auto pool = pools_.find({member.seen.service, member.seen.pool});
  Action action{.effort = effort, .order = {.replica = member.seen, .gpu_memory = member.gpu_memory}};
  if (pool != pools_.end()) {
    const auto& [now, proven] = std::tie(pool->second, pool->second.proven);
    const bool is_proven = proven && proven->first == member.seen.revision && member.seen.revision != now.revision;
    action.order.spec = is_proven ? proven->second : now.process;
  }
  actions_.push_back(std::move(action));
}

void ProcessPlan::remove(const std::string& id) {
  if (const Member* member = find(id)) act(Effort::forget, *member);
  members_.erase(id);
}

void ProcessPlan::drain(const std::string& id, Instant now) {
  Member* member = find(id);
  if (member == nullptr) return;
  if (!member->running) return remove(id);
  become(*member, ReplicaState::draining, now);
  member->idle_reports = 0;
  member->seen.detail = "waits for its requests to end";
  act(Effort::remember, *member);
  // It never took a request, so nothing can be in flight.
  if (!member->was_ready) stop(*member, now);
}

void ProcessPlan::stop(Member& member, Instant now) {
  if (member.stopping) return;
  member.stopping = true;
  member.stop_at = now;
  member.seen.detail = "was told to stop";
  if (member.seen.pid != 0) act(Effort::terminate, member);
}

std::vector<Action> ProcessPlan::step(Instant now) {
  for (auto& [key, pool] : pools_) reconcile(key, pool, now);
  for (auto& [id, member] : members_) advance(member, now);
  return std::exchange(actions_, {});
}

void ProcessPlan::advance(Member& member, Instant now) {
  const auto& process = pool_of(member).process;
  const auto state = member.seen.state;
  if (member.stopping) {
    if (!member.killed && member.seen.pid != 0 && now >= member.stop_at + process.kill_after) {
      member.killed = true;
      act(Effort::kill, member);
    }
    return;
  }
  if (state == ReplicaState::draining &&
      (member.idle_reports >= idle_reports_needed || now >= member.seen.since + process.drain_deadline))
    return stop(member, now);
  if (state == ReplicaState::failed && now >= member.retry_at) become(member, ReplicaState::requested, now);
  if (member.seen.state == ReplicaState::requested) return place(member, now);
  if (state == ReplicaState::ready && now >= member.seen.since + stable_after) member.failures = 0;
  if (state != ReplicaState::starting && state != ReplicaState::loading) return;
  if (now >= member.started + process.ready.deadline) {
    member.stop_cause = fmt::format("not ready within {} ({}); raise ready.deadline if the model needs longer",
                                    to_text(process.ready.deadline), member.seen.detail);
    return stop(member, now);
  }
  if (member.seen.port != 0 && !member.probing && now >= member.probe_at && pool_of(member).spec) {
    member.probing = true;
    act(Effort::probe, member);
  }
}

void ProcessPlan::place(Member& member, Instant now) {
  const auto& pool = pool_of(member);
  if (!pool.spec) return;
  const auto need = need_of(*pool.spec);
  auto chosen = choose_gpus(need, machine_, placements());
  if (!chosen) {
    if (member.seen.detail != chosen.error().message) note(member, chosen.error().reason, chosen.error().message, now);
    member.seen.detail = chosen.error().message;
    return;
  }
  const bool bad = pool.bad_revision == pool.revision && pool.proven;
  member.seen.revision = bad ? pool.proven->first : pool.revision;
  member.seen.gpus = std::move(*chosen);
  member.gpu_memory = need.is_share() ? need.memory : std::nullopt;
  member.seen.detail.clear();
  member.running = true;
  member.started = now;
  become(member, ReplicaState::starting, now);
  act(Effort::start, member);
}

std::vector<GpuPlacement> ProcessPlan::placements() const {
  std::vector<GpuPlacement> placed;
  for (const auto& [id, member] : members_)
    if (member.running && !member.seen.gpus.empty())
      placed.push_back({.gpus = member.seen.gpus, .memory = member.gpu_memory});
  return placed;
}

Instant ProcessPlan::wakes_at(const Member& member) const {
  const auto pool = pools_.find({member.seen.service, member.seen.pool});
  const ProcessTargetSpec unknown;
  const auto& process = pool == pools_.end() ? unknown : pool->second.process;
  if (member.stopping) return member.killed ? Instant::max() : member.stop_at + process.kill_after;
  switch (member.seen.state) {
    case ReplicaState::draining:
      return member.seen.since + process.drain_deadline;
    case ReplicaState::failed:
      return member.retry_at;
    case ReplicaState::starting:
    case ReplicaState::loading: {
      const Instant deadline = member.started + process.ready.deadline;
      return member.probing ? deadline : std::min(deadline, member.probe_at);
    }
    default:
      return Instant::max();
  }
}

Instant ProcessPlan::wakes_at() const {
  if (!actions_.empty()) return Instant{};
  Instant earliest = Instant::max();
  for (const auto& [id, member] : members_) earliest = std::min(earliest, wakes_at(member));
  return earliest;
}

TargetView ProcessPlan::look() {
  TargetView view;
  for (const auto& [id, member] : members_) view.replicas.push_back(member.seen);
  for (const auto& [key, pool] : pools_) {
    if (!pool.spec) continue;
    view.rollouts[key.first] = view.rollouts[key.first] || is_rolling(key);
    auto more = placeable(need_of(*pool.spec), machine_, placements());
    if (!more) continue;
    // Replicas that wait for a slot have the first claim on it.
    for (const auto& [id, member] : members_)
      if (PoolKey{member.seen.service, member.seen.pool} == key && !member.running) *more = std::max(0, *more - 1);
    view.available[key.first][key.second] = *more;
  }
  view.cold_starts = std::exchange(cold_starts_, {});
  view.events = std::exchange(events_, {});
  return view;
}

}  // namespace tidegate
