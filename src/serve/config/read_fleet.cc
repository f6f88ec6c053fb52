#include <fmt/format.h>

#include "serve/config/read_parts.h"

namespace tidegate {
namespace {

MachineSpec read_machine(const YamlNode& node, ReadContext context) {
  MachineSpec machine;
  SettingsReader reader(node, machine_section, context.problems);
  if (const auto* gpus = reader.node("gpus")) {
    machine.gpus.emplace();
    if (gpus->kind != YamlKind::list) reader.wrong_form(*gpus, "gpus", "a list", "write `gpus: [0, 1]`");
    const auto& index = reader.setting("gpus").detail.shapes[0].detail.shapes[0];
    for (const auto& item : gpus->items) {
      GpuSpec gpu;
      if (item.kind == YamlKind::map) {
        SettingsReader one(item, gpu_section, context.problems);
        one.read("index", gpu.index);
        one.read("memory", gpu.memory);
      } else if (!reader.read_into(item, index, gpu.index)) {
        continue;
      }
      machine.gpus->push_back(gpu);
    }
  }
  reader.read("port_first", machine.port_first);
  reader.read("port_last", machine.port_last);
  reader.read("state_directory", machine.state_directory);
  return machine;
}

GatewaySpec read_gateway(const YamlNode& node, ReadContext context) {
  GatewaySpec gateway;
  SettingsReader reader(node, gateway_section, context.problems);
  reader.read("listen", gateway.listen);
  reader.read("link", gateway.link);
  reader.read("connections_max", gateway.connections_max);
  reader.read("idle_timeout", gateway.idle_timeout);
  reader.read("header_timeout", gateway.header_timeout);
  reader.read("body_max", gateway.body_max);
  reader.read("trust_forwarded", gateway.trust_forwarded);
  return gateway;
}

ApiSpec read_api(const YamlNode& node, ReadContext context) {
  ApiSpec api;
  SettingsReader reader(node, api_section, context.problems);
  reader.read("listen", api.listen);
  reader.read("token", api.token);
  reader.read("insecure", api.insecure);
  return api;
}

ControlSpec read_control(const YamlNode& node, ReadContext context) {
  ControlSpec control;
  SettingsReader reader(node, control_section, context.problems);
  reader.read("tick", control.tick);
  reader.read("history", control.history);
  return control;
}

BudgetSpec read_budget(const YamlNode& node, ReadContext context) {
  BudgetSpec budget;
  SettingsReader reader(node, budget_section, context.problems);
  reader.read("price_max", budget.price_max);
  reader.read("gpus_max", budget.gpus_max);
  return budget;
}

}  // namespace

FleetSpec read_fleet(const YamlNode& root, ReadContext context) {
  FleetSpec fleet;
  SettingsReader reader(root, fleet_section, context.problems);
  if (const auto* services = reader.node("services")) {
    if (services->kind != YamlKind::list)
      reader.wrong_form(*services, "services", "a list", "begin each service with `- name: NAME`");
    else if (services->items.empty())
      context.problems.error("wrong_form", services->at, "`services` is an empty list", "add a service");
    if (services->kind == YamlKind::list)
      for (const auto& item : services->items) fleet.services.push_back(read_service(item, context));
  }
  if (const auto* machine = reader.node("machine")) fleet.machine = read_machine(*machine, context);
  if (const auto* gateway = reader.node("gateway")) fleet.gateway = read_gateway(*gateway, context);
  if (const auto* api = reader.node("api")) fleet.api = read_api(*api, context);
  if (const auto* control = reader.node("control")) fleet.control = read_control(*control, context);
  if (const auto* budget = reader.node("budget")) fleet.budget = read_budget(*budget, context);
  return fleet;
}

}  // namespace tidegate
