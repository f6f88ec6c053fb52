// The gateway's counters as a Prometheus page (text format 0.0.4), names tidegate_gateway_*.
#pragma once

#include <string>

#include "edge/gateway/gateway_stats.h"

namespace tidegate {

[[nodiscard]] std::string render_metrics(const GatewayStats& stats);

}  // namespace tidegate
