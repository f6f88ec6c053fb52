#include "serve/scale_metrics/service_choice.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {

ServiceChoice::ServiceChoice(std::string_view name, std::string_view name_space, ServiceNames names)
    : in_namespace_(fmt::format("{}.{}", name, name_space)), plain_(names == ServiceNames::plain ? name : "") {}

const ServiceView* ServiceChoice::named(const FleetView& view, const std::string& name, std::size_t& place) const {
  const auto& services = view.services;
  if (place < services.size() && services[place].spec->name == name) return &services[place];
  const auto found = std::ranges::find(services, name, [](const auto& one) -> const auto& { return one.spec->name; });
  if (found == services.end()) return nullptr;
  place = static_cast<std::size_t>(found - services.begin());
  return &*found;
}

const ServiceView* ServiceChoice::find(const FleetView& view) {
  if (const auto* found = named(view, in_namespace_, in_namespace_at_)) return found;
  return plain_.empty() ? nullptr : named(view, plain_, plain_at_);
}

std::string ServiceChoice::missing() const {
  return plain_.empty() ? fmt::format("no service '{}'", in_namespace_)
                        : fmt::format("no service '{}' or '{}'", in_namespace_, plain_);
}

}  // namespace tidegate
