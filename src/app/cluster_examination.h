// The part of `tidegate doctor` that asks a Kubernetes API server: whether it can be reached, whether the workloads of
// the configuration are there, whether somebody else scales them, and which permissions are missing.
#pragma once

#include "app/examination.h"
#include "core/model/fleet_spec.h"

namespace tidegate {

// Says nothing about a fleet without Kubernetes targets.
void examine_cluster(Examination& on, const FleetSpec& fleet);

}  // namespace tidegate
