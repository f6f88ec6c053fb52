#include <algorithm>

#include "serve/config/configuration.h"
#include "serve/config/model_command.h"

namespace tidegate {

Result<FleetSpec> fleet_of_command(const std::vector<std::string>& command) {
  if (command.empty() || command[0].empty())
    return fail(ErrorKind::invalid,
                "no command is given; write it after `--`, as in `tidegate run -- vllm serve M --port {port}`");
  const bool has_port =
      std::any_of(command.begin(), command.end(), [](const auto& word) { return word.contains("{port}"); });
  if (!has_port)
    return fail(
        ErrorKind::invalid,
        "the command does not hold {port}, so every replica would use the same port; add for example `--port {port}`");
  const auto said = model_command(command);
  ServiceSpec service;
  service.name = service_name_of(said.model.value_or(command[0]));
  service.guardrails.replicas_min = Replicas{1};
  service.guardrails.replicas_max = replicas_max_default;
  service.match.models = {service.name};
  if (said.served && *said.served != service.name) service.match.models.push_back(*said.served);
  if (said.is_vllm) service.signals.preset = PresetSpec{};
  PoolSpec pool;
  pool.gpus = said.gpus;
  pool.target = ProcessTargetSpec{.command = command};
  service.pools.push_back(std::move(pool));
  FleetSpec fleet;
  fleet.services.push_back(std::move(service));
  return fleet;
}

}  // namespace tidegate
