#include "app/resolvers.h"

namespace tidegate {

Resolvers app_resolvers() { return {}; }

}  // namespace tidegate
