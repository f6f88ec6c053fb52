// Everything `tidegate operator` runs, put together: state directory, journal, the cluster, its ScaledModels as
// services, the target that scales their workloads, sources, control loop, API, doors for other autoscalers, and the
// lease by which one of several leads.
//
// Every operator decides, so that a follower is warm and answers for what it decided; only the leader writes to the
// cluster. Scaling and reporting have
// rate limits of their own, so that no flood of statuses delays a scale.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/metric_doors.h"
#include "core/model/fleet_spec.h"
#include "edge/gateway/no_gateway.h"
#include "edge/kubernetes/cluster.h"
#include "edge/kubernetes/leader_lease.h"
#include "edge/machine/state_directory.h"
#include "edge/machine/system_clock.h"
#include "edge/targets/kubernetes_target.h"
#include "serve/api/http_api.h"
#include "serve/journal/journal.h"
#include "serve/operator/model_controller.h"
#include "serve/runtime/fleet_runtime.h"
#include "serve/runtime/log.h"

namespace tidegate {

struct OperatorOptions {
  LogLevel log_level = LogLevel::info;
  std::optional<std::string> kubeconfig, context;  // none: as kubectl, else the pod's own account
  std::string name_space = {};                     // only ScaledModels of this namespace; empty: of all
  ObjectKey lease{.space = "tidegate", .name = "tidegate"};
  LeaseTimes lease_times = {};
  bool takes_over = false;  // scales what another autoscaler scales too
};

class RunningOperator {
 public:
  // Takes the state directory, reaches the cluster and waits until its ScaledModels are known. `surroundings` is a
  // fleet without services.
  [[nodiscard]] static Result<std::unique_ptr<RunningOperator>> open(FleetSpec surroundings, OperatorOptions options);
  ~RunningOperator();

  [[nodiscard]] Result<void> start();
  // No more ticks and writes; the lease is given back. Workloads stay as they are.
  void stop();

  // What a person must be told of how the cluster is reached.
  [[nodiscard]] std::vector<std::string> warnings() const { return scaling_.access().warnings(); }
  [[nodiscard]] const std::string& cluster_text() const { return scaling_.access().server; }
  [[nodiscard]] const std::string& state_path() const { return state_.path(); }
  [[nodiscard]] const std::string& identity() const { return identity_; }
  // Of the doors for other autoscalers, once started; none: there are none.
  [[nodiscard]] const std::vector<std::string>& door_lines() const { return doors_->lines(); }
  [[nodiscard]] std::size_t services() const { return runtime_->spec()->services.size(); }

 private:
  RunningOperator(FleetSpec surroundings, OperatorOptions options, StateDirectory state,
                  std::unique_ptr<Journal> journal, const ClusterAccess& access);
  [[nodiscard]] Result<void> watch();
  [[nodiscard]] SourcedFleet fleet();
  [[nodiscard]] LeaderView leader() const;

  const FleetSpec surroundings_;
  const OperatorOptions options_;
  const std::string identity_;
  StateDirectory state_;
  std::unique_ptr<Journal> journal_;
  SystemClock clock_;
  std::unique_ptr<Log> log_;
  Cluster scaling_, reporting_;
  NoGateway link_;
  std::unique_ptr<ModelController> controller_;
  std::unique_ptr<KubernetesTarget> target_;
  std::unique_ptr<FleetRuntime> runtime_;
  std::unique_ptr<HttpApi> api_;
  std::unique_ptr<MetricDoors> doors_;
  mutable std::mutex mutex_;  // of lease_
  std::unique_ptr<LeaderLease> lease_;
};

}  // namespace tidegate
