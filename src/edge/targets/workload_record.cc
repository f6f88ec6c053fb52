#include "edge/targets/workload_record.h"

#include <xxhash.h>

#include <algorithm>

#include "edge/kubernetes/rfc3339.h"

namespace tidegate {
namespace {

std::int32_t count_of(JsonView object, JsonPath path) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(integer_field(object, path).value_or(0), 0, 1'000'000'000));
}

// The newest of those who own spec.replicas.
FieldWriter writer_of_replicas(JsonView object) {
  FieldWriter writer;
  for_each_item(object, {"metadata", "managedFields"}, [&](JsonView entry) {
    if (!field(entry, {"fieldsV1", "f:spec", "f:replicas"})) return;
    const auto at = parse_rfc3339(text_field(entry, {"time"})).value_or(Instant{});
    if (!writer.manager.empty() && at < writer.at) return;
    writer = {std::string{text_field(entry, {"manager"})}, std::string{text_field(entry, {"operation"})}, at};
  });
  return writer;
}

std::uint64_t template_hash(JsonView object) {
  const auto pods = field(object, {"spec", "template"});
  if (!pods) return 0;
  const std::string text = simdjson::minify(*pods);
  return XXH3_64bits(text.data(), text.size());
}

// A Deployment says so itself after progressDeadlineSeconds.
std::string why_stuck(JsonView object) {
  std::string stuck;
  for_each_item(object, {"status", "conditions"}, [&](JsonView one) {
    if (text_field(one, {"type"}) == "Progressing" && text_field(one, {"status"}) == "False")
      stuck = text_field(one, {"message"});
  });
  return stuck;
}

}  // namespace

WorkloadRecord workload_record_of(JsonView object, const std::string& kind) {
  WorkloadRecord record{.uid = std::string{text_field(object, {"metadata", "uid"})},
                        .resource_version = std::string{text_field(object, {"metadata", "resourceVersion"})},
                        .selector = label_selector_of(object, {"spec", "selector"}),
                        .writer = writer_of_replicas(object),
                        .generation = integer_field(object, {"metadata", "generation"}).value_or(0),
                        .observed_generation = integer_field(object, {"status", "observedGeneration"}).value_or(0),
                        .template_hash = template_hash(object),
                        .status_replicas = count_of(object, {"status", "replicas"}),
                        .current_revision = std::string{text_field(object, {"status", "currentRevision"})},
                        .update_revision = std::string{text_field(object, {"status", "updateRevision"})},
                        .partition = count_of(object, {"spec", "updateStrategy", "rollingUpdate", "partition"}),
                        .updates_on_delete = text_field(object, {"spec", "updateStrategy", "type"}) == "OnDelete",
                        .stuck = why_stuck(object)};
  if (field(object, {"spec", "replicas"})) record.replicas = count_of(object, {"spec", "replicas"});
  // A Deployment leaves a count of zero out; other kinds may not count at all.
  if (kind == "Deployment" || field(object, {"status", "updatedReplicas"}))
    record.updated_replicas = count_of(object, {"status", "updatedReplicas"});
  return record;
}

bool is_rolling(const WorkloadRecord& workload, std::optional<std::uint64_t> settled_template) {
  if (workload.updates_on_delete) return false;
  const bool is_unseen = workload.observed_generation > 0 && workload.observed_generation < workload.generation;
  if (is_unseen && settled_template && *settled_template != workload.template_hash) return true;
  if (!workload.update_revision.empty()) {
    const std::int32_t due = std::max(workload.status_replicas - workload.partition, 0);
    return workload.update_revision != workload.current_revision && workload.updated_replicas.value_or(0) < due;
  }
  return workload.updated_replicas && *workload.updated_replicas < workload.status_replicas;
}

std::optional<RivalRecord> rival_record_of(JsonView object, const std::string& kind) {
  RivalRecord rival{.kind = kind,
                    .name = std::string{text_field(object, {"metadata", "name"})},
                    .target_api_version = std::string{text_field(object, {"spec", "scaleTargetRef", "apiVersion"})},
                    .target_kind = std::string{text_field(object, {"spec", "scaleTargetRef", "kind"})},
                    .target_name = std::string{text_field(object, {"spec", "scaleTargetRef", "name"})}};
  if (rival.target_name.empty()) return std::nullopt;
  // KEDA's scaleTargetRef means a Deployment unless it says otherwise.
  if (rival.target_kind.empty()) rival.target_kind = "Deployment";
  const auto paused = field(object, {"metadata", "annotations", "autoscaling.keda.sh/paused"});
  std::string_view word;
  rival.is_paused = paused && !paused->get_string().get(word) && word == "true";
  return rival;
}

}  // namespace tidegate
