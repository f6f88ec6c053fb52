// After a restart: every service's state as the journal has it. The last checkpoint is read and the observations after
// it are decided again, in the order they came, so that windows, ledgers and forecasts are what they were.
//
// A state is fresh when the newest observation behind it is at most `fresh_max` old: then the service goes on as if
// nothing had happened. Otherwise (a long stop, a damaged or foreign checkpoint, no time left) its first observation
// says `restarted`, and nothing lowers before its windows are full; what was learned of capacity and cold starts is
// kept wherever it can be read. A service that the journal has never seen starts new, and says so only when replicas
// of it are already there.
//
// Bounded: the journal is read from the oldest checkpoint needed, checkpoints are at most 10 minutes apart, and the
// whole stops at the deadline of `time_max`.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/decide/decide.h"
#include "edge/ports/clock.h"
#include "serve/journal/journal.h"

namespace tidegate {

using DecideFleet = std::function<FleetStep(const FleetSpec&, FleetState, const FleetObservation&)>;

struct RestoreLimits {
  Duration fresh_max = 15s;
  Duration time_max = 10s;
};

struct RestoredFleet {
  FleetState state;                             // in the order of the spec
  std::set<std::string> known;                  // services the journal had anything of
  std::set<std::string> restarted;              // whose state is not fresh
  std::map<std::string, Instant> checkpointed;  // when each was last written
  std::int64_t ticks = 0;                       // decided again
  std::vector<std::string> problems;            // a sentence each
};

// `again` sees every observation and decision that is made again, oldest first.
using ReplaySink = std::function<void(const Observation&, const Decision&)>;
[[nodiscard]] RestoredFleet restore_fleet(const FleetSpec& spec, const Journal& journal, const DecideFleet& decide,
                                          const Clock& clock, const ReplaySink& again,
                                          const RestoreLimits& limits = {});

}  // namespace tidegate
