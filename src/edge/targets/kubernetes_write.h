// What the plan of the Kubernetes target wants done in the cluster, and how that ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/kubernetes/api_client.h"
#include "edge/kubernetes/resource.h"

namespace tidegate {

// A pool of a service, and the one workload it scales.
struct PoolKey {
  std::string service;
  std::string pool;
  friend bool operator==(const PoolKey&, const PoolKey&) = default;
  friend auto operator<=>(const PoolKey&, const PoolKey&) = default;
};

struct WorkloadId {
  ObjectKey key;
  std::string kind;
  std::string api_version;

  [[nodiscard]] std::string text() const { return kind + " " + key.text(); }
  friend bool operator==(const WorkloadId&, const WorkloadId&) = default;
  friend auto operator<=>(const WorkloadId&, const WorkloadId&) = default;
};

enum class ClusterDeed : std::uint8_t {
  read_scale,  // size and selector of a kind that says them nowhere else
  set_scale,   // marks of its pods first
  restart,     // a new revision of the same pods
};

// None: the mark is taken away.
struct PodMark {
  ObjectKey pod;
  std::string uid;
  std::optional<std::int32_t> deletion_cost;
  friend bool operator==(const PodMark&, const PodMark&) = default;
};

struct ClusterWrite {
  ClusterDeed deed = ClusterDeed::set_scale;
  PoolKey pool;
  WorkloadId workload;
  std::vector<PodMark> marks = {};
  std::int32_t replicas = 0;
  std::string resource_version = {};  // that it was decided on
  friend bool operator==(const ClusterWrite&, const ClusterWrite&) = default;
};

struct ClusterAnswer {
  bool may_not_write = false;          // we are not the leader (any more): nothing was sent
  std::optional<ApiError> error = {};  // none: done
  std::optional<Scale> scale = {};     // as written or read; after a conflict: as it is now
  std::string marks_problem = {};      // why pods could not be marked; the rest was done
};

}  // namespace tidegate
