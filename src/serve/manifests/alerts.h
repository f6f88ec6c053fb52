// The first four alerts on tidegate's own metrics: the SLO cannot be met, measurements are missing, the size is at its
// most, somebody else writes it. Each says what to do.
#pragma once

#include <string>

namespace tidegate {

// A rule file, as Prometheus loads it.
[[nodiscard]] std::string alert_rules();
// The same as a PrometheusRule of the Prometheus operator.
[[nodiscard]] std::string prometheus_rule();

}  // namespace tidegate
