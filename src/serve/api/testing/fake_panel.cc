#include "serve/api/testing/fake_panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <ranges>

namespace tidegate {
namespace {

constexpr Duration loading_time = 40s, draining_time = 15s, window_of_ceiling = 90s;
constexpr double slots = 8, service_seconds = 4;
constexpr std::size_t rows_max = 20'000;
const std::vector<std::string> column_names{
    "rate",      "expected", "floor",    "ceiling", "desired",     "ready",         "warming", "draining",
    "in_flight", "queued",   "ttft_p99", "itl_p99", "latency_p99", "cost_per_hour", "gpus",    "peer:hpa"};

FleetSpec fleet() {
  FleetSpec fleet;
  ServiceSpec chat{.name = "chat", .slo = {{{LatencyKind::ttft, Percentile::p99, 2s}}}};
  chat.guardrails.replicas_max = Replicas{12};
  chat.compare_with = {HpaPolicy{}};
  chat.pools = {{.name = "h100", .price = MicroUsdPerHour{3'500'000}, .gpus = 1},
                {.name = "l4", .price = MicroUsdPerHour{700'000}, .gpus = 1}};
  ServiceSpec code{.name = "code",
                   .mode = Mode::shadow,
                   .slo = {{{LatencyKind::ttft, Percentile::p95, 1s}, {LatencyKind::itl, Percentile::p50, 50ms}}}};
  code.guardrails.replicas_max = Replicas{8};
  code.pools = {{.name = "default", .gpus = 1}};
  ServiceSpec draft = chat;
  draft.name = "draft";
  draft.compare_with.clear();
  draft.pools.pop_back();
  ServiceSpec embed{.name = "embed"};
  embed.guardrails.replicas_max = Replicas{2};
  embed.pools = {{.name = "default", .price = MicroUsdPerHour{350'000}}};
  fleet.services = {chat, code, draft, embed};
  return fleet;
}

double rate_of(const std::string& name, double t) {
  if (name == "embed") return 0;
  const double wave = std::sin(t * 2 * std::numbers::pi / 420) + 0.25 * std::sin(t / 7.3) + 0.15 * std::sin(t / 1.9);
  const double burst = std::fmod(t, 600) < 60 ? 5 : 0;
  return std::max(0.1, 6 + 3.5 * wave + (name == "chat" ? burst : 0));
}

std::int32_t count(const std::vector<Replica>& replicas, const std::string& pool, ReplicaState state) {
  return static_cast<std::int32_t>(std::ranges::count_if(
      replicas, [&](const Replica& one) { return one.state == state && (pool.empty() || one.pool == pool); }));
}

std::int32_t committed(const std::vector<Replica>& replicas, const std::string& pool = {}) {
  return count(replicas, pool, ReplicaState::ready) + count(replicas, pool, ReplicaState::loading);
}

Observation observe(const ServiceSpec& spec, const std::vector<Replica>& replicas, Instant now, double queued) {
  Observation seen{.now = now, .service = spec.name};
  const double rate = rate_of(spec.name, seconds(now));
  const bool broken = spec.name == "code";
  const auto reading = [&](double value) {
    auto made = Reading::of(value);
    if (broken) made = {.quality = Quality::stale, .value = value, .age = 95s};
    return made;
  };
  seen.arrivals = reading(rate);
  seen.arrivals.derived = spec.name == "chat";
  seen.completions = reading(rate);
  seen.in_flight = reading(std::min(rate * service_seconds, slots * count(replicas, "", ReplicaState::ready)));
  seen.in_flight.coverage = {count(replicas, "", ReplicaState::ready), count(replicas, "", ReplicaState::ready)};
  seen.queued = reading(queued);
  const double wait = queued / std::max(rate, 0.5);
  if (spec.name != "embed") {
    seen.latency(LatencyKind::ttft, Percentile::p99) = reading(0.35 + 0.05 * std::sin(seconds(now) / 3) + wait);
    seen.latency(LatencyKind::ttft, Percentile::p95) = reading(0.3 + wait);
    seen.latency(LatencyKind::itl, Percentile::p99) = reading(0.032 + 0.004 * std::sin(seconds(now) / 11));
    seen.latency(LatencyKind::latency, Percentile::p99) = reading(service_seconds + 1.5 + wait);
  }
  seen.kv_usage = broken ? Reading{.quality = Quality::error} : reading(0.6);
  for (const auto& pool : spec.pools)
    seen.pools.push_back({.pool = pool.name,
                          .loading = count(replicas, pool.name, ReplicaState::loading),
                          .ready = count(replicas, pool.name, ReplicaState::ready),
                          .draining = count(replicas, pool.name, ReplicaState::draining)});
  return seen;
}

std::vector<StageTrace> stages_of(const Observation& seen, const Band& band, int before, int wanted, Reason reason) {
  const double rate = rate_of(seen.service, seconds(seen.now));
  const double load = rate * service_seconds;
  const bool stale = !seen.arrivals.is_fresh();
  return {{Stage::observe,
           load,
           load,
           stale ? Reason::signals_stale : Reason::steady,
           "",
           {{"in_flight", seen.in_flight.value}, {"queued", seen.queued.value}, {"rate", rate}}},
          {Stage::forecast, rate, rate * 1.2, Reason::trusted, "recent_max", {{"horizon", 40}, {"quantile", 0.9}}},
          {Stage::size, load / slots, band.floor.value(), Reason::learned, "", {{"slots", slots}, {"residence", 4}}},
          {Stage::band, static_cast<double>(before), band.floor.value(), band.floor_reason, "cautious", {}},
          {Stage::mix, static_cast<double>(before), static_cast<double>(wanted), Reason::steady, "", {}},
          {Stage::budget, static_cast<double>(wanted), static_cast<double>(wanted), Reason::within_limits, "", {}},
          {Stage::guard, static_cast<double>(wanted), static_cast<double>(wanted), reason, "", {}}};
}

}  // namespace

FakePanel::FakePanel() : view_(std::make_shared<FleetView>()) {
  auto made = std::make_shared<FleetSpec>(fleet());
  for (const auto& spec : made->services)
    services_.push_back(
        {.spec = std::make_shared<const ServiceSpec>(spec), .replicas = {}, .needs = {}, .steering = {}});
  spec_ = std::move(made);
  services_[2].steering = {.manual = Override{OverrideKind::floor, Replicas{2}, instant_at(4e9), "ada", "launch day"},
                           .pause = Pause{std::nullopt, "bob", "new weights are being checked"}};
}

void FakePanel::move_replicas(Service& service, Instant now) {
  for (auto& replica : service.replicas) {
    if (replica.state == ReplicaState::loading && now - replica.since >= loading_time) {
      replica.state = ReplicaState::ready;
      replica.since = now;
      replica.detail.clear();
    } else if (replica.state == ReplicaState::draining && now - replica.since >= draining_time) {
      replica.state = ReplicaState::gone;
    }
  }
  std::erase_if(service.replicas, [](const Replica& one) { return one.state == ReplicaState::gone; });
}

void FakePanel::resize(Service& service, Instant now, int wanted) {
  const auto& pools = service.spec->pools;
  while (committed(service.replicas) < wanted) {
    const auto& pool = pools[committed(service.replicas, pools[0].name) >= 4 && pools.size() > 1 ? 1 : 0];
    const int number = service.made++;
    service.replicas.push_back({.id = fmt::format("{}-{}-{:04x}", service.spec->name, pool.name, 0x3f2a + 17 * number),
                                .service = service.spec->name,
                                .pool = pool.name,
                                .state = ReplicaState::loading,
                                .host = "127.0.0.1",
                                .port = static_cast<std::uint16_t>(20'000 + number),
                                .since = now,
                                .created = now,
                                .revision = "5e1f",
                                .detail = "loading weights",
                                .gpus = {number % 8},
                                .pid = 4000 + number});
  }
  for (auto& replica : service.replicas | std::views::reverse) {
    if (committed(service.replicas) <= wanted) break;
    if (replica.state != ReplicaState::ready) continue;
    replica.state = ReplicaState::draining;
    replica.since = now;
    replica.detail = "3 requests to finish";
  }
}

ServiceView FakePanel::look(Service& service, Instant now) {
  const auto& spec = *service.spec;
  const double load = rate_of(spec.name, seconds(now)) * service_seconds;
  const double ready = count(service.replicas, "", ReplicaState::ready);
  service.queued = std::max(0.0, service.queued + (load - ready * slots) / service_seconds);
  if (spec.name == "embed") service.queued = 0;
  const double need = load * 1.1 / slots;
  service.needs.emplace_back(now, need);
  while (service.needs.front().first < now - window_of_ceiling) service.needs.pop_front();
  double highest = 0;
  for (const auto& [at, past] : service.needs) highest = std::max(highest, past);

  const int before = committed(service.replicas);
  Band band{WeightedReplicas{need}, WeightedReplicas{highest * 1.05}, Reason::load_rise, Reason::hold_down};
  int wanted = before;
  if (before < std::ceil(need)) wanted = static_cast<int>(std::ceil(need));
  if (before > std::max(std::ceil(need), std::floor(highest * 1.05)))
    wanted = static_cast<int>(std::max(std::ceil(need), std::floor(highest * 1.05)));
  wanted = std::min(wanted, spec.guardrails.replicas_max.value());
  const bool held = service.steering.pause.has_value() && before > 0;
  if (held) wanted = before;
  const Reason reason = held              ? Reason::paused
                        : wanted > before ? Reason::load_rise
                        : wanted < before ? Reason::load_fall
                                          : Reason::steady;
  resize(service, now, wanted);
  Decision decision{.now = now, .service = spec.name, .reason = reason, .band = band};
  if (wanted != before) decision.verdict = wanted > before ? Verdict::raise : Verdict::lower;
  for (const auto& pool : spec.pools)
    decision.pools.push_back({pool.name, Replicas{committed(service.replicas, pool.name)}, slots, 1});
  auto seen = observe(spec, service.replicas, now, service.queued);
  seen.manual = service.steering.manual;
  seen.pause = service.steering.pause;
  decision.stages = stages_of(seen, band, before, wanted, reason);
  for (const auto& peer : spec.compare_with)
    decision.peers.push_back({policy_name(peer), Replicas{static_cast<std::int32_t>(std::ceil(load / 6))}});
  decision.lead_time = loading_time;
  decision.hold_time = window_of_ceiling;
  decision.demand_rate = rate_of(spec.name, seconds(now));
  decision.demand_expected = decision.demand_rate * 1.2;

  ServiceView view{.spec = service.spec, .seen = std::move(seen), .decision = std::move(decision)};
  view.replicas = service.replicas;
  view.steering = service.steering;
  view.attainment = 0.9962;
  view.attainment_known = spec.name == "chat";
  double cost = 0;
  bool priced = true;
  for (const auto& pool : spec.pools) {
    const auto exist = std::ranges::count(service.replicas, pool.name, &Replica::pool);
    view.gpus += static_cast<double>(exist) * pool.gpus_each();
    priced &= pool.price.has_value();
    if (pool.price) cost += static_cast<double>(exist) * static_cast<double>(pool.price->value()) * 1e-6;
  }
  if (priced) view.cost_per_hour = cost;
  return view;
}

void FakePanel::remember(const ServiceView& view, bool changed) {
  const auto& seen = view.seen;
  const auto or_nan = [](const Reading& reading) { return reading.fresh().value_or(std::nan("")); };
  auto& rows = rows_[view.spec->name];
  rows.push_back(
      {seconds(seen.now),
       {seen.arrivals.is_fresh() ? view.decision.demand_rate : std::nan(""),
        seen.arrivals.is_fresh() ? view.decision.demand_expected : std::nan(""), view.decision.band.floor.value(),
        view.decision.band.ceiling.value(), static_cast<double>(view.decision.total().value()),
        static_cast<double>(count(view.replicas, "", ReplicaState::ready)),
        static_cast<double>(count(view.replicas, "", ReplicaState::loading)),
        static_cast<double>(count(view.replicas, "", ReplicaState::draining)), or_nan(seen.in_flight),
        or_nan(seen.queued), or_nan(seen.latency(LatencyKind::ttft, Percentile::p99)),
        or_nan(seen.latency(LatencyKind::itl, Percentile::p99)),
        or_nan(seen.latency(LatencyKind::latency, Percentile::p99)), view.cost_per_hour.value_or(std::nan("")),
        view.gpus, view.decision.peers.empty() ? std::nan("") : view.decision.peers[0].replicas.value()}});
  if (rows.size() > rows_max) rows.pop_front();
  const auto same = std::ranges::find_if(decisions_ | std::views::reverse, [&](const JournalDecision& row) {
    return row.decision.service == view.spec->name;
  });
  if (!changed && same != std::ranges::rend(decisions_) && same->decision.reason == view.decision.reason &&
      same->decision.verdict == view.decision.verdict) {
    same->until = seen.now;
    ++same->ticks;
    return;
  }
  decisions_.push_back(
      {.id = static_cast<std::int64_t>(decisions_.size()) + 1, .until = seen.now, .decision = stored(view.decision)});
}

void FakePanel::advance(Instant now) {
  std::vector<FleetEvent> events;
  std::vector<std::function<void(const FleetEvent&)>> listeners;
  {
    const std::lock_guard lock(mutex_);
    auto made = std::make_shared<FleetView>(FleetView{.now = now, .tick = ++tick_});
    for (auto& service : services_) {
      move_replicas(service, now);
      made->services.push_back(look(service, now));
      const auto& view = made->services.back();
      const bool changed = view.decision.verdict != Verdict::hold;
      remember(view, changed);
      if (changed) events.push_back({FleetEvent::Kind::decision, nullptr, view.spec->name, std::nullopt});
    }
    view_ = made;
    for (auto& event : events) event.view = view_;
    events.push_back({FleetEvent::Kind::tick, view_, "", std::nullopt});
    listeners = listeners_;
  }
  for (const auto& listener : listeners)
    for (const auto& event : events) listener(event);
}

std::shared_ptr<const FleetView> FakePanel::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

RuntimeHealth FakePanel::health() const {
  const std::lock_guard lock(mutex_);
  return {.started = instant_at(1'789'380'000),
          .ticks = tick_,
          .tick_seconds_last = 0.0021,
          .decide_seconds_last = 0.0004,
          .reloaded = instant_at(1'789'380'000),
          .gateway_connected = true,
          .leads = true};
}

Result<void> FakePanel::set_override(const std::string& service, std::optional<Override> manual) {
  const std::lock_guard lock(mutex_);
  for (auto& one : services_)
    if (one.spec->name == service) one.steering.manual = std::move(manual);
  return {};
}

Result<void> FakePanel::set_pause(const std::string& service, std::optional<Pause> pause) {
  const std::lock_guard lock(mutex_);
  for (auto& one : services_)
    if (one.spec->name == service) one.steering.pause = std::move(pause);
  return {};
}

Result<void> FakePanel::restart(const std::string& service) {
  const std::lock_guard lock(mutex_);
  restarted_.push_back(service);
  return {};
}

std::vector<std::string> FakePanel::restarted() const {
  const std::lock_guard lock(mutex_);
  return restarted_;
}

Result<void> FakePanel::reload() {
  return fail(ErrorKind::invalid, "tidegate.yaml:3: unknown key `replica`: did you mean `replicas`?");
}

Result<WhatIf> FakePanel::what_if(const std::string& service, Replicas wanted) const {
  const std::lock_guard lock(mutex_);
  for (const auto& one : view_->services) {
    if (one.spec->name != service) continue;
    WhatIf answer{.wanted = wanted, .present = one.decision.total()};
    answer.changes = {
        {fmt::format("arrivals {:.1f} times the present {:.1f}/s",
                     wanted.value() / std::max(1.0, one.decision.band.floor.value()), one.decision.demand_rate),
         wanted, Reason::load_rise, true}};
    if (one.steering.pause) answer.blocked_by = Reason::paused;
    return answer;
  }
  return fail(ErrorKind::not_found, "no such service");
}

Result<Series> FakePanel::series(const std::string& service, Duration window) const {
  const std::lock_guard lock(mutex_);
  Series series;
  for (const auto& name : column_names) series.columns.push_back({name, {}});
  const auto found = rows_.find(service);
  if (found == rows_.end()) return series;
  for (const auto& row : found->second) {
    if (row.t < seconds(view_->now - window)) continue;
    series.t.push_back(row.t);
    for (std::size_t i = 0; i < column_names.size(); ++i) series.columns[i].values.push_back(row.values[i]);
  }
  return series;
}

Result<std::vector<JournalDecision>> FakePanel::decisions(const std::string& service, Instant from, Instant to,
                                                          std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<JournalDecision> rows;
  for (const auto& row : decisions_ | std::views::reverse)
    if (rows.size() < limit && row.decision.service == service && row.until >= from && row.decision.now <= to)
      rows.push_back(row);
  return rows;
}

Result<JournalDecision> FakePanel::decision(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  if (id < 1 || id > static_cast<std::int64_t>(decisions_.size()))
    return fail(ErrorKind::not_found, fmt::format("no decision {} is recorded", id));
  return decisions_[static_cast<std::size_t>(id - 1)];
}

Result<std::vector<JournalEvent>> FakePanel::events(const std::string& service, Instant from, Instant to,
                                                    std::size_t) const {
  const JournalEvent event{from + (to - from) / 2, service, service + "-h100-3f2a", Reason::start_failed,
                           "did not get ready within 30m; trying again in 20s"};
  return std::vector<JournalEvent>{event};
}

Result<std::vector<std::string>> FakePanel::log_tail(const std::string& replica, std::size_t lines) const {
  if (!replica.contains("-")) return fail(ErrorKind::not_found, fmt::format("no replica '{}'", replica));
  std::vector<std::string> all;
  for (int i = 1; i <= 200; ++i) all.push_back(fmt::format("INFO {} loading shard {}/200", replica, i));
  return std::vector<std::string>(all.end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(lines, all.size())),
                                  all.end());
}

}  // namespace tidegate
