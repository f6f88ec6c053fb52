// The pods of workloads of a Kubernetes cluster: a thin shell around edge/targets/kubernetes_plan.h, which decides. It
// follows the cluster with a few watches, whatever the number of services, and writes in threads of its own; an order
// that changes a size leaves within milliseconds.
//
// Before the cluster was seen, and while it cannot be, services are `unseen` in the view: nothing is said of them that
// is not known, and nothing is written.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edge/kubernetes/cluster.h"
#include "edge/kubernetes/object_watch.h"
#include "edge/ports/target.h"
#include "edge/targets/kubernetes_pool.h"

namespace tidegate {

struct KubernetesTargetOptions {
  // Whether we lead: asked right before each write, from several threads. Empty: always.
  std::function<bool()> may_write = {};
  bool takeover = false;                      // scale what another autoscaler scales
  std::vector<std::string> namespaces = {};   // watched; empty: all
  bool only_namespaces_in_use = false;        // instead: those of the services, which needs fewer permissions
  std::string default_namespace = "default";  // of targets without one
  std::string field_manager = "tidegate";     // whose writes count as ours
  std::size_t writers = 4;
  Duration first_look = 5s;  // how long the first configure() may wait for the cluster
  Duration lost_after = 5s;  // a watch that is broken for so long shows nothing any more
  ObjectWatchOptions watch = {.times = {.backoff = {.first = 500ms, .longest = 8s, .jitter = 0.5}}};
  ApiClientOptions client = {.timeout = 5s, .deadline = 15s, .retries = {.attempts_max = 2}};
  PodPatience patience = {};
  SecondOwnerTimes second_owner = {};
};

class KubernetesTarget final : public Target {
 public:
  // `cluster` outlives it.
  KubernetesTarget(Cluster& cluster, KubernetesTargetOptions options);
  ~KubernetesTarget() override;  // ends every watch; what is being written may end

  void configure(const std::vector<ServiceSpec>& services) override;
  void order(const std::string& service, const std::vector<Order>& pools) override;
  void in_flight(const std::map<std::string, std::int64_t>& by_replica) override;
  void resume(const std::string& service) override;
  [[nodiscard]] Result<void> restart(const std::string& service) override;
  [[nodiscard]] TargetView look() override;

  // `may_write` has changed: what was ordered meanwhile is written now. Without it that is noticed within a second.
  void leadership_changed();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace tidegate
