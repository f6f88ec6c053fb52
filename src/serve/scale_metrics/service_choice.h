// Which service a name means to somebody who asks from a namespace. An operator's services are named NAME.NAMESPACE:
// who asks there sees those of its own namespace and no others. The services of one configuration file have plain
// names, which NAME.NAMESPACE precedes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "serve/runtime/control_panel.h"

namespace tidegate {

enum class ServiceNames : std::uint8_t {
  plain,       // NAME.NAMESPACE if there is one, else NAME
  namespaced,  // NAME.NAMESPACE only
};

// Asked again and again of views that seldom change their order: remembers where the service stood.
class ServiceChoice {
 public:
  ServiceChoice(std::string_view name, std::string_view name_space, ServiceNames names);

  // Null: there is none in this view.
  [[nodiscard]] const ServiceView* find(const FleetView& view);
  // "no service 'chat.team-a' or 'chat'": what was looked for.
  [[nodiscard]] std::string missing() const;

 private:
  [[nodiscard]] const ServiceView* named(const FleetView& view, const std::string& name, std::size_t& place) const;

  std::string in_namespace_;
  std::string plain_;  // empty: does not count
  std::size_t in_namespace_at_ = 0, plain_at_ = 0;
};

}  // namespace tidegate
