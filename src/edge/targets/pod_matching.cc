// The half of KubernetesPlan that finds out which pods are whose.
//
// A pod is looked up by its labels: each pool's selector is filed under one label that all of its pods have, so that
// thousands of pools and pods are matched without comparing each with each.
#include "edge/targets/kubernetes_plan.h"

namespace tidegate {

// Files a pool under its selector, and has the pods of its namespace matched anew when that changed.
void KubernetesPlan::anchor(const KubernetesPool& pool) {
  const auto& key = pool.key();
  const auto& space = pool.id().key.space;
  const auto known = matched_.find(key);
  const auto& selector = pool.selector();
  if (known == matched_.end() ? !selector : selector == known->second) return;
  if (known != matched_.end()) {
    if (const auto label = known->second.anchor())
      anchors_[{space, label->first, label->second}].erase(key);
    else
      loose_[space].erase(key);
    matched_.erase(known);
  }
  unmatched_.insert(space);
  if (!selector) return;
  matched_.emplace(key, *selector);
  if (const auto label = selector->anchor())
    anchors_[{space, label->first, label->second}].insert(key);
  else
    loose_[space].insert(key);
}

const PoolKey* KubernetesPlan::owner_of(const ObjectKey& key, const PodRecord& pod) const {
  const auto owning = [&](const std::set<PoolKey>& pools) -> const PoolKey* {
    for (const auto& one : pools) {
      const auto& claim = claims_.at(pools_.at(one).pool.id());
      if (claim.front() == one && pools_.at(one).pool.owns(pod)) return &one;
    }
    return nullptr;
  };
  for (const auto& [name, value] : pod.labels)
    if (const auto found = anchors_.find({key.space, name, value}); found != anchors_.end())
      if (const auto* owner = owning(found->second)) return owner;
  const auto found = loose_.find(key.space);
  return found == loose_.end() ? nullptr : owning(found->second);
}

void KubernetesPlan::assign(const ObjectKey& key, KnownPod& pod, Instant now) {
  const PoolKey* found = pod.record ? owner_of(key, *pod.record) : nullptr;
  const auto owner = found == nullptr ? std::nullopt : std::optional(*found);
  if (pod.owner && pod.owner != owner)
    if (const auto old = pools_.find(*pod.owner); old != pools_.end()) {
      old->second.pool.pod(key, nullptr, now);
      soil(old->first);
    }
  pod.owner = owner;
  if (!owner) return;
  pools_.at(*owner).pool.pod(key, pod.record, now);
  soil(*owner);
}

void KubernetesPlan::pod(const ObjectKey& key, std::shared_ptr<const PodRecord> record, Instant now) {
  auto& known = pods_[key];
  known.record = std::move(record);
  assign(key, known, now);
  if (!known.record) pods_.erase(key);
}

void KubernetesPlan::match(const std::string& space, Instant now) {
  for (auto pod = pods_.lower_bound({.space = space, .name = {}}); pod != pods_.end() && pod->first.space == space;
       ++pod)
    assign(pod->first, pod->second, now);
}

// Pods that keep a node from being empty: all but those of this pool, and but those that every node has.
OthersByNode KubernetesPlan::others_of(const PoolKey& key) const {
  OthersByNode others;
  for (const auto& [name, pod] : pods_) {
    const PodRecord& record = *pod.record;
    if (pod.owner == key || record.node.empty() || record.owner_kind == "DaemonSet" ||
        record.state == ReplicaState::gone)
      continue;
    ++others[record.node];
  }
  return others;
}

}  // namespace tidegate
