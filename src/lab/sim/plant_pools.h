// How the replicas of a service behave where nothing better is known: as its configuration says they do.
//
//   capacity.profile        an LLM engine of that profile
//   capacity: slots, service    slots, each request `service` long
//   neither                 8 slots of 1 s
//   startup                 the load, 60 s where not given, jittered by a fifth
//
// A text of KEY=VALUE pairs changes any of it: "slots=16,service=800ms", "batch=8,base=20ms,slope=2ms,delay=5ms",
// "profile=llama-3.1-8b-h100,provision=30s,load=20s,loads_at_once=2,failures_per_hour=0.01".
#pragma once

#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/model/service_spec.h"
#include "lab/sim/plant.h"

namespace tidegate {

[[nodiscard]] std::vector<PlantPool> plant_pools(const ServiceSpec& service);

// Changes what the text names.
[[nodiscard]] Result<void> read_replica_text(std::string_view text, PlantPool& pool);

}  // namespace tidegate
