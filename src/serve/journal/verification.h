// Executes the observations of a journal again and compares every decision with the one made then.
//
// A service starts without a memory when the journal holds its ticks from the first one on, else from its newest
// checkpoint: nothing before that can be repeated. The specification is the caller's; the journal does not hold it, so
// another configuration is one of the reasons for a difference, and the point of asking "what would it have done".
// Of an unbroken run of holds only the first decision was kept whole; of the others verdict, reason and sizes count.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/decide/decide.h"
#include "serve/journal/journal.h"

namespace tidegate {

struct DecisionDifference {
  std::string what;  // "pools", "reason", "the trace", ...
  StoredDecision then;
  StoredDecision again;
};

struct ServiceVerification {
  std::string service;
  Instant from{};  // of the first tick executed
  Instant to{};
  bool from_checkpoint = false;
  std::int64_t compared = 0;
  std::int64_t differing = 0;
  std::vector<DecisionDifference> differences;  // the first few
};

struct Verification {
  std::vector<ServiceVerification> services;  // in the order of the specification; those with ticks
  std::vector<std::string> unknown;           // in the journal, not in the specification
  [[nodiscard]] std::int64_t differing() const;
};

inline constexpr std::size_t differences_kept = 20;

[[nodiscard]] Result<Verification> verify(const Journal& journal, const FleetSpec& spec);

}  // namespace tidegate
