#include <fmt/format.h>
#include <fmt/ranges.h>

#include "serve/config/configuration.h"
#include "serve/config/quantities.h"

namespace tidegate {
namespace {

std::string objectives(const Slo& slo) {
  std::vector<std::string> parts;
  for (const auto& objective : slo.objectives)
    parts.push_back(fmt::format("{} {}", objective.name(), exact_text(objective.bound)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string policies(const std::vector<PolicySpec>& specs) {
  std::vector<std::string_view> names;
  for (const auto& spec : specs) names.push_back(policy_name(spec));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string target_text(const TargetSpec& target) {
  if (const auto* process = std::get_if<ProcessTargetSpec>(&target))
    return fmt::format("runs `{}`", fmt::join(process->command, " "));
  if (const auto* object = std::get_if<KubernetesTargetSpec>(&target))
    return fmt::format("scales {} {}{}{}", object->kind, object->name_space, object->name_space.empty() ? "" : "/",
                       object->name);
  return "no target: to simulate only";
}

std::string pool_line(const PoolSpec& pool) {
  std::vector<std::string> parts;
  if (pool.gpus > 0) parts.push_back(fmt::format("{} GPU{}", pool.gpus, pool.gpus == 1 ? "" : "s"));
  if (pool.gpu_share) parts.push_back(fmt::format("{:.4g} of a GPU", *pool.gpu_share));
  if (pool.gpu_memory) parts.push_back(fmt::format("{} of GPU memory", exact_text(*pool.gpu_memory)));
  if (pool.price) parts.push_back(exact_text(*pool.price));
  if (pool.startup) parts.push_back(fmt::format("starts in {}", exact_text(*pool.startup)));
  if (!pool.capacity.profile.empty()) parts.push_back(fmt::format("profile {}", pool.capacity.profile));
  parts.push_back(target_text(pool.target));
  return fmt::format("  pool {}: {}\n", pool.name, fmt::join(parts, ", "));
}

}  // namespace

std::string summary(const ServiceSpec& service) {
  auto text = fmt::format("service {} ({})\n", service.name, to_text(service.mode));
  text += fmt::format("  promises {}; {} to {} replicas; policy {}{}\n", objectives(service.slo),
                      service.guardrails.replicas_min.value(), service.guardrails.replicas_max.value(),
                      policies(service.policies),
                      service.compare_with.empty() ? "" : fmt::format(", beside {}", policies(service.compare_with)));
  for (const auto& pool : service.pools) text += pool_line(pool);
  return text;
}

std::string summary(const FleetSpec& fleet) {
  std::string text;
  for (const auto& service : fleet.services) text += summary(service);
  return text + fmt::format("gateway {}, api {}, a decision each {}\n", fleet.gateway.listen, fleet.api.listen,
                            exact_text(fleet.control.tick));
}

}  // namespace tidegate
