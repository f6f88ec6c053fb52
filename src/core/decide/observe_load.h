// First stage: what load is there, and whether anything fresh says so.
//
// Arrivals are measured, or derived: completions + change of (in flight + queued), never below zero (a replica that
// vanished takes its requests with it), and marked derived. Missing is not zero: without a fresh count or concurrency
// there is no evidence, and `quality` names what is missing.
//
// Also measured here: the residence by Little's law (in flight * seconds / completions over about two minutes), and
// the variability of arrivals: variance over mean of ten-second counts, over about ten minutes; the variance is half
// the mean squared difference of neighbours (von Neumann 1941), which a changing level does not inflate.
#pragma once

#include "core/decide/plan.h"

namespace tidegate {

[[nodiscard]] Demand observe_load(LoadMemory& memory, const Observation& seen, Duration interval);

}  // namespace tidegate
