// The bounds on the simulated plant: schedules made with hindsight (lab/bounds) are ordered ahead of time and played
// like any policy, so that their attainment and their bill are measured alike.
//
//   need       each request of the traffic in service for its residence at full slots, in the reference pool
//   clairvoyant  the queue's programme (queue_programme.h), setting s: price 1.3 e^s of late work, a reserve of s %
//   rate oracle  staffing of the smoothed rate (rate_oracle.h), setting z standard deviations
//
// The setting is searched for by playing until the attainment asked for is met, and the plays on the way are kept, so
// that a cost can be read off at other attainments too (frontier.h). The reserve is for what no plan can know, how long
// each service lasts. Boots are ordered as far ahead as they can take, so none is late. Only the reference pool is
// used. Worth knowing: a played clairvoyant is a schedule somebody with hindsight could have run, not a proof that
// nobody could do better; what it planned is reported beside it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lab/bounds/need_series.h"
#include "lab/bounds/rate_oracle.h"
#include "lab/bounds/schedule.h"
#include "lab/sim/simulation.h"
#include "lab/sweep/frontier.h"

namespace tidegate {

// What a bound needs to know of a run: the plant and the SLO, its traffic as often as wanted.
struct BoundedRun {
  SimulationSpec spec;  // its policies and decider are not used
  std::function<Result<RequestFeed>()> traffic;
  Duration length{};  // of the traffic
};

struct BoundPlan {
  NeedSeries needs;
  BoundTerms terms;
  QueueTerms queue;
  RateOracleTerms oracle;
  std::uint64_t requests = 0;
};

[[nodiscard]] Result<BoundPlan> plan_bounds(const BoundedRun& run);

struct PlayedSchedule {
  double setting = 0;
  double planned_hours = 0;
  double planned_late = 0;  // share
  SimulationResult result;
};

struct PlayedBound {
  std::vector<PlayedSchedule> plays;  // in the order played
  std::size_t chosen = 0;             // the cheapest that meets the attainment; else the one that attained most
  bool is_met = false;

  [[nodiscard]] const PlayedSchedule& best() const { return plays[chosen]; }
  [[nodiscard]] std::vector<FrontierPoint> frontier() const;
};

[[nodiscard]] Result<PlayedBound> play_clairvoyant(const BoundedRun& run, const BoundPlan& plan, double attainment,
                                                   const SimulationWatcher& watch = {});
[[nodiscard]] Result<PlayedBound> play_rate_oracle(const BoundedRun& run, const BoundPlan& plan, double attainment,
                                                   const SimulationWatcher& watch = {});

// Answers every observation with the size ordered for its time.
[[nodiscard]] SimulatedDecider plan_decider(ReplicaSchedule orders, Duration step, const SimulationSpec& spec);

}  // namespace tidegate
