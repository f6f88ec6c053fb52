// Decides for one pool and its workload: what to write, what stands in the way, what its replicas are. Pure.
//
// A size is written only if all of this holds:
//   - it was ordered, differs from what is there, and nothing is under way;
//   - what is there is seen (edge/targets/kubernetes_plan.h says), and was read at the resourceVersion given along;
//   - no other autoscaler has the workload, or takeover is asked for; no second owner has to be left alone;
//   - when lower: no rollout is under way, and it is not only that failed pods are no longer counted. Kubernetes tries
//     those again itself; they go `patience` after the last order for more than there is.
// A 409 is no reason to write again: what was read since is decided on anew.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/service_spec.h"
#include "edge/targets/kubernetes_write.h"
#include "edge/targets/pod_set.h"
#include "edge/targets/second_owner.h"
#include "edge/targets/workload_record.h"

namespace tidegate {

struct KubernetesPoolOptions {
  bool takeover = false;                   // scale what another autoscaler scales
  std::string field_manager = "tidegate";  // whose writes are ours
  Duration failed_patience = 15min;        // longer than a failing pool waits for its next try
  PodPatience pods = {};
  SecondOwnerTimes second_owner = {};
};

class KubernetesPool {
 public:
  KubernetesPool(PoolKey key, WorkloadId workload, KubernetesPoolOptions options);

  // `is_only`: the service has no other pool.
  void configure(const PoolSpec& spec, Mode mode, bool is_only);
  void order(std::int32_t replicas, Instant now);
  void resume() { guard_.resume(); }
  void restart() { restarts_ = true; }

  // None: it does not exist.
  void workload(std::shared_ptr<const WorkloadRecord> record, Instant now);
  void pod(const ObjectKey& key, std::shared_ptr<const PodRecord> pod, Instant now);  // none: gone
  void rival(std::optional<RivalRecord> rival) { rival_ = std::move(rival); }
  // The pool that had the workload before us; empty: nobody.
  void claimed_by(std::string other) { claimed_by_ = std::move(other); }
  void answered(const ClusterWrite& write, const ClusterAnswer& answer, Instant now);

  // What to do now. `look`: of its pods. Nothing is under way twice.
  [[nodiscard]] std::optional<ClusterWrite> step(const PodSet::Look& look);
  [[nodiscard]] Instant wakes_at(Instant now) const;

  [[nodiscard]] std::vector<Replica> replicas(const PodSet::Look& look) const;
  [[nodiscard]] std::vector<TargetProblem> problems(Instant now) const;
  [[nodiscard]] bool is_rolling() const { return record_ && tidegate::is_rolling(*record_, settled_template_); }
  // How many more could be placed now; none: not known.
  [[nodiscard]] std::optional<std::int32_t> available() const;
  [[nodiscard]] std::vector<Duration> take_cold_starts() { return pods_.take_cold_starts(); }
  // A second owner and what will be done about it; empty: there is none. Each of its answers is said once besides.
  [[nodiscard]] std::string second_owner(Instant now) const { return guard_.message(now); }
  [[nodiscard]] std::vector<std::string> take_conflicts() { return std::exchange(conflicts_, {}); }

  [[nodiscard]] const PoolKey& key() const { return key_; }
  [[nodiscard]] const WorkloadId& id() const { return id_; }
  [[nodiscard]] const PoolSpec& spec() const { return spec_; }
  [[nodiscard]] const std::optional<std::int32_t>& wanted() const { return wanted_; }
  // Of its pods; none: not known yet.
  [[nodiscard]] const std::optional<LabelSelector>& selector() const { return selector_; }
  [[nodiscard]] bool owns(const PodRecord& pod) const;
  // Size and selector are known, or that there is no such workload.
  [[nodiscard]] bool is_known() const { return is_told_ && (!record_ || replicas_); }

 private:
  [[nodiscard]] bool says_all() const;
  struct Counts {
    std::int32_t committed = 0;
    std::int32_t failed = 0;
  };
  [[nodiscard]] Counts committed(Instant now) const;
  [[nodiscard]] bool is_refused() const;
  void take_size(std::int32_t replicas, const std::string& resource_version, Instant now);
  void failed(const ApiError& error, Instant now);
  [[nodiscard]] bool may_lower(std::int32_t wanted, Instant now) const;
  [[nodiscard]] std::vector<PodMark> marks(std::int32_t replicas, const PodSet::Look& look) const;
  void add_pod_problems(std::vector<TargetProblem>& problems, Instant now) const;

  const PoolKey key_;
  const WorkloadId id_;
  const KubernetesPoolOptions options_;
  PoolSpec spec_;
  KubernetesTargetSpec target_;
  Mode mode_ = Mode::act;
  PodSet pods_;
  SecondOwnerGuard guard_;

  bool is_told_ = false;  // whether the workload exists
  std::shared_ptr<const WorkloadRecord> record_;
  std::optional<std::int32_t> replicas_;  // as last read or written
  std::string resource_version_;
  std::optional<LabelSelector> selector_;
  std::int64_t scale_generation_ = -1;  // that the scale was read at
  std::optional<std::uint64_t> settled_template_;

  std::optional<RivalRecord> rival_;
  std::string claimed_by_;
  std::optional<std::int32_t> wanted_;
  Instant wanted_more_{};  // when more was last ordered than is committed
  bool restarts_ = false;
  std::optional<ClusterWrite> under_way_;
  std::int32_t failures_ = 0;  // in a row
  Instant retry_at_{};
  std::string refusal_;  // of the last write
  std::string marks_problem_;
  std::vector<std::string> conflicts_;
};

}  // namespace tidegate
