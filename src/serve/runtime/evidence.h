// Whether a decision rested on something that was measured. Where it did not, its rates are no numbers to hand out.
#pragma once

#include "core/model/decision.h"

namespace tidegate {

// Something usable said how much load there is.
[[nodiscard]] bool has_evidence(const Decision& decision);

}  // namespace tidegate
