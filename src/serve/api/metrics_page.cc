#include "serve/api/metrics_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/api/view_json.h"
#include "serve/runtime/evidence.h"

namespace tidegate {
namespace {

struct Label {
  std::string_view name;
  std::string_view value;
};
using Labels = std::initializer_list<Label>;

class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(Labels labels, std::optional<double> value, std::string_view suffix = "") {
    if (!value || !std::isfinite(*value)) return;
    text_ += name_;
    text_ += suffix;
    append(labels);
    if (*value == std::round(*value) && std::abs(*value) < 1e15)
      fmt::format_to(std::back_inserter(text_), " {:.0f}\n", *value);
    else
      fmt::format_to(std::back_inserter(text_), " {:.12g}\n", *value);
  }
  void single(std::string_view name, std::string_view type, std::string_view help, std::optional<double> value) {
    family(name, type, help);
    sample({}, value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void append(Labels labels) {
    if (labels.size() == 0) return;
    text_ += '{';
    for (const auto& label : labels) {
      if (text_.back() != '{') text_ += ',';
      text_ += label.name;
      text_ += "=\"";
      for (const char c : label.value) {
        if (c == '\\' || c == '"') text_ += '\\';
        c == '\n' ? text_ += "\\n" : text_ += c;
      }
      text_ += '"';
    }
    text_ += '}';
  }

  std::string text_;
  std::string name_;
};

using NamedReading = std::pair<std::string, const Reading*>;

std::vector<NamedReading> readings_of(const ServiceView& service) {
  const auto& seen = service.seen;
  std::vector<NamedReading> all{
      {"arrivals", &seen.arrivals}, {"completions", &seen.completions},   {"in_flight", &seen.in_flight},
      {"queued", &seen.queued},     {"gpu_util", &seen.gpu_util},         {"gpu_memory", &seen.gpu_memory},
      {"kv_usage", &seen.kv_usage}, {"input_tokens", &seen.input_tokens}, {"output_tokens", &seen.output_tokens}};
  for (const auto& objective : service.spec->slo.objectives)
    all.emplace_back(objective.name(), &seen.latency(objective.kind, objective.percentile));
  for (const auto& custom : seen.custom) all.emplace_back(custom.name, &custom.reading);
  return all;
}

std::optional<double> when_known(const ServiceView& service, double value) {
  return has_evidence(service.decision) ? std::optional{value} : std::nullopt;
}

double flag(bool is) { return is ? 1 : 0; }

void put_process(Page& page, const RuntimeHealth& health, const std::string& version) {
  page.family("tidegate_build_info", "gauge", "The version that runs.");
  page.sample({{"version", version}}, 1);
  page.single("tidegate_start_time_seconds", "gauge", "When the controller started, since 1970.",
              seconds(health.started));
  page.single("tidegate_config_last_reload_successful", "gauge", "Whether the newest configuration was taken over.",
              flag(health.reload_ok));
  page.single("tidegate_config_last_reload_success_timestamp_seconds", "gauge",
              "When a configuration was last taken over.", seconds(health.reloaded));
  page.single("tidegate_ticks_total", "counter", "Rounds of looking, deciding and acting.",
              static_cast<double>(health.ticks));
  page.single("tidegate_ticks_late_total", "counter", "Rounds that began more than one tick late.",
              static_cast<double>(health.ticks_late));
  page.single("tidegate_reconcile_duration_seconds", "gauge", "How long the newest round took.",
              health.tick_seconds_last);
  page.single("tidegate_decide_duration_seconds", "gauge", "How long the deciding in it took.",
              health.decide_seconds_last);
  page.single("tidegate_journal_healthy", "gauge", "Whether the newest write to the journal went well.",
              flag(!health.journal_problem));
  page.single("tidegate_journal_dropped_ticks_total", "counter", "Ticks that the journal could not take.",
              static_cast<double>(health.journal_dropped));
  page.single("tidegate_gateway_connected", "gauge", "Whether the gateway's link is up.",
              flag(health.gateway_connected));
  page.family("tidegate_leads", "gauge", "Whether this one of several operators writes.");
  if (health.leads) page.sample({}, flag(*health.leads));
}

void put_replicas(Page& page, const FleetView& view) {
  page.family("tidegate_desired_replicas", "gauge", "Replicas decided, by pool.");
  for (const auto& service : view.services)
    for (const auto& pool : service.decision.pools)
      page.sample({{"service", service.spec->name}, {"pool", pool.pool}}, pool.replicas.value());
  page.family("tidegate_ready_replicas", "gauge", "Replicas that serve, by pool.");
  for (const auto& service : view.services)
    for (const auto& pool : service.seen.pools)
      page.sample({{"service", service.spec->name}, {"pool", pool.pool}}, pool.ready);
  page.family("tidegate_replicas", "gauge", "Replicas by pool and state.");
  for (const auto& service : view.services)
    for (const auto& pool : service.seen.pools) {
      const std::pair<ReplicaState, std::int32_t> states[] = {
          {ReplicaState::requested, pool.requested}, {ReplicaState::starting, pool.starting},
          {ReplicaState::loading, pool.loading},     {ReplicaState::ready, pool.ready},
          {ReplicaState::draining, pool.draining},   {ReplicaState::failed, pool.failed}};
      for (const auto& [state, count] : states)
        page.sample({{"service", service.spec->name}, {"pool", pool.pool}, {"state", to_text(state)}}, count);
    }
}

// One gauge of every service.
void put_gauge(Page& page, const FleetView& view, std::string_view name, std::string_view help,
               const std::function<std::optional<double>(const ServiceView&)>& of) {
  page.family(name, "gauge", help);
  for (const auto& service : view.services) page.sample({{"service", service.spec->name}}, of(service));
}

void put_services(Page& page, const FleetView& view) {
  page.family("tidegate_service_info", "gauge", "The services and how they act.");
  for (const auto& service : view.services)
    page.sample({{"service", service.spec->name}, {"mode", to_text(service.spec->mode)}}, 1);
  using View = const ServiceView&;
  put_gauge(page, view, "tidegate_floor_replicas", "Least that must be there after the lead time, weighted.",
            [](View one) { return std::optional{one.decision.band.floor.value()}; });
  put_gauge(page, view, "tidegate_ceiling_replicas", "Most worth keeping over the hold time, weighted.",
            [](View one) { return std::optional{one.decision.band.ceiling.value()}; });
  put_gauge(page, view, "tidegate_demand_requests_per_second", "Requests arriving.",
            [](View one) { return when_known(one, one.decision.demand_rate); });
  put_gauge(page, view, "tidegate_demand_expected_requests_per_second", "Requests expected at the lead time.",
            [](View one) { return when_known(one, one.decision.demand_expected); });
  put_gauge(page, view, "tidegate_in_flight_requests", "Requests being served.",
            [](View one) { return one.seen.in_flight.fresh(); });
  put_gauge(page, view, "tidegate_queued_requests", "Requests accepted and not begun.",
            [](View one) { return one.seen.queued.fresh(); });
  put_gauge(page, view, "tidegate_slo_attainment_ratio", "Share of requests within the SLO over the last hour.",
            [](View one) { return one.attainment_known ? std::optional{one.attainment} : std::nullopt; });
  put_gauge(page, view, "tidegate_cost_dollars_per_hour", "Price of the replicas that exist.",
            [](View one) { return one.cost_per_hour; });
  put_gauge(page, view, "tidegate_gpus", "GPUs taken by its replicas.",
            [](View one) { return std::optional{one.gpus}; });
  put_gauge(page, view, "tidegate_lead_time_seconds", "From decision to a ready replica.",
            [](View one) { return std::optional{seconds(one.decision.lead_time)}; });
  put_gauge(page, view, "tidegate_paused", "Whether an operator paused the service.",
            [](View one) { return std::optional{flag(one.steering.pause.has_value())}; });
  put_gauge(page, view, "tidegate_override_expires_timestamp_seconds", "When an operator's override ends.",
            [](View one) {
              return one.steering.manual ? std::optional{seconds(one.steering.manual->expires)} : std::nullopt;
            });
  page.family("tidegate_hold_until_timestamp_seconds", "gauge", "When a time-bound hold ends.");
  for (const auto& service : view.services)
    if (service.decision.unlocks)
      page.sample({{"service", service.spec->name}, {"reason", to_text(service.decision.reason)}},
                  seconds(*service.decision.unlocks));
}

void put_signals(Page& page, const FleetView& view, const TickCounters::Snapshot& counted) {
  page.family("tidegate_slo_bound_seconds", "gauge", "What is promised.");
  for (const auto& service : view.services)
    for (const auto& objective : service.spec->slo.objectives)
      page.sample({{"service", service.spec->name}, {"objective", objective.name()}}, seconds(objective.bound));
  page.family("tidegate_slo_measured_seconds", "gauge", "What was measured of it over the last minute.");
  for (const auto& service : view.services)
    for (const auto& objective : service.spec->slo.objectives)
      page.sample({{"service", service.spec->name}, {"objective", objective.name()}},
                  service.seen.latency(objective.kind, objective.percentile).fresh());
  page.family("tidegate_signal_age_seconds", "gauge", "How old the newest sample of a signal is.");
  for (const auto& service : view.services)
    for (const auto& [name, reading] : readings_of(service))
      if (reading->quality == Quality::fresh || reading->quality == Quality::stale)
        page.sample({{"service", service.spec->name}, {"signal", name}}, seconds(reading->age));
  page.family("tidegate_signal_errors_total", "counter", "Ticks in which a signal's source failed.");
  for (const auto& [key, count] : counted.signal_errors)
    page.sample({{"service", key.first}, {"signal", key.second}}, static_cast<double>(count));
}

void put_counted(Page& page, const TickCounters::Snapshot& counted) {
  page.family("tidegate_decisions_total", "counter", "Decisions by verdict and reason.");
  for (const auto& [key, count] : counted.decisions)
    page.sample(
        {{"service", std::get<0>(key)}, {"verdict", to_text(std::get<1>(key))}, {"reason", to_text(std::get<2>(key))}},
        static_cast<double>(count));
  page.family("tidegate_notices_total", "counter", "What targets reported: failed starts, conflicts, errors.");
  for (const auto& [key, count] : counted.notices)
    page.sample({{"service", key.first}, {"reason", to_text(key.second)}}, static_cast<double>(count));
  page.family("tidegate_cold_start_seconds", "histogram", "From request to ready.");
  for (const auto& [key, starts] : counted.cold_starts) {
    const auto& [service, pool] = key;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < TickCounters::cold_start_bounds.size(); ++i) {
      below += starts.buckets[i];
      page.sample({{"service", service}, {"pool", pool}, {"le", fmt::format("{}", TickCounters::cold_start_bounds[i])}},
                  static_cast<double>(below), "_bucket");
    }
    below += starts.buckets.back();
    page.sample({{"service", service}, {"pool", pool}, {"le", "+Inf"}}, static_cast<double>(below), "_bucket");
    page.sample({{"service", service}, {"pool", pool}}, starts.sum, "_sum");
    page.sample({{"service", service}, {"pool", pool}}, static_cast<double>(below), "_count");
  }
}

}  // namespace

void TickCounters::count(const FleetView& view) {
  const std::lock_guard lock(mutex_);
  for (const auto& service : view.services) {
    const auto& name = service.spec->name;
    ++counted_.decisions[{name, service.decision.verdict, service.decision.reason}];
    // Counted from zero on, so that the first one is an increase and rings its alert.
    counted_.notices.try_emplace({name, Reason::conflict}, 0);
    for (const auto& [signal, reading] : readings_of(service))
      if (reading->quality == Quality::error) ++counted_.signal_errors[{name, signal}];
    for (const auto& start : service.seen.cold_starts) {
      auto& into = counted_.cold_starts[{name, start.pool}];
      const double took = seconds(start.took);
      const auto bucket = std::ranges::lower_bound(cold_start_bounds, took) - cold_start_bounds.begin();
      ++into.buckets[static_cast<std::size_t>(bucket)];
      into.sum += took;
    }
  }
}

void TickCounters::count(const JournalEvent& notice) {
  const std::lock_guard lock(mutex_);
  ++counted_.notices[{notice.service, notice.reason}];
}

TickCounters::Snapshot TickCounters::snapshot() const {
  const std::lock_guard lock(mutex_);
  return counted_;
}

std::string metrics_page(const FleetView& view, const RuntimeHealth& health, const TickCounters::Snapshot& counted,
                         const std::string& version) {
  Page page;
  put_process(page, health, version);
  put_replicas(page, view);
  put_services(page, view);
  put_signals(page, view, counted);
  put_counted(page, counted);
  return page.take();
}

std::string metrics_reference() {
  std::string text =
      "# Metrics\n\n"
      "What `GET /metrics` of the controller says of itself and of the fleet, in Prometheus' text format. A series "
      "whose\n"
      "value was not measured is left out: it is never 0. Labels come from the configuration (`service`, `pool`,\n"
      "`signal`, `objective`) and from closed lists (`state`, `mode`, `verdict`, [`reason`](reasons.md)). Written "
      "from\n"
      "`src/serve/api/metrics_page.cc` (`./dev bless` rewrites this page).\n\n"
      "| metric | type | meaning |\n| --- | --- | --- |\n";
  std::istringstream lines(metrics_page({}, {}, {}, ""));
  std::string name, about;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, kind, rest;
    words >> hash >> kind >> name;
    std::getline(words >> std::ws, rest);
    if (kind == "HELP") about = rest;
    if (kind == "TYPE") text += fmt::format("| `{}` | {} | {} |\n", name, rest, about);
  }
  return text;
}

}  // namespace tidegate
