// Every policy behind one call: the closed set of specs (core/model/policy_spec.h) and of their memories.
#pragma once

#include <variant>

#include "core/model/policy_spec.h"
#include "core/policy/peers/aibrix.h"
#include "core/policy/peers/aws_predictive.h"
#include "core/policy/peers/aws_step.h"
#include "core/policy/peers/aws_target_tracking.h"
#include "core/policy/peers/dynamo.h"
#include "core/policy/peers/gcp.h"
#include "core/policy/peers/hpa.h"
#include "core/policy/peers/keda.h"
#include "core/policy/peers/keep_alive.h"
#include "core/policy/peers/knative.h"
#include "core/policy/peers/nomad.h"
#include "core/policy/peers/ray_serve.h"
#include "core/policy/peers/sagemaker.h"
#include "core/policy/peers/wva.h"
#include "core/policy/policy.h"
#include "core/policy/slo.h"
#include "core/policy/target.h"

namespace tidegate {

// Policies that remember nothing.
struct ScheduleMemory {
  friend bool operator==(const ScheduleMemory&, const ScheduleMemory&) = default;
};
struct StaticMemory {
  friend bool operator==(const StaticMemory&, const StaticMemory&) = default;
};

// In the order of PolicySpec.
// clang-format off
using PolicyMemory = std::variant<
    SloMemory,
    TargetMemory,
    ScheduleMemory,
    HpaMemory,
    KedaMemory,
    KnativeMemory,
    RayServeMemory,
    NomadMemory,
    AwsTargetTrackingMemory,
    AwsStepMemory,
    AwsPredictiveMemory,
    GcpMemory,
    SageMakerMemory,
    DynamoMemory,
    WvaMemory,
    AibrixMemory,
    KeepAliveMemory,
    StaticMemory>;
// clang-format on
static_assert(std::variant_size_v<PolicyMemory> == std::variant_size_v<PolicySpec>);

// A memory of another policy (the configuration changed) is replaced by an empty one.
[[nodiscard]] Proposal propose(const PolicySpec& policy, PolicyMemory& memory, const PolicyInput& input);

}  // namespace tidegate
