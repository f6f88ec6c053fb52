#include "serve/runtime/reload.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

const ServiceSpec* find(const FleetSpec& spec, const std::string& name) {
  const auto found = std::ranges::find(spec.services, name, &ServiceSpec::name);
  return found == spec.services.end() ? nullptr : &*found;
}

bool same_sources(const FleetSpec& one, const FleetSpec& other) {
  return std::ranges::equal(one.services, other.services, [](const ServiceSpec& a, const ServiceSpec& b) {
    return a.name == b.name && a.signals == b.signals;
  });
}

}  // namespace

Result<void> check_runnable(const FleetSpec& spec) {
  if (spec.services.empty())
    return fail(ErrorKind::invalid, "the configuration has no services; add one under `services:`");
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
  for (const auto& service : wanted.services) {
    const auto* present = find(running, service.name);
    if (present == nullptr)
      plan.added.push_back(service.name);
    else if (*present != service)
      plan.changed.push_back(service.name);
  }
  for (const auto& service : running.services)
    if (find(wanted, service.name) == nullptr) plan.removed.push_back(service.name);
  if (wanted.gateway != running.gateway) plan.at_next_start.emplace_back("gateway");
  if (wanted.api != running.api) plan.at_next_start.emplace_back("api");
  if (wanted.machine != running.machine) plan.at_next_start.emplace_back("machine");
  if (wanted.control.history != running.control.history) plan.at_next_start.emplace_back("control.history");
  wanted.gateway = running.gateway;
  wanted.api = running.api;
  wanted.machine = running.machine;
  wanted.control.history = running.control.history;
  plan.changes_rest = wanted.control.tick != running.control.tick || wanted.budget != running.budget;
  plan.changes_sources = !same_sources(running, wanted);
  plan.spec = std::move(wanted);
  return plan;
}

}  // namespace tidegate
