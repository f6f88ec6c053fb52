// Decides for all pools of the Kubernetes target: which pods are whose, which workload is whose, what can be seen, and
// through edge/targets/kubernetes_pool.h what is written. Pure: the cluster, time and answers are told to it; it
// answers with writes for others to carry out.
//
// What is not seen is not there and not gone: a service whose pods or workloads cannot be seen (never listed, or lost)
// is `unseen`, and nothing of it is written until they are. Other autoscalers must have been looked for, too.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "edge/targets/kubernetes_pool.h"

namespace tidegate {

struct KubernetesPlanOptions {
  std::string default_namespace = "default";  // of targets without one
  KubernetesPoolOptions pool = {};
};

// What the plan wants to see; a kind of workload is called by its own kind.
inline constexpr std::string_view pods_sight = "pods";
inline constexpr std::string_view rivals_sight = "autoscalers";

class KubernetesPlan {
 public:
  explicit KubernetesPlan(KubernetesPlanOptions options = {}) : options_(std::move(options)) {}

  // What people and the control loop say.
  void configure(const std::vector<ServiceSpec>& services, Instant now);
  void order(const std::string& service, const std::vector<Order>& pools, Instant now);
  void in_flight(const std::map<std::string, std::int64_t>& by_replica) { in_flight_ = by_replica; }
  void resume(const std::string& service);
  [[nodiscard]] Result<void> restart(const std::string& service);
  // Only then step() answers with anything.
  void let_write(bool may) { may_write_ = may; }
  // Everything is looked at again, as after a change of leaders.
  void wake();

  // What the cluster says. None: it is gone.
  void workload(const WorkloadId& id, std::shared_ptr<const WorkloadRecord> record, Instant now);
  void pod(const ObjectKey& key, std::shared_ptr<const PodRecord> record, Instant now);
  void rival(const std::string& kind, const ObjectKey& key, std::shared_ptr<const RivalRecord> record);
  // Whether pods, other autoscalers or a kind of workload are seen in a namespace (empty: in all). A problem: why not.
  // Until this is called they are not.
  void see(std::string_view what, const std::string& space, const std::string& problem, Instant now);
  // It is looked at no more: what was known of it is not known any longer.
  void forget(const std::string& what, const std::string& space, Instant now);
  void answered(const ClusterWrite& write, const ClusterAnswer& answer, Instant now);

  // What to do now. Each write is handed out once.
  [[nodiscard]] std::vector<ClusterWrite> step(Instant now);
  // When time alone brings the next thing to do; Instant::max() when nothing does.
  [[nodiscard]] Instant wakes_at() const;
  [[nodiscard]] bool sees_all() const;
  [[nodiscard]] TargetView look();

 private:
  struct Entry {
    KubernetesPool pool;
    std::vector<Replica> replicas = {};  // as step() found them last
    std::vector<TargetProblem> problems = {};
    std::set<Reason> said = {};  // problems that there was an event for
    Instant wakes_at = Instant::max();
  };
  struct KnownPod {
    std::shared_ptr<const PodRecord> record;
    std::optional<PoolKey> owner;
  };
  using Anchor = std::tuple<std::string, std::string, std::string>;  // namespace, label, value
  using RivalKey = std::pair<std::string, ObjectKey>;                // kind, name

  [[nodiscard]] WorkloadId id_of(const KubernetesTargetSpec& target) const;
  void add(const PoolKey& key, const WorkloadId& id);
  void drop(const PoolKey& key);
  void settle_claims();
  void present(KubernetesPool& pool, Instant now);
  [[nodiscard]] static WorkloadId target_of(const std::string& space, const RivalRecord& rival);
  void seek_rival(const WorkloadId& target);
  void seek_rival(KubernetesPool& pool);
  void soil(const PoolKey& key) { dirty_.insert(key); }
  // None: it is seen.
  [[nodiscard]] std::optional<std::string> unseen(std::string_view what, const std::string& space) const;
  [[nodiscard]] std::optional<std::string> unseen(const KubernetesPool& pool) const;
  void anchor(const KubernetesPool& pool);
  void match(const std::string& space, Instant now);
  [[nodiscard]] const PoolKey* owner_of(const ObjectKey& key, const PodRecord& pod) const;
  void assign(const ObjectKey& key, KnownPod& pod, Instant now);
  void refresh(Entry& entry, const PodSet::Look& look);
  void note(const KubernetesPool& pool, Reason reason, std::string message, Instant now);
  [[nodiscard]] OthersByNode others_of(const PoolKey& key) const;

  const KubernetesPlanOptions options_;
  bool may_write_ = false;
  std::map<PoolKey, Entry> pools_;
  std::map<WorkloadId, std::vector<PoolKey>> claims_;  // the first has it
  std::map<WorkloadId, std::shared_ptr<const WorkloadRecord>> workloads_;
  std::map<ObjectKey, KnownPod> pods_;
  std::map<RivalKey, std::shared_ptr<const RivalRecord>> rivals_;
  std::map<WorkloadId, std::set<RivalKey>> rivals_by_target_;          // without a version
  std::map<std::pair<std::string, std::string>, std::string> sights_;  // what and namespace: problem
  std::map<Anchor, std::set<PoolKey>> anchors_;
  std::map<std::string, std::set<PoolKey>> loose_;  // by namespace: selectors without an anchor
  std::map<PoolKey, LabelSelector> matched_;        // selectors that pods were matched with
  InFlight in_flight_;

  std::set<PoolKey> dirty_;
  std::set<std::string> unmatched_;  // namespaces
  std::set<std::pair<Instant, PoolKey>> due_;
  std::vector<TargetEvent> events_;
  std::map<std::string, std::vector<ColdStart>> cold_starts_;
};

}  // namespace tidegate
