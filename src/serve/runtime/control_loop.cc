#include "serve/runtime/control_loop.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/decide/similar_service.h"
#include "serve/runtime/replica_view.h"
#include "serve/runtime/route_table.h"

namespace tidegate {
namespace {

// Longer than a table needs to a gateway apart and readings back (250 ms each).
constexpr Duration closed_for = 500ms;

bool is_warming_state(ReplicaState state) {
  return state == ReplicaState::requested || state == ReplicaState::starting || state == ReplicaState::loading;
}

bool differs(const Decision& one, const Decision& other) {
  return one.verdict != other.verdict || one.reason != other.reason || one.pools != other.pools;
}

Steering active(const SteeringByService& all, const std::string& service, Instant now) {
  const auto found = all.find(service);
  if (found == all.end()) return {};
  Steering steering = found->second;
  if (steering.manual && steering.manual->expires <= now) steering.manual.reset();
  if (steering.pause && steering.pause->expires && *steering.pause->expires <= now) steering.pause.reset();
  return steering;
}

// A tick out of the journal: it knows the replicas by number, not by name.
ServiceView seen_again(std::shared_ptr<const ServiceSpec> spec, const Observation& seen, const Decision& decision) {
  ServiceView view{.spec = std::move(spec), .seen = seen, .decision = decision};
  std::vector<Replica> replicas;
  for (const auto& pool : seen.pools) {
    const auto known = std::ranges::find(view.spec->pools, pool.pool, &PoolSpec::name);
    const auto count = pool.committed().value() + pool.draining;
    for (std::int32_t i = 0; known != view.spec->pools.end() && i < count; ++i) {
      replicas.push_back({.pool = pool.pool, .state = ReplicaState::ready});
      view.gpus += known->gpus_each();
    }
  }
  view.cost_per_hour = cost_per_hour(*view.spec, replicas);
  return view;
}

Replicas committed(const Observation& seen) {
  Replicas sum{0};
  for (const auto& pool : seen.pools) sum += pool.committed();
  return sum;
}

}  // namespace

std::string headline(const Decision& decision, Replicas before) {
  const auto after = decision.total();
  const std::string size = before == after ? fmt::format("{} replica{}", after.value(), after.value() == 1 ? "" : "s")
                                           : fmt::format("{} -> {} replicas", before.value(), after.value());
  return fmt::format("{}, {} ({:.1f} needed, {:.1f} worth keeping; {:.2f} requests/s, {:.2f} expected in {})", size,
                     to_text(decision.reason), decision.band.floor.value(), decision.band.ceiling.value(),
                     decision.demand_rate, decision.demand_expected,
                     to_text(Duration{std::chrono::round<std::chrono::seconds>(decision.lead_time)}));
}

ControlLoop::ControlLoop(RuntimePorts ports, DecideFleet decide) : ports_(ports), decide_(std::move(decide)) {}

void ControlLoop::begin(std::shared_ptr<const FleetSpec> spec, Sources sources, const RestoreLimits& limits) {
  CHECK(!spec_);
  sources_ = std::move(sources);
  for (const auto& service : spec->services)
    services_.push_back({.spec = std::make_shared<const ServiceSpec>(service)});
  auto restored = restore_fleet(
      *spec, ports_.journal, decide_, ports_.clock,
      [this](const Observation& seen, const Decision& decision) {
        for (auto& memory : services_) {
          if (memory.spec->name != seen.service) continue;
          memory.attainment.add(seen);
          memory.series.add(seen_again(memory.spec, seen, decision));
          memory.decision = decision;
        }
      },
      limits);
  state_ = std::move(restored.state);
  std::vector<std::size_t> added;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    auto& memory = services_[i];
    const auto& name = memory.spec->name;
    memory.restarted = restored.restarted.contains(name);
    memory.known = restored.known.contains(name);
    if (!memory.known) added.push_back(i);
    if (const auto at = restored.checkpointed.find(name); at != restored.checkpointed.end())
      memory.checkpointed = at->second;
  }
  teach(added);
  for (auto& problem : restored.problems)
    ports_.log.write({.level = LogLevel::warning, .event = "restore", .message = std::move(problem)});
  if (restored.ticks > 0)
    ports_.log.write({.event = "restored",
                      .fields = {{"ticks", fmt::format("{}", restored.ticks)},
                                 {"not_fresh", fmt::format("{}", restored.restarted.size())}}});
  adopt_spec(std::move(spec));
  look();
}

