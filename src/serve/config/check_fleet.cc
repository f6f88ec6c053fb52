// Errors between settings: each alone is fine, together they cannot be.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "serve/config/listen_address.h"
#include "serve/config/read_parts.h"

namespace tidegate {
namespace {

std::string service_path(std::size_t service, std::string_view key) {
  return fmt::format("services.{}.{}", service, key);
}

void check_names(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  std::set<std::string_view> services;
  for (std::size_t i = 0; i < fleet.services.size(); ++i) {
    const auto& service = fleet.services[i];
    if (!service.name.empty() && !services.insert(service.name).second)
      problems.error("duplicate_name", place_of(root, service_path(i, "name")),
                     fmt::format("two services are named `{}`", service.name), "give each service a name of its own");
    std::set<std::string_view> pools;
    for (std::size_t j = 0; j < service.pools.size(); ++j)
      if (!pools.insert(service.pools[j].name).second)
        problems.error("duplicate_name", place_of(root, pool_path(root, i, j, "name")),
                       fmt::format("two pools of `{}` are named `{}`", service.name, service.pools[j].name),
                       "give each pool a name of its own");
  }
}

// The models a service answers to, as the router understands it.
std::vector<std::string> models_of(const ServiceSpec& service) {
  if (service.match.models.empty() && !service.match.host && !service.match.path) return {service.name};
  return service.match.models;
}

// Host, path and model that a service answers to; an empty model is every model.
using MatchKey = std::tuple<std::optional<std::string>, std::optional<std::string>, std::string>;

void check_matches(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  std::map<MatchKey, std::size_t> owners;
  for (std::size_t i = 0; i < fleet.services.size(); ++i) {
    const auto& mine = fleet.services[i];
    auto models = models_of(mine);
    if (models.empty()) models.emplace_back();
    for (const auto& model : models) {
      const auto [owner, is_new] = owners.try_emplace({mine.match.host, mine.match.path, model}, i);
      const auto& other = fleet.services[owner->second];
      if (is_new || mine.name == other.name) continue;  // two of one name have been reported already
      problems.error("overlapping_match", place_of(root, service_path(i, "match")),
                     model.empty()
                         ? fmt::format("`{}` and `{}` match the same requests", mine.name, other.name)
                         : fmt::format("`{}` and `{}` both match the model `{}`", mine.name, other.name, model),
                     "let each request match one service: change `match:` of one of them");
      break;
    }
  }
}

void check_sizes(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  const auto machine_gpus = fleet.machine.gpus ? std::optional{fleet.machine.gpus->size()} : std::nullopt;
  for (std::size_t i = 0; i < fleet.services.size(); ++i) {
    const auto& service = fleet.services[i];
    const auto low = service.guardrails.replicas_min.value(), high = service.guardrails.replicas_max.value();
    if (low > high)
      problems.error("min_above_max", place_of(root, service_path(i, "replicas.min")),
                     fmt::format("`min` is {} and `max` is {}", low, high), "raise `max` or lower `min`");
    for (std::size_t j = 0; j < service.pools.size(); ++j) {
      const auto& pool = service.pools[j];
      const bool local = std::holds_alternative<ProcessTargetSpec>(pool.target);
      if (local && machine_gpus && static_cast<std::size_t>(pool.gpus) > *machine_gpus)
        problems.error("pool_cannot_fit", place_of(root, pool_path(root, i, j, "gpus")),
                       fmt::format("a replica of `{}` wants {} GPUs, and `machine.gpus` lists {}", service.name,
                                   pool.gpus, *machine_gpus),
                       "lower `gpus`, or list more GPUs");
      if (pool.gpus > 1 && pool.gpu_memory)
        problems.error("shared_and_whole", place_of(root, pool_path(root, i, j, "gpu_memory")),
                       "a replica takes several whole GPUs or shares one, not both", "remove `gpu_memory` or `gpus`");
      if (!pool.gpu_share) continue;
      const auto at = place_of(root, pool_path(root, i, j, "gpu_share"));
      if (local)
        problems.error("share_of_process", at, "a process has no share of a GPU that others divide",
                       "write `gpu_memory`: what a replica takes of a GPU's memory");
      else if (pool.gpus > 0 || pool.gpu_memory)
        problems.error("shared_and_whole", at, "a replica takes whole GPUs or a share of one, not both",
                       "remove `gpu_share`, or `gpus` and `gpu_memory`");
    }
  }
}

bool sees_admission(const ServiceSpec& service) {
  if (service.signals.traffic) return true;
  if (service.mode == Mode::act) return true;  // its requests come through our gateway
  return std::all_of(service.pools.begin(), service.pools.end(),
                     [](const PoolSpec& pool) { return std::holds_alternative<std::monostate>(pool.target); });
}

void check_scale_to_zero(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  for (std::size_t i = 0; i < fleet.services.size(); ++i) {
    const auto& service = fleet.services[i];
    if (service.guardrails.replicas_min.value() > 0 || sees_admission(service)) continue;
    const auto path = place_of(root, service_path(i, "replicas"));
    const bool given = place_of(root, service_path(i, "replicas")) != place_of(root, fmt::format("services.{}", i));
    problems.error(
        "min_zero_without_admission", given ? place_of(root, service_path(i, "replicas.min")) : path,
        fmt::format("`{}` may go to zero replicas, and at zero nothing would see a request arrive", service.name),
        "in shadow mode the gateway gets no requests: add `traffic:`, or set `replicas: {min: 1}`");
  }
}

// One door, and where its address stands.
struct Door {
  std::string_view name;
  std::string_view section;
  std::optional<ListenAddress> address;
  [[nodiscard]] std::string path() const { return fmt::format("{}.listen", section); }
};

std::vector<Door> read_doors(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  std::vector<Door> doors;
  const auto add = [&](std::string_view name, std::string_view section, const std::string& text) {
    doors.push_back({name, section, listen_address(text)});
    if (!doors.back().address)
      problems.error("bad_address", place_of(root, doors.back().path()),
                     fmt::format("`{}` is not an address to listen on", text),
                     "write host and port, as `127.0.0.1:8080` or `[::1]:8080`");
  };
  if (!fleet.services.empty()) add("gateway", "gateway", fleet.gateway.listen);  // an operator has none
  add("API", "api", fleet.api.listen);
  if (fleet.keda) add("KEDA scaler", "keda", fleet.keda->listen);
  if (fleet.external_metrics) add("external metrics API", "external_metrics", fleet.external_metrics->listen);
  return doors;
}

bool runs_processes(const FleetSpec& fleet) {
  return std::ranges::any_of(fleet.services, [](const ServiceSpec& service) {
    return std::ranges::any_of(
        service.pools, [](const PoolSpec& pool) { return std::holds_alternative<ProcessTargetSpec>(pool.target); });
  });
}

void check_listeners(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  const auto doors = read_doors(root, fleet, problems);
  for (std::size_t i = 0; i < doors.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (doors[i].address && doors[j].address && doors[i].address->conflicts_with(*doors[j].address))
        problems.error(
            "port_conflict", place_of(root, root.find(doors[i].section) ? doors[i].path() : doors[j].path()),
            fmt::format("the {} and the {} both want port {}", doors[j].name, doors[i].name, doors[i].address->port),
            "give one of them another port");
  const auto& api = std::ranges::find(doors, "api", &Door::section)->address;
  if (api && !api->is_loopback() && !fleet.api.token && !fleet.api.insecure)
    problems.error("api_open", place_of(root, "api.listen"),
                   fmt::format("the API would be open to everyone who reaches `{}`", fleet.api.listen),
                   "add `token: {file: /path}`, or say `insecure: true`");
  const auto& machine = fleet.machine;
  if (machine.port_first > machine.port_last)
    problems.error("min_above_max", place_of(root, "machine.port_first"),
                   fmt::format("the ports from {} to {} are none", machine.port_first, machine.port_last),
                   "`port_first` is the lower one");
  if (!runs_processes(fleet)) return;
  for (const auto& door : doors)
    if (door.address && door.address->port >= machine.port_first && door.address->port <= machine.port_last)
      problems.error("port_conflict", place_of(root, door.path()),
                     fmt::format("port {} is among those given to replicas ({} to {})", door.address->port,
                                 machine.port_first, machine.port_last),
                     "choose another port, or move `machine.port_first` and `port_last`");
}

void check_fallback(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  if (!fleet.external_metrics || !fleet.external_metrics->fallback) return;
  const auto& url = fleet.external_metrics->fallback->url;
  // Our own token goes there, so it must be kept from those on the way.
  const auto host = url.starts_with("https://") ? std::string_view{url}.substr(8) : std::string_view{};
  if (url.empty() || (!host.empty() && host.find_first_of("/?#@ ") == std::string_view::npos)) return;
  problems.error("bad_url", place_of(root, "external_metrics.fallback.url"),
                 fmt::format("`{}` is not the address of an adapter", url),
                 "write host and port only, as `https://keda-operator-metrics-apiserver.keda:443`");
}

void check_machine(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  if (!fleet.machine.gpus) return;
  std::set<std::int32_t> seen;
  for (std::size_t i = 0; i < fleet.machine.gpus->size(); ++i) {
    const auto index = (*fleet.machine.gpus)[i].index;
    if (!seen.insert(index).second)
      problems.error("duplicate_name", place_of(root, fmt::format("machine.gpus.{}", i)),
                     fmt::format("GPU {} is listed twice", index), "list each GPU once");
  }
}

// Two pools that write one size would undo each other's work for ever.
void check_workloads(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::string> owners;
  for (std::size_t i = 0; i < fleet.services.size(); ++i)
    for (std::size_t j = 0; j < fleet.services[i].pools.size(); ++j) {
      const auto& pool = fleet.services[i].pools[j];
      const auto* object = std::get_if<KubernetesTargetSpec>(&pool.target);
      if (object == nullptr) continue;
      const auto owner = fmt::format("{}, pool {}", fleet.services[i].name, pool.name);
      const auto [known, is_new] =
          owners.try_emplace({object->api_version, object->kind, object->name_space, object->name}, owner);
      if (!is_new)
        problems.error(
            "shared_workload", place_of(root, pool_path(root, i, j, "target")),
            fmt::format("{} {} is scaled by `{}` and by `{}`", object->kind, object->name, known->second, owner),
            "give each pool a workload of its own");
    }
}

void check_budget(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  std::int64_t price = 0;
  double gpus = 0;
  for (const auto& service : fleet.services) {
    if (service.pools.empty()) continue;
    const auto cheapest =
        std::min_element(service.pools.begin(), service.pools.end(), [](const auto& a, const auto& b) {
          return a.price.value_or(MicroUsdPerHour{0}) < b.price.value_or(MicroUsdPerHour{0});
        });
    price += cheapest->price.value_or(MicroUsdPerHour{0}).value() * service.guardrails.replicas_min.value();
    const auto least = std::min_element(service.pools.begin(), service.pools.end(),
                                        [](const auto& a, const auto& b) { return a.gpus_each() < b.gpus_each(); });
    gpus += least->gpus_each() * service.guardrails.replicas_min.value();
  }
  if (fleet.budget.price_max && price > fleet.budget.price_max->value())
    problems.error("budget_below_min", place_of(root, "budget.price_max"),
                   "the least replicas of all services cost more than the budget",
                   "raise the budget or lower `replicas: {min: ...}`");
  if (fleet.budget.gpus_max && gpus > *fleet.budget.gpus_max + 1e-9)
    problems.error("budget_below_min", place_of(root, "budget.gpus_max"),
                   fmt::format("the least replicas of all services take {:.4g} GPUs, and the budget is {}", gpus,
                               *fleet.budget.gpus_max),
                   "raise the budget or lower `replicas: {min: ...}`");
}

}  // namespace

std::string pool_path(const YamlNode& root, std::size_t service, std::size_t pool, std::string_view key) {
  const auto* services = root.find("services");
  const bool listed = services && service < services->items.size() && services->items[service].find("pools");
  return listed ? fmt::format("services.{}.pools.{}.{}", service, pool, key) : service_path(service, key);
}

void check_fleet(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  check_names(root, fleet, problems);
  check_matches(root, fleet, problems);
  check_sizes(root, fleet, problems);
  check_scale_to_zero(root, fleet, problems);
  check_listeners(root, fleet, problems);
  check_fallback(root, fleet, problems);
  check_machine(root, fleet, problems);
  check_workloads(root, fleet, problems);
  check_budget(root, fleet, problems);
}

}  // namespace tidegate
