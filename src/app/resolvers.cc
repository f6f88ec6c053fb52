#include "app/resolvers.h"

namespace tidegate {

Resolvers app_resolvers() { return system_resolvers(); }

}  // namespace tidegate
