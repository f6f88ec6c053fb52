// The requests a service holds, being served or waiting, as peers see them that measure at the proxy and in the
// replicas. At zero replicas there is only the proxy. A measurement that failed is no zero.
#pragma once

#include "core/model/observation.h"

namespace tidegate {

[[nodiscard]] Reading ongoing_reading(const Observation& seen);

}  // namespace tidegate
