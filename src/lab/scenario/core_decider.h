// The decider of the product: the one pure function of core/decide and the state it keeps.
#pragma once

#include <memory>

#include "lab/scenario/decider.h"

namespace tidegate {

[[nodiscard]] std::unique_ptr<Decider> core_decider();

}  // namespace tidegate
