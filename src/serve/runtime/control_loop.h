// One tick of the fleet: collect -> decide -> journal -> order -> route. One thread calls it; it has no thread, waits
// for nobody and reads no time but its clock's.
//
// Decides nothing itself: what is seen goes to decide_fleet, what comes back goes to the journal, the target (mode act
// only) and the gateway. Promises:
//  - before the first look at the target nothing is ordered and no table is pushed, so a gateway apart keeps the table
//    of the controller before us until its replicas are adopted;
//  - a service in shadow mode is never ordered, nor is one that the target cannot see now;
//  - a replica that drains is reported idle only by readings at least 500 ms younger than the table that closed it,
//    so nothing can be on its way to it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/signals/signal_book.h"
#include "edge/ports/gateway_link.h"
#include "edge/ports/source.h"
#include "edge/ports/target.h"
#include "serve/runtime/attainment.h"
#include "serve/runtime/control_panel.h"
#include "serve/runtime/log.h"
#include "serve/runtime/restore.h"
#include "serve/runtime/series_book.h"
#include "serve/runtime/steering_store.h"

namespace tidegate {

using Sources = std::vector<std::unique_ptr<Source>>;

// The outside world of a running controller.
struct RuntimePorts {
  const Clock& clock;
  Target& target;
  GatewayLink& link;
  Journal& journal;
  Log& log;
};

struct TickOutcome {
  std::shared_ptr<const FleetView> view;
  std::vector<FleetEvent> events;  // the tick itself last
  Duration decided_in{};
  bool gateway_connected = false;
};

class ControlLoop {
 public:
  ControlLoop(RuntimePorts ports, DecideFleet decide);

  // The first configuration: goes on from what the journal holds. Once.
  void begin(std::shared_ptr<const FleetSpec> spec, Sources sources, const RestoreLimits& limits = {});
  // Another one. What is known of services of the same name stays. An error: a source refused it, and nothing changed.
  [[nodiscard]] Result<void> configure(std::shared_ptr<const FleetSpec> spec);

  [[nodiscard]] TickOutcome tick(const SteeringByService& steering);
  // Between ticks: tells the gateway of replicas that became ready. Cheap when nothing changed.
  void refresh_routes();
  // Whether that is worth while: replicas are on their way.
  [[nodiscard]] bool is_warming() const;
  // Tells the gateway that nothing new may go to any replica, as the last table of a controller that ends them.
  void close_routes();
  // How many the target has, as it said last.
  [[nodiscard]] std::size_t replicas() const { return view_.replicas.size(); }
  // Writes every state, so that the next start has nothing to go through again.
  void finish();

  [[nodiscard]] const FleetSpec& spec() const { return *spec_; }
  [[nodiscard]] std::shared_ptr<const FleetSpec> shared_spec() const { return spec_; }
  // What the newest decision of a service came from, copied.
  struct Present {
    std::shared_ptr<const ServiceSpec> spec;
    ServiceState state;  // after the decision
    Observation seen;
    Duration interval{};
  };
  [[nodiscard]] Result<Present> present(const std::string& service) const;
  [[nodiscard]] Result<Series> series(const std::string& service, Duration window) const;

 private:
  struct ServiceMemory {
    std::shared_ptr<const ServiceSpec> spec;
    std::optional<Observation> seen;  // of the newest tick
    std::optional<Decision> decision;
    std::optional<Instant> checkpointed;
    Attainment attainment;
    SeriesBook series;
    bool restarted = false;  // the next observation says so
    bool known = false;      // to the journal, before we began
  };

  void adopt_spec(std::shared_ptr<const FleetSpec> spec);
  void teach(const std::vector<std::size_t>& added);
  void look();
  void collect(Instant now);
  [[nodiscard]] FleetObservation observe(Instant now, const SteeringByService& steering);
  void write(Instant now, const FleetObservation& seen, const std::vector<Decision>& decisions);
  void order(const std::vector<Decision>& decisions);
  void push_routes(Instant now);
  void push(std::vector<Route> routes, Instant now);
  void report_in_flight(Instant now);
  void note_decision(const ServiceMemory& memory, const Decision& decision, std::vector<FleetEvent>& events);
  void note_events(std::vector<FleetEvent>& events);
  [[nodiscard]] ServiceView view_of(const ServiceMemory& memory, const Steering& steering, Instant now) const;
  [[nodiscard]] const ServiceMemory* find(const std::string& service) const;
  [[nodiscard]] std::size_t index_of(const ServiceMemory& memory) const;

  RuntimePorts ports_;
  DecideFleet decide_;
  std::shared_ptr<const FleetSpec> spec_;
  std::vector<ServiceMemory> services_;  // in the order of the spec
  FleetState state_;                     // likewise
  Sources sources_;
  SignalBook book_;
  std::set<std::string> elsewhere_;  // services whose traffic is seen elsewhere, now or in an earlier configuration
  std::uint64_t tick_ = 0;

  // What the target said last, and what it said since the last tick.
  TargetView view_;
  std::map<std::string, std::vector<Replica>> replicas_;  // by service
  std::vector<TargetEvent> target_events_;

  // Of the gateway.
  GatewayReadings readings_;
  std::vector<Sample> samples_;  // of the newest tick, all sources
  std::optional<std::vector<Route>> routes_;
  std::uint64_t table_version_ = 0;
  std::map<std::string, Instant> closed_;  // replicas that get nothing new, by when the gateway was told
  Instant reported_{};
};

// "chat: 1 -> 3 replicas, load_rise (2.4 needed, 3.1 worth keeping; 4.1 requests/s, 6.0 expected in 21s)"
[[nodiscard]] std::string headline(const Decision& decision, Replicas before);

}  // namespace tidegate
