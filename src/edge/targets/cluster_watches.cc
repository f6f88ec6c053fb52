#include "edge/targets/cluster_watches.h"

#include "edge/kubernetes/discovery.h"

namespace tidegate {
namespace {

const WorkloadKind pod_kind{"v1", "Pod"};
const WorkloadKind autoscaler_kind{"autoscaling/v2", "HorizontalPodAutoscaler"};
const WorkloadKind scaled_object_kind{"keda.sh/v1alpha1", "ScaledObject"};

}  // namespace

ClusterWatches::ClusterWatches(Cluster& cluster, ClusterWatchOptions options, std::function<void()> changed)
    : cluster_(cluster),
      options_(std::move(options)),
      changed_(std::move(changed)),
      client_(cluster, options_.client),
      found_{{pod_kind, resources::pods},
             {{"apps/v1", "Deployment"}, resources::deployments},
             {{"apps/v1", "StatefulSet"}, resources::stateful_sets},
             {autoscaler_kind, resources::autoscalers}} {}

ClusterWatches::~ClusterWatches() = default;

std::optional<std::string> ClusterWatches::Freshness::problem(const WatchHealth& health, Instant now,
                                                              Duration lost_after) {
  if (health.is_connected) lost = Instant{};
  if (!health.is_connected && lost == Instant{}) lost = now;
  if (!health.is_synced) return health.problem.empty() ? std::nullopt : std::optional(health.problem);
  if (lost == Instant{} || now - lost < lost_after) return "";
  return health.problem.empty() ? "the watch is broken" : health.problem;
}

void ClusterWatches::push(Change change) {
  {
    const std::lock_guard lock(mutex_);
    changes_.push_back(std::move(change));
  }
  changed_();
}

std::optional<ResourceType> ClusterWatches::type_of(const WorkloadKind& kind) const {
  const std::lock_guard lock(mutex_);
  const auto found = found_.find(kind);
  return found == found_.end() || !found->second ? std::nullopt : std::optional(*found->second);
}

void ClusterWatches::seek(const ClusterWish& wish, const std::stop_token& stop) {
  auto kinds = wish.kinds;
  kinds.insert(scaled_object_kind);
  for (const auto& kind : kinds) {
    if (type_of(kind)) continue;
    const auto served = discover(client_, kind.api_version, kind.kind, stop);
    if (stop.stop_requested()) return;
    const std::lock_guard lock(mutex_);
    found_.insert_or_assign(kind, served ? ApiResult<ResourceType>(served->type) : std::unexpected(served.error()));
  }
}

void ClusterWatches::follow(const ClusterWish& wish) {
  wish_ = wish;
  std::erase_if(pods_, [&](const auto& one) { return !wish.spaces.contains(one.first.second); });
  std::erase_if(workloads_, [&](const auto& one) {
    return !wish.kinds.contains(one.first.first) || !wish.spaces.contains(one.first.second);
  });
  std::erase_if(rivals_, [&](const auto& one) { return !wish.spaces.contains(one.first.second); });
  watch(pods_, pod_kind, Change::Of::pods, [](JsonView pod) { return std::optional(pod_record_of(pod)); });
  for (const auto& kind : wish.kinds)
    watch(workloads_, kind, Change::Of::workloads,
          [name = kind.kind](JsonView object) { return std::optional(workload_record_of(object, name)); });
  for (const auto& kind : {autoscaler_kind, scaled_object_kind})
    watch(rivals_, kind, Change::Of::rivals,
          [name = kind.kind](JsonView object) { return rival_record_of(object, name); });
}

// In every namespace that is asked for and not watched yet.
template <class T, class Project>
void ClusterWatches::watch(std::map<Place, std::unique_ptr<Watch<T>>>& watches, const WorkloadKind& kind, Change::Of of,
                           const Project& project) {
  const auto type = type_of(kind);
  if (!type) return;
  for (const auto& space : wish_.spaces) {
    if (watches.contains({kind, space})) continue;
    watches.emplace(
        Place{kind, space},
        std::make_unique<Watch<T>>(cluster_, ObjectSelection{.type = *type, .space = space}, project, options_.watch,
                                   [this, of, kind, space](const ObjectKey& key) { push({of, kind, space, key}); }));
  }
}

void ClusterWatches::take(KubernetesPlan& plan, const Change& change, Instant now) {
  const std::pair place{change.kind, change.space};
  const auto object_of = [&](const auto& watches, const auto& where) {
    const auto watch = watches.find(where);
    const auto found = watch == watches.end() ? std::nullopt : watch->second->cache.find(change.key);
    return found ? found->object : nullptr;
  };
  switch (change.of) {
    case Change::Of::pods:
      return plan.pod(change.key, object_of(pods_, place), now);
    case Change::Of::workloads:
      return plan.workload({.key = change.key, .kind = change.kind.kind, .api_version = change.kind.api_version},
                           object_of(workloads_, place), now);
    case Change::Of::rivals:
      return plan.rival(change.kind.kind, change.key, object_of(rivals_, place));
  }
}

std::optional<ApiError> ClusterWatches::why_not_found(const WorkloadKind& kind) const {
  const std::lock_guard lock(mutex_);
  const auto found = found_.find(kind);
  return found == found_.end() || found->second ? std::nullopt : std::optional(found->second.error());
}

std::optional<std::string> ClusterWatches::rivals_problem(const std::string& space) const {
  for (const auto& kind : {autoscaler_kind, scaled_object_kind}) {
    const auto error = why_not_found(kind);
    // A cluster without KEDA has none of its objects.
    if (error && error->reason == ApiReason::not_found) continue;
    if (error) return error->message;
    const auto watch = rivals_.find({kind, space});
    if (watch == rivals_.end()) return std::nullopt;
    const auto health = watch->second->cache.health();
    if (!health.is_synced) return health.problem.empty() ? std::nullopt : std::optional(health.problem);
  }
  return "";
}

ClusterWatches::Sights ClusterWatches::sights(Instant now) {
  Sights sights;
  const auto add = [&](std::string_view what, const std::string& space, std::optional<std::string> problem) {
    if (problem) sights[{std::string{what}, space}] = std::move(*problem);
  };
  for (auto& [place, watch] : pods_)
    add(pods_sight, place.second, watch->freshness.problem(watch->cache.health(), now, options_.lost_after));
  for (auto& [place, watch] : workloads_)
    add(place.first.kind, place.second, watch->freshness.problem(watch->cache.health(), now, options_.lost_after));
  for (const auto& space : wish_.spaces) {
    for (const auto& kind : wish_.kinds)
      if (const auto error = why_not_found(kind)) add(kind.kind, space, error->message);
    add(rivals_sight, space, rivals_problem(space));
  }
  return sights;
}

void ClusterWatches::tell(KubernetesPlan& plan, Instant now) {
  // How fresh a copy is, is asked before its changes are taken: what is listed is in the plan when it counts as seen.
  const auto seen = sights(now);
  std::vector<Change> changes;
  {
    const std::lock_guard lock(mutex_);
    changes.swap(changes_);
  }
  for (const auto& change : changes) take(plan, change, now);
  for (const auto& sight : std::exchange(told_, {}))
    if (!seen.contains(sight)) plan.forget(sight.first, sight.second, now);
  for (const auto& [sight, problem] : seen) {
    told_.insert(sight);
    plan.see(sight.first, sight.second, problem, now);
  }
}

}  // namespace tidegate
