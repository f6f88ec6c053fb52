#include "serve/runtime/fleet_runtime.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr Duration routes_period = 100ms;
constexpr int ticks_at_once = 10;  // the most in the time of one tick, when woken again and again

// For a log line: all of a few, the first of many.
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 10;
  if (names.size() <= shown) return fmt::format("{}", fmt::join(names, ","));
  return fmt::format("{},... ({} in all)", fmt::join(names.begin(), names.begin() + shown, ","), names.size());
}

}  // namespace

FleetRuntime::FleetRuntime(SourcedFleet fleet, RuntimePorts ports, RuntimeServices services)
    : ports_(ports),
      services_(std::move(services)),
      journal_steering_(ports.journal),
      steering_(services_.steering != nullptr ? *services_.steering : journal_steering_),
      loop_(ports, services_.decide),
      first_(std::move(fleet)),
      view_(std::make_shared<const FleetView>()) {
  health_.started = ports_.clock.now();
}

FleetRuntime::~FleetRuntime() { stop(); }

Result<void> FleetRuntime::begin(const RestoreLimits& limits) {
  if (auto runnable = check_runnable(first_.spec); !runnable) return runnable;
  Sources sources = services_.make_sources ? services_.make_sources() : Sources{};
  for (const auto& source : sources)
    if (auto configured = source->configure(first_.spec.services); !configured) return configured;
  if (auto loaded = journal_steering_.load(); !loaded)
    ports_.log.write(
        {.level = LogLevel::error,
         .event = "restore",
         .message = "overrides and pauses cannot be read from the journal and do not hold: " + loaded.error().message});
  spec_ = std::make_shared<const FleetSpec>(std::move(first_.spec));
  const std::lock_guard lock(loop_mutex_);
  ports_.journal.configured(ports_.clock.now(), std::move(first_.source));
  loop_.begin(spec_, std::move(sources), limits);
  adopted_ = loop_.replicas();
  ports_.link.on_wake([bell = bell_](const std::string&) { bell->ring(); });
  return {};
}

void FleetRuntime::start() {
  CHECK(!thread_.joinable());
  tick();
  thread_ = std::thread([this] {
    // Signals are the main thread's business.
    sigset_t every;
    ::sigfillset(&every);
    ::pthread_sigmask(SIG_BLOCK, &every, nullptr);
    run();
  });
}

void FleetRuntime::stop() {
  {
    const std::lock_guard lock(bell_->mutex);
    if (std::exchange(bell_->stopping, true)) return;
  }
  bell_->rung.notify_all();
  if (thread_.joinable()) thread_.join();
  ports_.link.on_wake({});
  const std::lock_guard lock(loop_mutex_);
  loop_.finish();
}

void FleetRuntime::close_routes() {
  const std::lock_guard lock(loop_mutex_);
  loop_.close_routes();
}

void FleetRuntime::Bell::ring() {
  {
    const std::lock_guard lock(mutex);
    woken = true;
  }
  rung.notify_all();
}

void FleetRuntime::wake() { bell_->ring(); }

void FleetRuntime::run() {
  Instant due = ports_.clock.now() + spec()->control.tick;
  while (true) {
    const Next next = wait(due);
    if (next == Next::end) return;
    if (next == Next::routes) {
      const std::lock_guard lock(loop_mutex_);
      loop_.refresh_routes();
      continue;
    }
    const Instant now = ports_.clock.now();
    const Duration period = spec()->control.tick;
    if (now > due + period) {
      const std::lock_guard lock(mutex_);
      ++health_.ticks_late;
    }
    tick();
    // Ticks that were missed as a whole are not made up for.
    if (now >= due) due += period * ((now - due) / period + 1);
  }
}

FleetRuntime::Next FleetRuntime::wait(Instant due) {
  bool is_warming = false;
  {
    const std::lock_guard lock(loop_mutex_);
    is_warming = loop_.is_warming();
  }
  const Instant earliest = ticked_ + spec()->control.tick / ticks_at_once;
  const Instant begun = ports_.clock.now();
  std::unique_lock lock(bell_->mutex);
  while (!bell_->stopping) {
    const Instant now = ports_.clock.now();
    Instant until = bell_->woken ? std::min(due, earliest) : due;
    if (now >= until) {
      bell_->woken = false;
      return Next::tick;
    }
    if (is_warming && now >= begun + routes_period) return Next::routes;
    if (is_warming) until = std::min(until, begun + routes_period);
    bell_->rung.wait_for(lock, until - now);
  }
  return Next::end;
}

