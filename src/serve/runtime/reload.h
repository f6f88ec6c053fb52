// What a new configuration changes in a running controller. All or nothing: a configuration that cannot be run is
// refused as a whole. Pure.
//
// Services, pools, policies, signals, budget and tick change at once. What is bound when the controller starts (the
// addresses of gateway, API and the doors for other autoscalers, the machine, the length of the journal) stays as it is
// until the next start, and is named.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/model/fleet_spec.h"

namespace tidegate {

// Whether the fleet can be run, not only simulated: every pool of a service in mode act has a target.
[[nodiscard]] Result<void> check_runnable(const FleetSpec& spec);

struct Reload {
  FleetSpec spec;                  // what runs from now on
  std::vector<std::string> added;  // services
  std::vector<std::string> removed;
  std::vector<std::string> changed;
  std::vector<std::string> at_next_start;  // settings: "gateway", "machine", ...
  bool changes_rest = false;               // budget or tick
  [[nodiscard]] bool is_empty() const { return added.empty() && removed.empty() && changed.empty() && !changes_rest; }
};

[[nodiscard]] Result<Reload> plan_reload(const FleetSpec& running, FleetSpec wanted);

}  // namespace tidegate
