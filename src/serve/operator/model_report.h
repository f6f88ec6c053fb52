// Turns what one tick saw and decided of a service into the status of its ScaledModel. Pure.
//
// `before` is the status as it stands in the cluster: when a condition last changed, since when a decision holds and
// which changes there were is carried over from it, also from another operator's.
//
// A change is noted when the size decided differs from the one of `before` and the decision was to raise, lower or
// move; a size that somebody else set and we took over is none of ours.
#pragma once

#include <string>

#include "serve/operator/model_status.h"
#include "serve/runtime/control_panel.h"

namespace tidegate {

// What is known of a ScaledModel beside the tick.
struct ModelContext {
  std::int64_t generation = 0;  // of the object as it is now
  std::string refusal = {};     // why that generation is not carried out, with what to do; empty: it is
  std::string refusal_reason = "invalid";
  std::string leader = {};  // who writes this
  std::int64_t epoch = 0;
};

[[nodiscard]] ModelStatus report_model(const ServiceView& view, const ModelContext& context, const ModelStatus& before);

// Of an operator that has just begun: nothing was measured yet, and what was last reported of this very spec stands. A
// fleet taken over is so not reported on twice, as unmeasured and then as measured.
[[nodiscard]] bool waits_for_evidence(const ServiceView& view, const ModelContext& context, const ModelStatus& before);

// Of a ScaledModel that no valid spec is known of: nothing is decided for it, and nothing is touched.
[[nodiscard]] ModelStatus report_refused(const ModelContext& context, const ModelStatus& before, Instant now);

}  // namespace tidegate
