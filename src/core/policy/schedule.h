// Windows of the calendar: while one is open its `min` is the floor and its `max`, if given, caps every policy beside
// it. A window is open when its `start` fired later than its `end`; of several open ones the largest floor and the
// smallest cap count. Knows nothing of load: what it does not ask for it does not mind losing.
#pragma once

#include "core/policy/policy.h"

namespace tidegate {

[[nodiscard]] Proposal propose(const SchedulePolicy& policy, const PolicyInput& input);

}  // namespace tidegate
