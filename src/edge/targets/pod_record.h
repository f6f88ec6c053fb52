// What is kept of a pod, and what it says: how far it has come, where it serves, what troubles it. Pure.
//
//   requested   no node yet             (scheduling)
//   starting    on a node, its container does not run: images, init containers, volumes       (pulling)
//   loading     its container runs, and it is not Ready                                        (loading)
//   ready       Ready
//   draining    being deleted
//   failed      CrashLoopBackOff, ImagePullBackOff, a configuration that cannot be started, ...
//   gone        ended for good: its controller replaces it, and it takes no part any more
//
// A pod without a node is `requested`, whatever the scheduler says of it: `unschedulable` has its words, and how long
// to wait for a node is for others to decide.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/model/replica_state.h"
#include "edge/kubernetes/label_selector.h"

namespace tidegate {

struct ContainerPort {
  std::string name;  // may be empty
  std::uint16_t number = 0;
  friend bool operator==(const ContainerPort&, const ContainerPort&) = default;
};

struct PodRecord {
  std::string uid;
  std::string node;  // empty: none yet
  std::string ip;    // empty: none yet
  Labels labels;
  std::string owner_kind, owner_name;  // its controller
  ReplicaState state = ReplicaState::requested;
  std::string trouble;        // why it failed, in the kubelet's words; what it waits for
  std::string unschedulable;  // the scheduler's words; empty: it has not given up on it
  Instant created{};          // by the server's clock, to the second
  std::int32_t restarts = 0;
  std::optional<std::int32_t> deletion_cost;
  std::vector<ContainerPort> ports;  // of the first container first
  std::int32_t gpus = 0;             // whole devices or slices that its containers ask for
  friend bool operator==(const PodRecord&, const PodRecord&) = default;
};

[[nodiscard]] PodRecord pod_record_of(JsonView pod);

// Where it serves; `wanted` is a number, the name of a port, or empty for the first one. None: it has no such port.
[[nodiscard]] std::optional<std::uint16_t> serving_port(const PodRecord& pod, const std::string& wanted);

// "chat-2" of a StatefulSet is its replica 2. None: it has no number.
[[nodiscard]] std::optional<std::int64_t> ordinal_of(const std::string& pod_name);

}  // namespace tidegate
