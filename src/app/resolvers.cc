#include "app/resolvers.h"

#include "lab/sim/profiles.h"

namespace tidegate {

Resolvers app_resolvers() {
  Resolvers resolvers;
  resolvers.profile = [](std::string_view name) -> std::optional<CapacityHint> {
    const Profile* profile = find_profile(name);
    return profile == nullptr ? std::nullopt : std::optional{capacity_hint(*profile)};
  };
  resolvers.profile_names = profile_names;
  return resolvers;
}

}  // namespace tidegate