void FleetRuntime::tick() {
  const Instant begun = ports_.clock.now();
  const SteeringByService steering = steering_.all();
  TickOutcome outcome;
  {
    const std::lock_guard lock(loop_mutex_);
    outcome = loop_.tick(steering);
  }
  const Instant ended = ports_.clock.now();
  ticked_ = begun;
  watch_journal();
  watch_link(outcome.gateway_connected);
  {
    const std::lock_guard lock(mutex_);
    view_ = outcome.view;
    ++health_.ticks;
    health_.tick_seconds_last = seconds(ended - begun);
    health_.decide_seconds_last = seconds(outcome.decided_in);
    health_.gateway_connected = outcome.gateway_connected;
  }
  for (const auto& event : outcome.events)
    for (const auto& listener : listeners_) listener(event);
}

void FleetRuntime::watch_journal() {
  for (auto& notice : ports_.journal.notices())
    ports_.log.write({.level = LogLevel::warning, .event = "journal", .message = std::move(notice)});
  const auto problem = ports_.journal.problem();
  const auto dropped = ports_.journal.dropped();
  if (problem)
    ports_.log.write({.level = LogLevel::error,
                      .event = "journal",
                      .message = fmt::format("the journal cannot be written, so history is lost and a restart would "
                                             "know less; scaling goes on: {}",
                                             problem->message)});
  else if (!journal_well_)
    ports_.log.write({.event = "journal",
                      .fields = {{"dropped", fmt::format("{}", dropped)}},
                      .message = "the journal is written again"});
  journal_well_ = !problem;
  const std::lock_guard lock(mutex_);
  health_.journal_dropped = dropped;
  health_.journal_problem = problem ? std::optional(problem->message) : std::nullopt;
}

void FleetRuntime::watch_link(bool connected) {
  if (link_connected_ == connected) return;
  // At the start a gateway apart may take a moment; it is named when it is still missing at the second tick.
  const bool is_first = !link_connected_ && !connected && health().ticks == 0;
  if (is_first) return;
  if (!connected)
    ports_.log.write(
        {.level = LogLevel::warning,
         .event = "gateway_lost",
         .message = fmt::format("no gateway at {}: it serves on with its last table if it runs, and "
                                "nothing is lowered meanwhile; start one with `tidegate gateway --link {}`",
                                spec()->gateway.link, spec()->gateway.link)});
  else if (link_connected_)
    ports_.log.write({.event = "gateway_connected", .message = "the gateway answers again"});
  link_connected_ = connected;
}

std::shared_ptr<const FleetView> FleetRuntime::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

RuntimeHealth FleetRuntime::health() const {
  const auto leads = services_.leads ? std::optional{services_.leads()} : std::nullopt;
  const std::lock_guard lock(mutex_);
  auto health = health_;
  health.leads = leads;
  return health;
}

std::shared_ptr<const FleetSpec> FleetRuntime::spec() const {
  const std::lock_guard lock(mutex_);
  return spec_;
}

Result<void> FleetRuntime::known(const std::string& service) const {
  for (const auto& one : spec()->services)
    if (one.name == service) return {};
  return fail(ErrorKind::not_found, fmt::format("no service is called {}", service));
}

Result<void> FleetRuntime::steer(const std::string& service, const std::function<void(Steering&)>& change) {
  if (auto is_known = known(service); !is_known) return is_known;
  const std::lock_guard one_at_a_time(steer_mutex_);
  const auto all = steering_.all();
  const auto found = all.find(service);
  Steering steering = found == all.end() ? Steering{} : found->second;
  change(steering);
  if (auto written = steering_.set(service, steering); !written)
    return fail(written.error().kind,
                fmt::format("not changed, because it could not be kept: {}", written.error().message));
  wake();
  return {};
}

Result<void> FleetRuntime::set_override(const std::string& service, std::optional<Override> manual) {
  const auto text = manual ? fmt::format("{} {} until {:.0f}", to_text(manual->kind), manual->replicas.value(),
                                         seconds(manual->expires))
                           : std::string("taken back");
  const auto author = manual ? manual->author : std::string();
  auto done = steer(service, [&](Steering& steering) { steering.manual = std::move(manual); });
  if (done)
    ports_.log.write({.event = "override", .service = service, .fields = {{"author", author}}, .message = text});
  return done;
}

