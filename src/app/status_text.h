// The state of a fleet and of one service as text, for `status` and `top`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/controller_client.h"
#include "app/terminal.h"

namespace tidegate {

// A table, a line a service. `trends` adds a column: recent demand as a small curve.
[[nodiscard]] std::string fleet_text(const FleetStatus& fleet, const Terminal& terminal,
                                     const std::map<std::string, std::vector<double>>* trends = nullptr);
// `now`: seconds since 1970, as the controller says.
[[nodiscard]] std::string service_text(const ServiceStatus& service, double now, const Terminal& terminal);

// Eight heights of blocks; what was not measured (NaN) is a gap.
[[nodiscard]] std::string trend_text(const std::vector<double>& values);

}  // namespace tidegate
