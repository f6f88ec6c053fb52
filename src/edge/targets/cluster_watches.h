// The copies of the cluster that the Kubernetes target decides on: pods, workloads of each kind in use, other
// autoscalers. A few watches for all services, each in all namespaces or in those that are asked for. What changes is
// kept until somebody takes it into a plan.
//
// A watch that is broken for `lost_after` shows nothing any more; other autoscalers need to have been listed once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "edge/kubernetes/object_cache.h"
#include "edge/targets/kubernetes_plan.h"

namespace tidegate {

struct ClusterWatchOptions {
  ObjectWatchOptions watch = {};
  ApiClientOptions client = {};  // of discovery
  Duration lost_after = 5s;
};

// A kind of workload, as configured.
struct WorkloadKind {
  std::string api_version;
  std::string kind;
  friend bool operator==(const WorkloadKind&, const WorkloadKind&) = default;
  friend auto operator<=>(const WorkloadKind&, const WorkloadKind&) = default;
};

// What has to be seen.
struct ClusterWish {
  std::set<WorkloadKind> kinds;
  std::set<std::string> spaces;  // "": all
  friend bool operator==(const ClusterWish&, const ClusterWish&) = default;
};

// One thread calls it, but for seek() and type_of(); `changed` is called from others whenever there is something to
// take.
class ClusterWatches {
 public:
  ClusterWatches(Cluster& cluster, ClusterWatchOptions options, std::function<void()> changed);
  ~ClusterWatches();

  // Asks the server where kinds that are not known yet are served, which may take a while. One thread at a time.
  void seek(const ClusterWish& wish, const std::stop_token& stop);
  // Begins and ends watches, of kinds that were found.
  void follow(const ClusterWish& wish);
  // Tells the plan what has changed and what can be seen. Waits for nothing.
  void tell(KubernetesPlan& plan, Instant now);
  // Where a kind is served; none: not known (yet).
  [[nodiscard]] std::optional<ResourceType> type_of(const WorkloadKind& kind) const;

 private:
  // What has changed: in which watch, and which object.
  struct Change {
    enum class Of : std::uint8_t { pods, workloads, rivals } of = Of::pods;
    WorkloadKind kind;
    std::string space;
    ObjectKey key;
  };
  // A watch that broke shows what it has for a while.
  struct Freshness {
    Instant lost{};  // zero: it is not
    // Empty: it is seen. None: it is not listed yet, and nothing is wrong.
    [[nodiscard]] std::optional<std::string> problem(const WatchHealth& health, Instant now, Duration lost_after);
  };
  template <class T>
  struct Watch {
    template <class... Arguments>
    explicit Watch(Arguments&&... arguments) : cache(std::forward<Arguments>(arguments)...) {}
    ObjectCache<T> cache;
    Freshness freshness;
  };
  using Place = std::pair<WorkloadKind, std::string>;                         // of a watch: kind and namespace
  using Sights = std::map<std::pair<std::string, std::string>, std::string>;  // what, namespace: problem

  void push(Change change);
  template <class T, class Project>
  void watch(std::map<Place, std::unique_ptr<Watch<T>>>& watches, const WorkloadKind& kind, Change::Of of,
             const Project& project);
  void take(KubernetesPlan& plan, const Change& change, Instant now);
  [[nodiscard]] std::optional<ApiError> why_not_found(const WorkloadKind& kind) const;
  // As Freshness::problem; being listed once is enough.
  [[nodiscard]] std::optional<std::string> rivals_problem(const std::string& space) const;
  [[nodiscard]] Sights sights(Instant now);

  Cluster& cluster_;
  const ClusterWatchOptions options_;
  const std::function<void()> changed_;
  ApiClient client_;  // of seek()
  ClusterWish wish_;

  mutable std::mutex mutex_;  // of what follows
  std::vector<Change> changes_;
  std::map<WorkloadKind, ApiResult<ResourceType>> found_;  // or why not; of kinds that were sought

  std::set<std::pair<std::string, std::string>> told_;  // sights that the plan knows
  std::map<Place, std::unique_ptr<Watch<PodRecord>>> pods_;
  std::map<Place, std::unique_ptr<Watch<WorkloadRecord>>> workloads_;
  std::map<Place, std::unique_ptr<Watch<RivalRecord>>> rivals_;
};

}  // namespace tidegate
