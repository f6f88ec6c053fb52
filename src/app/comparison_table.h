// A comparison for a person: the bounds, every run, and what each policy costs at equal attainment.
#pragma once

#include <string>

#include "app/terminal.h"
#include "lab/sweep/comparison.h"

namespace tidegate {

[[nodiscard]] std::string comparison_table(const Comparison& comparison, const Terminal& terminal);

}  // namespace tidegate