Result<void> ControlLoop::configure(std::shared_ptr<const FleetSpec> spec) {
  for (const auto& source : sources_)
    if (auto configured = source->configure(spec->services); !configured) {
      // Those before it go back to what they did.
      for (const auto& one : sources_) [[maybe_unused]]
        const auto restored = one->configure(spec_->services);
      return configured;
    }
  std::map<std::string, std::size_t> old;
  for (std::size_t i = 0; i < services_.size(); ++i) old.emplace(services_[i].spec->name, i);
  std::vector<ServiceMemory> services;
  std::vector<std::size_t> added;
  FleetState state;
  for (const auto& service : spec->services) {
    auto shared = std::make_shared<const ServiceSpec>(service);
    const auto found = old.find(service.name);
    if (found == old.end()) {
      added.push_back(services.size());
      services.push_back({.spec = std::move(shared)});
      state.services.emplace_back();
      continue;
    }
    services.push_back(std::move(services_[found->second]));
    services.back().spec = std::move(shared);
    state.services.push_back(std::move(state_.services[found->second]));
    old.erase(found);
  }
  for (const auto& [name, index] : old) book_.forget(name);
  services_ = std::move(services);
  state_ = std::move(state);
  teach(added);
  adopt_spec(std::move(spec));
  return {};
}

// Services without a past start from what those with the same replicas have learned.
void ControlLoop::teach(const std::vector<std::size_t>& added) {
  std::vector<KnownService> fleet;
  for (std::size_t i = 0; i < services_.size(); ++i)
    if (!std::ranges::binary_search(added, i)) fleet.push_back({*services_[i].spec, state_.services[i]});
  if (fleet.empty()) return;
  for (const std::size_t i : added) {
    Taught taught = taught_by(fleet, *services_[i].spec);
    if (taught.pools.empty()) continue;
    const auto& name = services_[i].spec->name;
    ports_.log.write({.event = "taught",
                      .service = name,
                      .fields = {{"by", fmt::format("{}", fmt::join(taught.teachers, ","))}},
                      .message = "starts from what services with the same replicas have learned of their capacity and "
                                 "cold starts"});
    state_.services[i].pools = std::move(taught.pools);
    // A restart before the first checkpoint goes on from there too.
    ports_.journal.learned(name, learned_bytes(state_.services[i]));
  }
}

void ControlLoop::adopt_spec(std::shared_ptr<const FleetSpec> spec) {
  spec_ = std::move(spec);
  for (const auto& service : spec_->services)
    if (service.signals.traffic || !ports_.link.sees_traffic()) elsewhere_.insert(service.name);
  for (auto& memory : services_) memory.series.share_among(services_.size());
  ports_.target.configure(spec_->services);
}

void ControlLoop::look() {
  TargetView view = ports_.target.look();
  // What is said once is kept until a tick takes it.
  for (auto& [service, cold_starts] : view_.cold_starts) {
    auto& all = view.cold_starts[service];
    all.insert(all.begin(), cold_starts.begin(), cold_starts.end());
  }
  target_events_.insert(target_events_.end(), std::make_move_iterator(view.events.begin()),
                        std::make_move_iterator(view.events.end()));
  view.events.clear();
  view_ = std::move(view);
  replicas_.clear();
  for (const auto& replica : view_.replicas)
    if (replica.state != ReplicaState::gone) replicas_[replica.service].push_back(replica);
}

void ControlLoop::collect(Instant now) {
  readings_ = ports_.link.latest();
  samples_ = std::move(readings_.samples);
  for (auto& sample : samples_) sample.origin = Origin::gateway;
  std::vector<ScrapeTarget> targets;
  for (const auto& [service, replicas] : replicas_) {
    auto pages = scrape_targets(replicas);
    targets.insert(targets.end(), std::make_move_iterator(pages.begin()), std::make_move_iterator(pages.end()));
  }
  for (const auto& source : sources_) {
    source->replicas(targets);
    auto samples = source->latest();
    samples_.insert(samples_.end(), std::make_move_iterator(samples.begin()), std::make_move_iterator(samples.end()));
  }
  book_.ingest(samples_, now);
}

FleetObservation ControlLoop::observe(Instant now, const SteeringByService& steering) {
  FleetObservation all{.now = now, .services = {}};
  for (auto& memory : services_) {
    const auto& name = memory.spec->name;
    const auto& replicas = replicas_[name];
    Observation seen = book_.readings(*memory.spec, live_replicas(replicas), now);
    count_replicas(seen, replicas);
    if (const auto room = view_.available.find(name); room != view_.available.end())
      for (auto& pool : seen.pools)
        if (const auto found = room->second.find(pool.pool); found != room->second.end())
          pool.available = found->second;
    if (const auto found = view_.cold_starts.find(name); found != view_.cold_starts.end())
      seen.cold_starts = std::move(found->second);
    if (const auto found = view_.rollouts.find(name); found != view_.rollouts.end()) seen.rollout = found->second;
    seen.unseen = view_.unseen.contains(name);
    const Steering hand = active(steering, name, now);
    seen.manual = hand.manual;
    seen.pause = hand.pause;
    // A service that is new to the journal and has no replicas yet has nothing to hold on to.
    seen.restarted = std::exchange(memory.restarted, false) && (memory.known || !replicas.empty());
    all.services.push_back(std::move(seen));
  }
  view_.cold_starts.clear();
  return all;
}

