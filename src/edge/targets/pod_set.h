// The pods of one workload and what they mean as replicas: which count, how long each phase of a start took, which are
// about to go. Pure.
//
//  - pods that are wanted and not there yet are replicas in `requested`;
//  - a pod that found no node for `nodeless` (`nodeless_beside` where others can be bought in its place), or that was
//    ready and is not for `unready`, counts as failed;
//  - pods beyond the wanted number are no capacity, neither while a rollout surges nor while a smaller size takes
//  effect:
//    Ready ones of them are shown as draining, the others not at all.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/kubernetes/resource.h"
#include "edge/ports/target.h"
#include "edge/targets/pod_record.h"
#include "edge/targets/pod_victims.h"

namespace tidegate {

struct PodPatience {
  Duration nodeless = 5min;        // a new node takes minutes
  Duration nodeless_beside = 30s;  // another pool's need not
  Duration unready = 2min;
  Duration named = 3s;  // a pod may find no node for a moment while others go
};

using InFlight = std::map<std::string, std::int64_t>;  // by replica

// "chat-7d4b9-x2x4q.prod": a namespace has no dot, so it is unique.
[[nodiscard]] std::string replica_id(const ObjectKey& pod);

class PodSet {
 public:
  explicit PodSet(PodPatience patience = {}) : patience_(patience) {}

  void set(const ObjectKey& key, std::shared_ptr<const PodRecord> pod, Instant now);
  void erase(const ObjectKey& key) { members_.erase(key); }
  // The service has other pools.
  void stand_beside_others(bool beside) { is_beside_ = beside; }
  // The size that is asked of the workload's controller.
  void want(std::int32_t replicas, Instant now);

  struct Look {
    Instant now{};
    std::string name;  // what those without a pod are called after
    const InFlight* in_flight = nullptr;
    const OthersByNode* others = nullptr;  // where nodes are paid whole
    std::string port;                      // wanted, as configured
  };
  // As replicas without a service and a pool, ordered by id.
  [[nodiscard]] std::vector<Replica> replicas(const Look& look) const;
  // Pods that would go if the size were lowered to `replicas`, first to go first.
  [[nodiscard]] std::vector<ObjectKey> victims(std::int32_t replicas, const Look& look) const;

  struct Member {
    std::shared_ptr<const PodRecord> pod;
    ReplicaState state = ReplicaState::requested;  // the record's
    Instant since{};                               // of the state
    Instant requested{};
    Instant unschedulable{};  // since when; zero: it is not
    std::optional<Instant> scheduled, running, ready;
    std::optional<std::int32_t> ready_restarts;  // restarts when it was last ready
  };
  [[nodiscard]] const std::map<ObjectKey, Member>& members() const { return members_; }
  [[nodiscard]] std::int32_t wanted() const { return wanted_; }
  // Pods that its controller counts: neither being deleted nor ended.
  [[nodiscard]] std::int32_t alive() const;
  // With patience at its end.
  [[nodiscard]] ReplicaState state_of(const Member& member, Instant now) const;

  // Cold starts that ended since the last call.
  [[nodiscard]] std::vector<Duration> take_cold_starts();
  // When time alone changes a state; max: it does not.
  [[nodiscard]] Instant changes_at(Instant now) const;

 private:
  [[nodiscard]] std::vector<PodCandidate> candidates(const Look& look) const;
  [[nodiscard]] Replica replica_of(const ObjectKey& key, const Member& member, const Look& look) const;
  void advance(Member& member, const PodRecord& pod, Instant now);

  [[nodiscard]] Duration nodeless_patience() const {
    return is_beside_ ? patience_.nodeless_beside : patience_.nodeless;
  }

  PodPatience patience_;
  bool is_beside_ = false;
  std::int32_t wanted_ = 0;
  std::map<ObjectKey, Member> members_;
  std::deque<Instant> requests_;  // of pods that are not there yet, oldest first
  std::vector<Duration> cold_starts_;
};

}  // namespace tidegate
