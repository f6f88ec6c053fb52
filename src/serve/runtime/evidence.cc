#include "serve/runtime/evidence.h"

namespace tidegate {

bool has_evidence(const Decision& decision) {
  for (const auto& stage : decision.stages)
    if (stage.stage == Stage::observe)
      return stage.reason != Reason::no_data && stage.reason != Reason::signals_stale &&
             stage.reason != Reason::signals_error;
  return decision.reason != Reason::no_data;
}

}  // namespace tidegate