TickOutcome ControlLoop::tick(const SteeringByService& steering) {
  const Instant now = ports_.clock.now();
  look();
  collect(now);
  FleetObservation seen = observe(now, steering);
  const Instant before = ports_.clock.now();
  FleetStep step = decide_(*spec_, std::move(state_), seen);
  TickOutcome outcome{.decided_in = ports_.clock.now() - before, .gateway_connected = readings_.connected};
  CHECK(step.decisions.size() == services_.size() && step.next.services.size() == services_.size());
  state_ = std::move(step.next);
  write(now, seen, step.decisions);
  order(step.decisions);

  auto view = std::make_shared<FleetView>(FleetView{.now = now, .tick = ++tick_, .services = {}});
  for (std::size_t i = 0; i < services_.size(); ++i) {
    auto& memory = services_[i];
    memory.seen = std::move(seen.services[i]);
    memory.attainment.add(*memory.seen);
    note_decision(memory, step.decisions[i], outcome.events);
    memory.decision = std::move(step.decisions[i]);
    view->services.push_back(view_of(memory, active(steering, memory.spec->name, now), now));
    memory.series.add(view->services.back());
  }
  push_routes(now);
  report_in_flight(now);
  note_events(outcome.events);
  outcome.view = view;
  outcome.events.push_back({.kind = FleetEvent::Kind::tick});
  for (auto& event : outcome.events) event.view = view;
  return outcome;
}

void ControlLoop::write(Instant now, const FleetObservation& seen, const std::vector<Decision>& decisions) {
  ports_.journal.append_tick(now, seen.services, decisions);
  for (std::size_t i = 0; i < services_.size(); ++i) {
    auto& memory = services_[i];
    if (!checkpoint_due(memory.spec->name, memory.checkpointed, now)) continue;
    memory.checkpointed = now;
    ports_.journal.checkpoint(memory.spec->name, now, state_bytes(state_.services[i]));
    ports_.journal.learned(memory.spec->name, learned_bytes(state_.services[i]));
  }
}

void ControlLoop::finish() {
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const auto& memory = services_[i];
    if (!memory.seen) continue;
    ports_.journal.checkpoint(memory.spec->name, memory.seen->now, state_bytes(state_.services[i]));
    ports_.journal.learned(memory.spec->name, learned_bytes(state_.services[i]));
  }
}

void ControlLoop::order(const std::vector<Decision>& decisions) {
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const auto& spec = *services_[i].spec;
    if (spec.mode != Mode::act || view_.unseen.contains(spec.name)) continue;
    std::vector<Order> orders;
    for (const auto& pool : decisions[i].pools) orders.push_back({.pool = pool.pool, .replicas = pool.replicas});
    ports_.target.order(spec.name, orders);
  }
}

void ControlLoop::push_routes(Instant now) {
  if (!ports_.link.sees_traffic()) return;
  std::vector<Route> routes;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const auto& memory = services_[i];
    const RouteInput input{.spec = *memory.spec,
                           .replicas = replicas_[memory.spec->name],
                           .state = &state_.services[i],
                           .decision = memory.decision ? &*memory.decision : nullptr};
    if (has_route(input)) routes.push_back(route_of(input, now));
  }
  // A table says when a replica was closed, so it is noted with it; a replica of a service that has no route any more
  // is closed too.
  std::map<std::string, Instant> closed;
  for (const auto& replica : view_.replicas)
    if (replica.state == ReplicaState::draining) {
      const auto known = closed_.find(replica.id);
      closed.emplace(replica.id, known == closed_.end() ? now : known->second);
    }
  closed_ = std::move(closed);
  push(std::move(routes), now);
}

void ControlLoop::push(std::vector<Route> routes, Instant now) {
  if (routes_ == routes) return;
  // Greater than any version of a controller before us.
  table_version_ = std::max<std::uint64_t>(
      table_version_ + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(now.time_since_epoch().count(), 0)));
  ports_.link.push({.version = table_version_, .routes = routes});
  routes_ = std::move(routes);
}

void ControlLoop::close_routes() {
  auto routes = routes_.value_or(std::vector<Route>{});
  for (auto& route : routes)
    for (auto& endpoint : route.endpoints) endpoint.draining = true;
  push(std::move(routes), ports_.clock.now());
}

