#include "serve/runtime/reload.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace tidegate {
namespace {

using ServicesByName = std::map<std::string_view, const ServiceSpec*>;

ServicesByName by_name(const FleetSpec& spec) {
  ServicesByName all;
  for (const auto& service : spec.services) all.emplace(service.name, &service);
  return all;
}

}  // namespace

Result<void> check_runnable(const FleetSpec& spec) {
  for (const auto& service : spec.services)
    for (const auto& pool : service.pools)
      if (service.mode == Mode::act && std::holds_alternative<std::monostate>(pool.target))
        return fail(ErrorKind::invalid,
                    fmt::format("pool {} of service {} has no target, so it can be simulated but not run; give it "
                                "`command:` or `target:`, or set `mode: shadow`",
                                pool.name, service.name));
  return {};
}

Result<Reload> plan_reload(const FleetSpec& running, FleetSpec wanted) {
  if (auto runnable = check_runnable(wanted); !runnable) return std::unexpected(runnable.error());
  Reload plan;
  auto present = by_name(running);
  for (const auto& service : wanted.services) {
    const auto found = present.extract(service.name);
    if (!found)
      plan.added.push_back(service.name);
    else if (*found.mapped() != service)
      plan.changed.push_back(service.name);
  }
  for (const auto& [name, service] : present) plan.removed.emplace_back(name);
  if (wanted.gateway != running.gateway) plan.at_next_start.emplace_back("gateway");
  if (wanted.api != running.api) plan.at_next_start.emplace_back("api");
  if (wanted.keda != running.keda) plan.at_next_start.emplace_back("keda");
  if (wanted.external_metrics != running.external_metrics) plan.at_next_start.emplace_back("external_metrics");
  if (wanted.machine != running.machine) plan.at_next_start.emplace_back("machine");
  if (wanted.kubernetes != running.kubernetes) plan.at_next_start.emplace_back("kubernetes");
  if (wanted.control.history != running.control.history) plan.at_next_start.emplace_back("control.history");
  wanted.gateway = running.gateway;
  wanted.api = running.api;
  wanted.keda = running.keda;
  wanted.external_metrics = running.external_metrics;
  wanted.machine = running.machine;
  wanted.kubernetes = running.kubernetes;
  wanted.control.history = running.control.history;
  plan.changes_rest = wanted.control.tick != running.control.tick || wanted.budget != running.budget;
  plan.spec = std::move(wanted);
  return plan;
}

}  // namespace tidegate
