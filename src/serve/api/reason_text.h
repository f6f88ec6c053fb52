// What each reason means and what an operator can do about it: one table, one sentence each. Explanations, the API,
// the dashboard and docs/reference/reasons.md are all written from it.
#pragma once

#include <string>
#include <string_view>

#include "core/model/reason.h"

namespace tidegate {

struct ReasonText {
  Reason reason = Reason::steady;
  std::string_view meaning;  // a sentence
  std::string_view advice;   // a sentence: what can be done, or that nothing need be
};

[[nodiscard]] const ReasonText& reason_text(Reason reason);

// docs/reference/reasons.md, as it has to be.
[[nodiscard]] std::string reasons_reference();

}  // namespace tidegate
