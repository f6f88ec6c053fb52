#include "edge/targets/pod_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace tidegate {
namespace {

constexpr std::int32_t placeholders_max = 10'000;
constexpr Duration fresh_for = 10s;  // a pod first seen at a greater age was there before we looked
constexpr Duration cold_start_max = std::chrono::hours{24};

bool is_alive(ReplicaState state) { return state != ReplicaState::draining && state != ReplicaState::gone; }

bool has_begun(ReplicaState state) { return state == ReplicaState::loading || state == ReplicaState::ready; }

// Pods of a Deployment have their revision as a label, those of a StatefulSet too.
std::string revision_of_pod(const PodRecord& pod) {
  for (const char* key : {"pod-template-hash", "controller-revision-hash"})
    if (const auto* found = label(pod.labels, key)) return *found;
  return "";
}

}  // namespace

std::string replica_id(const ObjectKey& pod) { return fmt::format("{}.{}", pod.name, pod.space); }

std::int32_t PodSet::alive() const {
  return static_cast<std::int32_t>(
      std::ranges::count_if(members_, [](const auto& one) { return is_alive(one.second.state); }));
}

void PodSet::want(std::int32_t replicas, Instant now) {
  for (std::int32_t number = wanted_; number < std::min(replicas, wanted_ + placeholders_max); ++number)
    requests_.push_back(now);
  wanted_ = replicas;
  const auto missing = static_cast<std::size_t>(std::clamp(replicas - alive(), 0, placeholders_max));
  while (requests_.size() > missing) requests_.pop_back();
}

void PodSet::set(const ObjectKey& key, std::shared_ptr<const PodRecord> pod, Instant now) {
  const auto known = members_.find(key);
  // A StatefulSet gives the same name again.
  if (known == members_.end() || known->second.pod->uid != pod->uid) {
    const bool is_fresh = now - pod->created < fresh_for;
    Member member{.pod = pod, .state = pod->state, .since = is_fresh ? now : pod->created};
    member.requested = is_fresh ? now : pod->created;
    if (is_fresh && !requests_.empty()) {
      member.requested = requests_.front();
      requests_.pop_front();
    }
    // What is ready at first sight was not seen to start.
    if (pod->state == ReplicaState::ready) member.ready = now, member.ready_restarts = pod->restarts;
    members_.insert_or_assign(key, std::move(member));
  }
  auto& member = members_.at(key);
  advance(member, *pod, now);
  member.pod = std::move(pod);
}

void PodSet::advance(Member& member, const PodRecord& pod, Instant now) {
  if (member.state != pod.state) member.state = pod.state, member.since = now;
  if (pod.unschedulable.empty())
    member.unschedulable = Instant{};
  else if (member.unschedulable == Instant{})
    member.unschedulable = now;
  if (!pod.node.empty() && !member.scheduled) member.scheduled = now;
  if (has_begun(pod.state) && !member.running) member.running = now;
  if (pod.state != ReplicaState::ready) return;
  member.ready_restarts = pod.restarts;
  if (member.ready) return;
  member.ready = now;
  const Duration took = now - member.requested;
  if (took > Duration{} && took < cold_start_max) cold_starts_.push_back(took);
}

ReplicaState PodSet::state_of(const Member& member, Instant now) const {
  if (member.unschedulable != Instant{} && now - member.unschedulable >= nodeless_patience())
    return ReplicaState::failed;
  const bool was_ready = member.ready_restarts == member.pod->restarts;
  if (member.state == ReplicaState::loading && was_ready && now - member.since >= patience_.unready)
    return ReplicaState::failed;
  return member.state;
}

Instant PodSet::changes_at(Instant now) const {
  Instant next = Instant::max();
  const auto at = [&](Instant when) {
    if (when > now) next = std::min(next, when);
  };
  for (const auto& [key, member] : members_) {
    if (member.unschedulable != Instant{}) at(member.unschedulable + patience_.named);
    if (member.unschedulable != Instant{}) at(member.unschedulable + nodeless_patience());
    if (member.state == ReplicaState::loading && member.ready_restarts) at(member.since + patience_.unready);
  }
  return next;
}

