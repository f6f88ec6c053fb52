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

KedaSpec read_keda_door(const YamlNode& node, ReadContext context) {
  KedaSpec keda;
  SettingsReader reader(node, keda_section, context.problems);
  reader.read("listen", keda.listen);
  if (const auto* tls = reader.node("tls")) {
    SettingsReader files(*tls, keda_tls_section, context.problems);
    keda.tls.emplace();
    files.read("certificate", keda.tls->certificate);
    files.read("key", keda.tls->key);
    files.read("client_authorities", keda.tls->client_authorities);
  }
  return keda;
}

ExternalMetricsSpec read_external_metrics(const YamlNode& node, ReadContext context) {
  ExternalMetricsSpec metrics;
  SettingsReader reader(node, external_metrics_section, context.problems);
  reader.read("listen", metrics.listen);
  if (const auto* tls = reader.node("tls")) {
    SettingsReader files(*tls, certificate_section, context.problems);
    metrics.tls.emplace();
    files.read("certificate", metrics.tls->certificate);
    files.read("key", metrics.tls->key);
  }
  if (const auto* fallback = reader.node("fallback")) {
    SettingsReader adapter(*fallback, metrics_fallback_section, context.problems);
    metrics.fallback.emplace();
    adapter.read("url", metrics.fallback->url);
    adapter.read("authorities", metrics.fallback->authorities);
  }
  return metrics;
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

KubernetesSpec read_cluster(const YamlNode& node, ReadContext context) {
  KubernetesSpec cluster;
  SettingsReader reader(node, cluster_section, context.problems);
  reader.read("kubeconfig", cluster.kubeconfig);
  reader.read("context", cluster.context);
  return cluster;
}

// Everything but the services.
FleetSpec read_surroundings(SettingsReader& reader, ReadContext context) {
  FleetSpec fleet;
  if (const auto* machine = reader.node("machine")) fleet.machine = read_machine(*machine, context);
  if (const auto* gateway = reader.node("gateway")) fleet.gateway = read_gateway(*gateway, context);
  if (const auto* api = reader.node("api")) fleet.api = read_api(*api, context);
  if (const auto* keda = reader.node("keda")) fleet.keda = read_keda_door(*keda, context);
  if (const auto* metrics = reader.node("external_metrics"))
    fleet.external_metrics = read_external_metrics(*metrics, context);
  if (const auto* control = reader.node("control")) fleet.control = read_control(*control, context);
  if (const auto* budget = reader.node("budget")) fleet.budget = read_budget(*budget, context);
  if (const auto* cluster = reader.node("kubernetes")) fleet.kubernetes = read_cluster(*cluster, context);
  return fleet;
}

}  // namespace

FleetSpec read_operator(const YamlNode& root, ReadContext context) {
  SettingsReader reader(root, operator_section, context.problems);
  return read_surroundings(reader, context);
}

FleetSpec read_fleet(const YamlNode& root, ReadContext context) {
  SettingsReader reader(root, fleet_section, context.problems);
  FleetSpec fleet = read_surroundings(reader, context);
  if (const auto* services = reader.node("services")) {
    if (services->kind != YamlKind::list)
      reader.wrong_form(*services, "services", "a list", "begin each service with `- name: NAME`");
    else if (services->items.empty())
      context.problems.error("wrong_form", services->at, "`services` is an empty list", "add a service");
    if (services->kind == YamlKind::list)
      for (const auto& item : services->items) fleet.services.push_back(read_service(item, context));
  }
  return fleet;
}

}  // namespace tidegate
