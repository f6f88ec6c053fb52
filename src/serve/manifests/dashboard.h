// tidegate's metrics as a dashboard for Grafana: one row for what a service has and needs, one for its promise, one for
// tidegate itself. Only metrics that docs/reference/metrics.md lists.
#pragma once

#include <string>

namespace tidegate {

[[nodiscard]] std::string grafana_dashboard();

}  // namespace tidegate
