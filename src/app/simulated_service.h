// The options by which `simulate`, `compare` and `tune` say which service is played: a configuration, or flags alone.
#pragma once

#include <string>
#include <vector>

#include "app/command.h"
#include "core/model/fleet_spec.h"
#include "lab/sim/plant.h"
#include "lab/sim/recorded_load.h"

namespace tidegate {

struct SimulatedService {
  ServiceSpec spec;
  std::vector<PlantPool> pools;
};

// --config, --service, --replicas, --slo, --replica, --cold-start.
[[nodiscard]] std::vector<Option> service_options();
struct SimulatedFleet {
  std::vector<SimulatedService> services;
  BudgetSpec budget;  // that they share
};
// The services of the configuration, or the one of the flags. Their policies are as configured.
[[nodiscard]] Result<SimulatedFleet> read_simulated_fleet(const Arguments& given);
// ... each by itself.
[[nodiscard]] Result<std::vector<SimulatedService>> read_services(const Arguments& given);

// The one that the flags describe, before they are read: nothing is known of its replicas.
[[nodiscard]] ServiceSpec plain_service_spec();

// Where what is said of a replica comes from.
enum class ReplicaSource : std::uint8_t { assumed, recorded, given };
struct ReplicaSources {
  ReplicaSource slots = ReplicaSource::assumed;
  ReplicaSource service = ReplicaSource::assumed;
  ReplicaSource cold_start = ReplicaSource::assumed;
};
struct RecordedService {
  SimulatedService service;
  ReplicaSources sources;  // of the first pool
};
// A service of which more is known than what is configured. What the flags or the configuration say of its replicas
// counts; else what was recorded of them; else what is usual. A plain one's policy believes it as well.
[[nodiscard]] Result<RecordedService> read_recorded_service(const Arguments& given, ServiceSpec spec, bool is_plain,
                                                            const RecordedReplica& recorded);

}  // namespace tidegate
