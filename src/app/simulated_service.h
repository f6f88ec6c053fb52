// The options by which `simulate`, `compare` and `tune` say which service is played: a configuration, or flags alone.
#pragma once

#include <string>
#include <vector>

#include "app/command.h"
#include "core/model/service_spec.h"
#include "lab/sim/plant.h"

namespace tidegate {

struct SimulatedService {
  ServiceSpec spec;
  std::vector<PlantPool> pools;
};

// --config, --service, --replicas, --slo, --replica, --cold-start.
[[nodiscard]] std::vector<Option> service_options();
// The services of the configuration, or the one of the flags. Their policies are as configured.
[[nodiscard]] Result<std::vector<SimulatedService>> read_services(const Arguments& given);

// A policy by its name, with its defaults, or as the text of the configuration's `policy:`.
[[nodiscard]] Result<std::vector<PolicySpec>> read_policy_text(const std::string& text);

}  // namespace tidegate