Result<void> FleetRuntime::set_pause(const std::string& service, std::optional<Pause> pause) {
  const bool is_paused = pause.has_value();
  const auto author = pause ? pause->author : std::string();
  auto done = steer(service, [&](Steering& steering) { steering.pause = std::move(pause); });
  if (done && !is_paused) ports_.target.resume(service);
  if (done)
    ports_.log.write({.event = is_paused ? "paused" : "resumed", .service = service, .fields = {{"author", author}}});
  return done;
}

Result<void> FleetRuntime::restart(const std::string& service) {
  if (auto is_known = known(service); !is_known) return is_known;
  auto done = ports_.target.restart(service);
  if (done) ports_.log.write({.event = "restart", .service = service});
  wake();
  return done;
}

Result<void> FleetRuntime::refuse(Error error) {
  ports_.log.write({.level = LogLevel::error,
                    .event = "reload_refused",
                    .message = "the new configuration is refused and the old one stays: " + error.message});
  const std::lock_guard lock(mutex_);
  health_.reload_ok = false;
  health_.reload_problem = error.message;
  return std::unexpected(std::move(error));
}

Result<void> FleetRuntime::reload() {
  const std::lock_guard one_at_a_time(reload_mutex_);
  if (!services_.load)
    return fail(ErrorKind::invalid,
                "there is no configuration file to read again; this fleet came from a command line");
  auto wanted = services_.load();
  if (!wanted) return refuse(wanted.error());
  auto plan = plan_reload(*spec(), std::move(wanted->spec));
  if (!plan) return refuse(plan.error());
  const bool changes = !plan->is_empty();
  if (changes) {
    auto next = std::make_shared<const FleetSpec>(std::move(plan->spec));
    const std::lock_guard lock(loop_mutex_);
    if (auto measured = loop_.configure(next); !measured) return refuse(measured.error());
    ports_.journal.configured(ports_.clock.now(), std::move(wanted->source));
    const std::lock_guard shared(mutex_);
    spec_ = std::move(next);
  }
  {
    const std::lock_guard lock(mutex_);
    health_.reload_ok = true;
    health_.reload_problem.clear();
    health_.reloaded = ports_.clock.now();
  }
  ports_.log.write({.event = "reloaded",
                    .fields = {{"added", some_of(plan->added)},
                               {"removed", some_of(plan->removed)},
                               {"changed", some_of(plan->changed)}},
                    .message = changes ? "" : "nothing that counts has changed"});
  for (const auto& setting : plan->at_next_start)
    ports_.log.write({.level = LogLevel::warning,
                      .event = "reloaded",
                      .message = fmt::format("`{}` has changed, which counts from the next start", setting)});
  wake();
  return {};
}

Result<WhatIf> FleetRuntime::what_if(const std::string& service, Replicas wanted) const {
  Result<ControlLoop::Present> present = fail(ErrorKind::failed, "");
  {
    const std::lock_guard lock(loop_mutex_);
    present = loop_.present(service);
  }
  if (!present) return std::unexpected(present.error());
  // On copies, so that no tick waits for it.
  return tidegate::what_if(*present->spec, present->state, present->seen, present->interval, wanted);
}

Result<Series> FleetRuntime::series(const std::string& service, Duration window) const {
  const std::lock_guard lock(loop_mutex_);
  return loop_.series(service, window);
}

Result<std::vector<JournalDecision>> FleetRuntime::decisions(const std::string& service, Instant from, Instant to,
                                                             std::size_t limit) const {
  return ports_.journal.decisions(service, from, to, limit);
}

Result<JournalDecision> FleetRuntime::decision(std::int64_t id) const { return ports_.journal.decision(id); }

Result<std::vector<JournalEvent>> FleetRuntime::events(const std::string& service, Instant from, Instant to,
                                                       std::size_t limit) const {
  return ports_.journal.events(service, from, to, limit);
}

Result<std::vector<std::string>> FleetRuntime::log_tail(const std::string& replica, std::size_t lines) const {
  if (!services_.log_tail) return fail(ErrorKind::not_found, "no target of this fleet keeps logs");
  return services_.log_tail(replica, lines);
}

void FleetRuntime::on_event(std::function<void(const FleetEvent&)> listener) {
  listeners_.push_back(std::move(listener));
}

}  // namespace tidegate
