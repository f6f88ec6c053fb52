// What a configuration may name that stands elsewhere, as this program has it: time zones and profiles.
#pragma once

#include "serve/config/configuration.h"

namespace tidegate {

[[nodiscard]] Resolvers app_resolvers();

}  // namespace tidegate
