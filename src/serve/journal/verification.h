// Executes the observations of a journal again and compares every decision with the one made then.
//
// A service starts without a memory when the journal holds its ticks from the first one on, else from its newest
// checkpoint: nothing before that can be repeated. The specifications are the caller's: those the journal names, or
// another one, when the question is what that one would have done.
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

struct SpecSince {
  Instant since{};  // counts for ticks from then on; the first counts from the beginning
  FleetSpec fleet;
};

// `specs`: at least one, in order of time.
[[nodiscard]] Result<Verification> verify(const Journal& journal, const std::vector<SpecSince>& specs);

}  // namespace tidegate