void ControlLoop::report_in_flight(Instant now) {
  if (!readings_.connected) {
    // The gateway serves on without us: nothing is known to be idle.
    ports_.target.in_flight({});
    return;
  }
  if (readings_.taken <= reported_) return;
  reported_ = readings_.taken;
  auto busy = in_flight_by_replica(samples_, elsewhere_, now);
  for (const auto& replica : view_.replicas) {
    const auto since = closed_.find(replica.id);
    if (since == closed_.end()) continue;
    if (readings_.taken < since->second + closed_for)
      busy.erase(replica.id);
    else if (!elsewhere_.contains(replica.service))
      // The gateway forgets a closed replica with its last request.
      busy.try_emplace(replica.id, 0);
  }
  ports_.target.in_flight(busy);
}

void ControlLoop::refresh_routes() {
  look();
  push_routes(ports_.clock.now());
}

bool ControlLoop::is_warming() const {
  return ports_.link.sees_traffic() &&
         std::ranges::any_of(view_.replicas, [](const Replica& replica) { return is_warming_state(replica.state); });
}

void ControlLoop::note_decision(const ServiceMemory& memory, const Decision& decision,
                                std::vector<FleetEvent>& events) {
  if (memory.decision && !differs(*memory.decision, decision)) return;
  events.push_back({.kind = FleetEvent::Kind::decision, .service = decision.service});
  const auto before = committed(*memory.seen);
  const bool is_news = !memory.decision || memory.decision->verdict != decision.verdict || decision.total() != before;
  ports_.log.write({.level = is_news ? LogLevel::info : LogLevel::debug,
                    .event = "decision",
                    .service = decision.service,
                    .fields = {{"verdict", std::string(to_text(decision.verdict))},
                               {"reason", std::string(to_text(decision.reason))},
                               {"from", fmt::format("{}", before.value())},
                               {"to", fmt::format("{}", decision.total().value())},
                               {"mode", std::string(to_text(memory.spec->mode))}},
                    .message = headline(decision, before)});
}

void ControlLoop::note_events(std::vector<FleetEvent>& events) {
  for (auto& event : std::exchange(target_events_, {})) {
    ports_.log.write({.level = LogLevel::warning,
                      .event = to_text(event.reason),
                      .service = event.service,
                      .fields = {{"replica", event.replica}},
                      .message = event.message});
    JournalEvent entry{.at = event.at,
                       .service = std::move(event.service),
                       .replica = std::move(event.replica),
                       .reason = event.reason,
                       .message = std::move(event.message)};
    ports_.journal.append_event(entry);
    events.push_back({.kind = FleetEvent::Kind::notice, .service = entry.service, .notice = std::move(entry)});
  }
}

ServiceView ControlLoop::view_of(const ServiceMemory& memory, const Steering& steering, Instant now) const {
  const auto found = replicas_.find(memory.spec->name);
  const auto replicas = found == replicas_.end() ? std::vector<Replica>{} : found->second;
  const auto problems = view_.problems.find(memory.spec->name);
  const auto share = memory.attainment.share(now);
  return {.spec = memory.spec,
          .seen = *memory.seen,
          .decision = *memory.decision,
          .replicas = replicas,
          .problems = problems == view_.problems.end() ? std::vector<TargetProblem>{} : problems->second,
          .steering = steering,
          .attainment = share.value_or(1),
          .attainment_known = share.has_value(),
          .cost_per_hour = cost_per_hour(*memory.spec, replicas),
          .gpus = gpus_taken(*memory.spec, replicas)};
}

const ControlLoop::ServiceMemory* ControlLoop::find(const std::string& service) const {
  for (const auto& memory : services_)
    if (memory.spec->name == service) return &memory;
  return nullptr;
}

std::size_t ControlLoop::index_of(const ServiceMemory& memory) const {
  return static_cast<std::size_t>(&memory - services_.data());
}

Result<ControlLoop::Present> ControlLoop::present(const std::string& service) const {
  const auto* memory = find(service);
  if (memory == nullptr) return fail(ErrorKind::not_found, fmt::format("no service is called {}", service));
  if (!memory->seen) return fail(ErrorKind::failed, "nothing was decided yet; ask again in a second");
  return Present{memory->spec, state_.services[index_of(*memory)], *memory->seen, spec_->control.tick};
}

Result<Series> ControlLoop::series(const std::string& service, Duration window) const {
  const auto* memory = find(service);
  if (memory == nullptr) return fail(ErrorKind::not_found, fmt::format("no service is called {}", service));
  return memory->series.read(ports_.clock.now(), window);
}

}  // namespace tidegate
