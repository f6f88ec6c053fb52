// Everything `tidegate run` runs, put together: state directory, journal, targets, sources, gateway (or the link to one
// apart), control loop, API, doors for other autoscalers. A cluster is asked for only when a service has a Kubernetes
// target. Opened so that what may fail (a lock, a port in use) fails before a replica is touched, and taken down in the
// opposite order.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/metric_doors.h"
#include "core/model/fleet_spec.h"
#include "edge/gateway/gateway.h"
#include "edge/kubernetes/cluster.h"
#include "edge/machine/state_directory.h"
#include "edge/machine/system_clock.h"
#include "edge/targets/kubernetes_target.h"
#include "edge/targets/process_target.h"
#include "edge/targets/target_router.h"
#include "serve/api/http_api.h"
#include "serve/journal/journal.h"
#include "serve/runtime/fleet_runtime.h"
#include "serve/runtime/log.h"

namespace tidegate {

struct RunOptions {
  // The configuration as it is now; empty: it came from a command line and is never read again.
  std::function<Result<SourcedFleet>()> load = {};
  LogLevel log_level = LogLevel::info;
  bool leaves_replicas = false;  // when stopped; pods of a cluster are always left
  bool takeover = false;         // scale what another autoscaler of the cluster scales
  Duration drain = 30s;          // how long running requests may take to end
};

class RunningFleet {
 public:
  // Takes the state directory and the addresses; adopts replicas that are there. Nothing is started yet.
  [[nodiscard]] static Result<std::unique_ptr<RunningFleet>> open(SourcedFleet fleet, RunOptions options);
  ~RunningFleet();

  [[nodiscard]] Result<void> start();
  // No more ticks; running requests end or the time for them does; then the replicas are stopped, or left. True: all
  // of it was done in time.
  [[nodiscard]] bool stop();
  // While stop() still waits in another thread: tells the replicas to end and waits for nothing else.
  void stop_at_once();

  [[nodiscard]] FleetRuntime& panel() { return *runtime_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] const std::string& state_path() const { return state_.path(); }
  // Of the doors for other autoscalers; none: there are none.
  [[nodiscard]] const std::vector<std::string>& door_lines() const { return doors_->lines(); }
  // "http://127.0.0.1:8080"; of a gateway apart: where its link is.
  [[nodiscard]] std::string gateway_text() const;
  [[nodiscard]] std::size_t adopted() const { return adopted_; }

 private:
  RunningFleet(StateDirectory state, std::unique_ptr<Journal> journal, RunOptions options);
  void drain_gateway_apart();
  [[nodiscard]] Result<Target*> open_cluster(const KubernetesSpec& spec);

  const RunOptions options_;
  StateDirectory state_;
  std::unique_ptr<Journal> journal_;
  SystemClock clock_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<ProcessTarget> processes_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<KubernetesTarget> pods_;
  std::unique_ptr<TargetRouter> target_;
  std::size_t adopted_ = 0;
  Gateway* gateway_ = nullptr;  // when it is in this process
  std::unique_ptr<GatewayLink> link_;
  std::unique_ptr<FleetRuntime> runtime_;
  std::unique_ptr<HttpApi> api_;
  std::unique_ptr<MetricDoors> doors_;  // goes first
};

}  // namespace tidegate
