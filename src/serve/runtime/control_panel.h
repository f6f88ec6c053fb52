// What the API and the commands may see of a running fleet, and what they may ask of it. The runtime implements it;
// tests of the API bring a fake. Every call is thread-safe and returns at once (journal reads wait for one query).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/decide/what_if.h"
#include "core/model/decision.h"
#include "core/model/fleet_spec.h"
#include "core/model/observation.h"
#include "edge/ports/target.h"
#include "serve/journal/journal.h"

namespace tidegate {

// One service at one tick, as a whole: never half of one tick and half of another.
struct ServiceView {
  std::shared_ptr<const ServiceSpec> spec;
  Observation seen;
  Decision decision;
  std::vector<Replica> replicas;        // by id
  std::vector<TargetProblem> problems;  // what keeps it from its size now
  Steering steering;
  double attainment = 1;  // share of requests within the SLO over the last hour; 1 without requests
  bool attainment_known = false;
  std::optional<double> cost_per_hour;  // US dollars, of the replicas that exist; none: a pool has no price
  double gpus = 0;                      // taken by its replicas
};

struct FleetView {
  Instant now{};
  std::uint64_t tick = 0;             // 0: nothing was decided yet
  std::vector<ServiceView> services;  // in the order of the configuration
};

// One value a tick of what the dashboard draws; NaN = not measured. Columns are in docs/reference/api.md.
struct SeriesColumn {
  std::string name;
  std::vector<double> values;
};
struct Series {
  std::vector<double> t;  // seconds since 1970
  std::vector<SeriesColumn> columns;
};

struct FleetEvent {
  enum class Kind : std::uint8_t { tick, decision, notice } kind = Kind::tick;
  std::shared_ptr<const FleetView> view;  // always
  std::string service;                    // of a decision or notice
  std::optional<JournalEvent> notice;
};

// The runtime's own health, for /metrics and `doctor`.
struct RuntimeHealth {
  Instant started{};
  std::uint64_t ticks = 0;
  std::uint64_t ticks_late = 0;  // began more than one tick after they were due
  double tick_seconds_last = 0;  // collect + decide + journal + order
  double decide_seconds_last = 0;
  bool reload_ok = true;
  Instant reloaded{};
  std::string reload_problem;  // of the last reload that was refused
  std::optional<std::string> journal_problem;
  std::int64_t journal_dropped = 0;
  bool gateway_connected = false;
  std::optional<bool> leads;  // of several operators this one writes; none: it stands alone
};

class ControlPanel {
 public:
  virtual ~ControlPanel() = default;

  [[nodiscard]] virtual std::shared_ptr<const FleetView> view() const = 0;
  [[nodiscard]] virtual RuntimeHealth health() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const FleetSpec> spec() const = 0;

  // Steering is durable when it returns and counts from the next tick.
  [[nodiscard]] virtual Result<void> set_override(const std::string& service, std::optional<Override> manual) = 0;
  [[nodiscard]] virtual Result<void> set_pause(const std::string& service, std::optional<Pause> pause) = 0;
  [[nodiscard]] virtual Result<void> restart(const std::string& service) = 0;
  [[nodiscard]] virtual Result<void> reload() = 0;

  [[nodiscard]] virtual Result<WhatIf> what_if(const std::string& service, Replicas wanted) const = 0;
  [[nodiscard]] virtual Result<Series> series(const std::string& service, Duration window) const = 0;
  [[nodiscard]] virtual Result<std::vector<JournalDecision>> decisions(const std::string& service, Instant from,
                                                                       Instant to, std::size_t limit) const = 0;
  [[nodiscard]] virtual Result<JournalDecision> decision(std::int64_t id) const = 0;
  [[nodiscard]] virtual Result<std::vector<JournalEvent>> events(const std::string& service, Instant from, Instant to,
                                                                 std::size_t limit) const = 0;
  [[nodiscard]] virtual Result<std::vector<std::string>> log_tail(const std::string& replica,
                                                                  std::size_t lines) const = 0;

  // Called on the control thread after each tick; must return at once. Listeners are set before the first tick.
  virtual void on_event(std::function<void(const FleetEvent&)> listener) = 0;
};

}  // namespace tidegate