std::vector<PodCandidate> PodSet::candidates(const Look& look) const {
  std::vector<PodCandidate> found;
  const Member* newest = nullptr;
  for (const auto& [key, member] : members_)
    if (is_alive(member.state) && (newest == nullptr || member.pod->created > newest->pod->created)) newest = &member;
  const std::string revision = newest == nullptr ? "" : revision_of_pod(*newest->pod);
  for (const auto& [key, member] : members_) {
    if (!is_alive(member.state)) continue;
    PodCandidate one{.id = replica_id(key),
                     .state = state_of(member, look.now),
                     .node = member.pod->node,
                     .in_flight = {},
                     .ordinal = {},
                     .is_old_revision = revision_of_pod(*member.pod) != revision,
                     .created = member.pod->created};
    if (member.pod->owner_kind != "ReplicaSet") one.ordinal = ordinal_of(key.name);
    if (look.in_flight != nullptr)
      if (const auto busy = look.in_flight->find(one.id); busy != look.in_flight->end()) one.in_flight = busy->second;
    found.push_back(std::move(one));
  }
  return found;
}

std::vector<ObjectKey> PodSet::victims(std::int32_t replicas, const Look& look) const {
  std::vector<ObjectKey> keys;
  const auto count = alive() - replicas;
  if (count <= 0) return keys;
  std::map<std::string, ObjectKey> by_id;
  for (const auto& [key, member] : members_) by_id.emplace(replica_id(key), key);
  for (const auto& id : choose_pod_victims(candidates(look), static_cast<std::size_t>(count), look.others))
    keys.push_back(by_id.at(id));
  return keys;
}

Replica PodSet::replica_of(const ObjectKey& key, const Member& member, const Look& look) const {
  const PodRecord& pod = *member.pod;
  Replica replica{.id = replica_id(key),
                  .state = state_of(member, look.now),
                  .host = pod.ip,
                  .since = member.since,
                  .created = member.requested,
                  .revision = revision_of_pod(pod),
                  .detail = pod.unschedulable.empty() ? pod.trouble : pod.unschedulable,
                  .remote_gpus = pod.gpus};
  if (const auto port = serving_port(pod, look.port))
    replica.port = *port;
  else if (replica.detail.empty())
    replica.detail = look.port.empty() ? "no container port is declared; set `port` of the target"
                                       : fmt::format("no container port is called {}", look.port);
  // A port without an address leads nowhere.
  if (replica.host.empty()) replica.port = 0;
  if (member.scheduled) replica.start.scheduling = *member.scheduled - member.requested;
  if (member.scheduled && member.running) replica.start.pulling = *member.running - *member.scheduled;
  if (member.running && member.ready) replica.start.loading = *member.ready - *member.running;
  return replica;
}

std::vector<Replica> PodSet::replicas(const Look& look) const {
  const auto leaving_list = victims(wanted_, look);
  const std::set<ObjectKey> leaving(leaving_list.begin(), leaving_list.end());
  std::vector<Replica> all;
  for (const auto& [key, member] : members_) {
    if (member.state == ReplicaState::gone) continue;
    auto replica = replica_of(key, member, look);
    if (leaving.contains(key)) {
      if (replica.state != ReplicaState::ready) continue;
      replica.state = ReplicaState::draining;
    }
    all.push_back(std::move(replica));
  }
  const auto missing = static_cast<std::size_t>(std::clamp(wanted_ - alive(), 0, placeholders_max));
  for (std::size_t number = 0; number < missing; ++number) {
    const auto asked = number < requests_.size() ? requests_[number] : look.now;
    all.push_back({.id = fmt::format("{}-requested-{}", look.name, number + 1), .since = asked, .created = asked});
  }
  std::ranges::sort(all, {}, &Replica::id);
  return all;
}

std::vector<Duration> PodSet::take_cold_starts() { return std::exchange(cold_starts_, {}); }

}  // namespace tidegate
