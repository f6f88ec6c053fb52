// The doors for other autoscalers, as a configuration opens them: KEDA's external scaler and the external metrics API.
// One class for every command that has a control panel.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/fleet_spec.h"
#include "edge/kubernetes/cluster.h"
#include "edge/ports/clock.h"
#include "serve/external_metrics/external_metrics_api.h"
#include "serve/keda/keda_scaler.h"
#include "serve/runtime/control_panel.h"
#include "serve/runtime/log.h"

namespace tidegate {

class MetricDoors {
 public:
  // All of them outlive the doors. `names`: namespaced where services are named NAME.NAMESPACE (an operator's).
  MetricDoors(ControlPanel& panel, const Clock& clock, Log& log, ServiceNames names)
      : panel_(panel), clock_(clock), log_(log), names_(names) {}

  // Opens what `keda` and `external_metrics` of the specification ask for; none of them: nothing. Before the panel's
  // first tick. An error names the setting. `access`: of the cluster that says who callers are; none: as `kubernetes`
  // of the specification has it.
  [[nodiscard]] Result<void> open(const FleetSpec& spec, const std::optional<ClusterAccess>& access = {});

  // "keda     grpcs://0.0.0.0:6000": a line each, for whoever starts them.
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  [[nodiscard]] Result<void> open_keda(const KedaSpec& spec);
  [[nodiscard]] Result<void> open_external_metrics(const ExternalMetricsSpec& spec, ClusterAccess access);

  ControlPanel& panel_;
  const Clock& clock_;
  Log& log_;
  const ServiceNames names_;
  std::vector<std::string> lines_;
  std::unique_ptr<KedaScaler> keda_;
  std::unique_ptr<Cluster> cluster_;  // of the API alone: strangers can make it ask
  std::unique_ptr<ExternalMetricsApi> external_metrics_;
};

}  // namespace tidegate
