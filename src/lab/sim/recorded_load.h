// What was recorded of a running service, step by step: the requests that came, the replicas that were there, and what
// else is known. It becomes traffic and a plan of sizes for a simulated run: what happened, played again beside what
// another policy would have done.
//
// Step i covers [start + i * step, start + (i + 1) * step). NaN: not known, which is not zero. A column but `rates` and
// `pools` may be empty: nobody recorded it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "lab/sim/request_feed.h"
#include "lab/sim/simulation.h"

namespace tidegate {

struct RecordedPool {
  std::string name;
  std::vector<double> sizes;  // committed replicas: ready and warming
};

struct RecordedLoad {
  static constexpr std::size_t steps_most = 2'000'000;

  Instant start{};
  Duration step = 1min;
  std::vector<double> rates;        // requests per second that came
  std::vector<RecordedPool> pools;  // at least one
  std::vector<double> ready;        // replicas, of all pools
  std::vector<double> in_flight;    // requests in service
  std::vector<double> ended;        // requests per second that ended
  std::vector<double> within;       // ... and met the SLO
  std::int64_t cold_starts = 0;     // seen one by one, from request to ready
  Duration cold_starts_took{};      // all of them together

  [[nodiscard]] std::size_t steps() const { return rates.size(); }
  [[nodiscard]] Duration length() const { return step * static_cast<std::int64_t>(rates.size()); }
  // Of all pools; NaN when one is not known.
  [[nodiscard]] double size(std::size_t index) const;
};

// What had to be made up.
struct RecordedGaps {
  Duration before{}, after{};  // cut off: no requests or no replicas recorded there
  Duration bridged{};          // requests not known, taken to be on a straight line between their neighbours
  Duration longest{};          // of those gaps
  Duration asleep{};           // requests not known, and no replica to count them: taken as none
};

// Cuts the load to where both requests and replicas are known, and fills what is unknown between: sizes stay as they
// were, rates as said above. A load of which nothing is known becomes empty.
[[nodiscard]] RecordedGaps settle(RecordedLoad& load);

// The three below are of a settled load.

// Its requests, those of a step scattered within it (traffic_bins.h).
[[nodiscard]] RequestFeed recorded_feed(std::shared_ptr<const RecordedLoad> load, double burstiness,
                                        const TokenSizes& sizes, std::uint64_t seed);
// Orders at each instant the sizes that were there. Pools of the service that nobody recorded stay empty.
[[nodiscard]] SimulatedDecider recorded_decider(std::shared_ptr<const RecordedLoad> load, const ServiceSpec& service);

struct RecordedFigures {
  double replica_hours = 0;
  std::uint64_t scale_events = 0;
  std::optional<double> attainment;  // none: not recorded
};
// From `from` after the start on.
[[nodiscard]] RecordedFigures recorded_figures(const RecordedLoad& load, Duration from);

// What the record shows of a replica; none where it does not.
//
//   service     sum of in_flight / sum of rates (Little's law)
//   slots       in_flight / ready, the highest but for a thousandth of the steps, rounded up: as many as it was seen
//               to serve at once, so it may well take more
//   cold start  the mean of those seen one by one; else sum of (size - ready) * step / number of replicas added, where
//               there were at least three of them
//
// Worked: two replicas more at once, and 90 s later both are ready: 180 s not ready / 2 = 90 s.
struct RecordedReplica {
  std::optional<double> slots;
  std::optional<Duration> service;
  std::optional<Duration> cold_start;
};
[[nodiscard]] RecordedReplica recorded_replica(const RecordedLoad& load);

}  // namespace tidegate
