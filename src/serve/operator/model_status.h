// What the operator says of a ScaledModel: sizes, pools, conditions and newest changes at one tick, as `status` of the
// custom resource has them (serve/resource/resource_status.cc is its schema). Pure.
//
// Two kinds of content, told apart so that a fleet at rest writes nothing (serve/operator/status_plan.h):
//   facts  size, pools, conditions, changes     written as soon as they differ
//   drift  band, newest decision, attainment,   move with the traffic and are written now and then
//          peers, leader
// Instants are whole seconds, as Kubernetes writes them, and numbers are rounded, so that what was written and what is
// wanted can be compared. What was not measured is left out, which is not 0.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/model/decision.h"
#include "core/model/service_spec.h"
#include "edge/kubernetes/json_fields.h"

namespace tidegate {

enum class ModelConditionType : std::uint8_t {
  ready,              // the spec is valid and its workloads were found
  metrics_available,  // the signals are fresh
  scaling_active,     // decisions are carried out
  limited,            // a bound, a budget or the cluster keeps it from the size it wants
  fallback,           // it holds because measurements are missing
  paused,
  conflict,  // somebody else writes the size too
};
template <>
inline constexpr auto enum_texts<ModelConditionType> = std::to_array<EnumText<ModelConditionType>>({
    {ModelConditionType::ready, "Ready"},
    {ModelConditionType::metrics_available, "MetricsAvailable"},
    {ModelConditionType::scaling_active, "ScalingActive"},
    {ModelConditionType::limited, "Limited"},
    {ModelConditionType::fallback, "Fallback"},
    {ModelConditionType::paused, "Paused"},
    {ModelConditionType::conflict, "Conflict"},
});

struct ModelCondition {
  ModelConditionType type = ModelConditionType::ready;
  bool holds = false;
  std::string reason;   // one word
  std::string message;  // a sentence without numbers that move
  Instant since{};      // when `holds` last changed
  friend bool operator==(const ModelCondition&, const ModelCondition&) = default;
};

struct ModelPool {
  std::string name;
  std::optional<std::int32_t> desired;  // none: nothing was decided yet
  std::int32_t requested = 0, starting = 0, loading = 0, ready = 0, draining = 0, failed = 0, unschedulable = 0;
  std::string message;  // what keeps it from the size decided
  friend bool operator==(const ModelPool&, const ModelPool&) = default;
};

struct ModelChange {
  Instant at{};
  std::int32_t from = 0, to = 0;
  Verdict verdict = Verdict::hold;
  std::string reason;
  std::string message;
  friend bool operator==(const ModelChange&, const ModelChange&) = default;
};

struct ModelDecision {
  Instant at{};  // since when verdict and reason are these
  Verdict verdict = Verdict::hold;
  std::string reason;
  std::string message;
  std::optional<Instant> until;
  friend bool operator==(const ModelDecision&, const ModelDecision&) = default;
};

struct ModelBand {
  double floor = 0, ceiling = 0;
  std::string floor_reason, ceiling_reason;
  friend bool operator==(const ModelBand&, const ModelBand&) = default;
};

struct ModelPeer {
  std::string policy;
  std::int32_t replicas = 0;
  friend bool operator==(const ModelPeer&, const ModelPeer&) = default;
};

struct ModelFacts {
  std::int64_t generation = 0;  // metadata.generation that this is said of
  std::optional<Mode> mode;     // none: the spec was never valid
  std::optional<std::int32_t> desired, ready;
  std::vector<ModelPool> pools;
  std::vector<ModelCondition> conditions;
  std::vector<ModelChange> changes;  // the newest first
  friend bool operator==(const ModelFacts&, const ModelFacts&) = default;
};

struct ModelDrift {
  std::optional<ModelBand> band;
  std::optional<ModelDecision> decision;
  std::optional<double> attainment;  // share of requests, to a thousandth
  std::vector<ModelPeer> peers;
  std::string leader;
  std::int64_t epoch = 0;
  friend bool operator==(const ModelDrift&, const ModelDrift&) = default;
};

struct ModelStatus {
  ModelFacts facts;
  ModelDrift drift;
  friend bool operator==(const ModelStatus&, const ModelStatus&) = default;
};

inline constexpr std::size_t model_changes_max = 10;

[[nodiscard]] const ModelCondition* find_condition(const ModelStatus& status, ModelConditionType type);

// The `status` object, and back: what was never written, or by something else, is nothing.
[[nodiscard]] Json status_json(const ModelStatus& status);
[[nodiscard]] ModelStatus parse_status(const Json& status);

}  // namespace tidegate
