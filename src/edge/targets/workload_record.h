// What is kept of a workload (any object with a scale) and of what else claims to scale it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "edge/kubernetes/label_selector.h"

namespace tidegate {

// Who wrote a field, as metadata.managedFields has it.
struct FieldWriter {
  std::string manager;  // empty: not known
  std::string operation;
  Instant at{};  // to the second
  friend bool operator==(const FieldWriter&, const FieldWriter&) = default;
};

struct WorkloadRecord {
  std::string uid;
  std::string resource_version;
  std::optional<std::int32_t> replicas;   // wanted; none: the object does not say, its scale does
  std::optional<LabelSelector> selector;  // of its pods; likewise
  FieldWriter writer;                     // of `replicas`
  std::int64_t generation = 0;
  std::int64_t observed_generation = 0;
  std::uint64_t template_hash = 0;                // of the pod template; 0: it has none where one would look
  std::int32_t status_replicas = 0;               // pods its controller counts
  std::optional<std::int32_t> updated_replicas;   // of them, of the newest revision; none: it does not count them
  std::string current_revision, update_revision;  // of a StatefulSet
  std::int32_t partition = 0;                     // of a StatefulSet: ordinals below keep the old revision
  bool updates_on_delete = false;
  std::string stuck;  // why its rollout does not get on, in its controller's words
  friend bool operator==(const WorkloadRecord&, const WorkloadRecord&) = default;
};

// `kind`: that it was listed as, since what is listed does not say it again.
[[nodiscard]] WorkloadRecord workload_record_of(JsonView object, const std::string& kind);

// Whether a new revision is being rolled out. `settled_template`: the template's hash when it was last seen to be
// whole; it tells a new revision that its controller has not begun from a new size.
//
//   Deployment and the like   updatedReplicas < replicas: pods of older revisions are there
//   StatefulSet               the revisions differ, and the ordinals from `partition` on are not all updated
[[nodiscard]] bool is_rolling(const WorkloadRecord& workload, std::optional<std::uint64_t> settled_template);

// Another autoscaler of a workload.
struct RivalRecord {
  std::string kind;  // HorizontalPodAutoscaler, ScaledObject
  std::string name;
  std::string target_api_version, target_kind, target_name;
  bool is_paused = false;  // it says itself that it does not write
  friend bool operator==(const RivalRecord&, const RivalRecord&) = default;
};

// None: it names no target.
[[nodiscard]] std::optional<RivalRecord> rival_record_of(JsonView object, const std::string& kind);

}  // namespace tidegate
