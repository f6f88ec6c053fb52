// Our own policy: the cheapest band that holds the SLO. Nothing to set; peak_rate, where given, bounds what a history
// of less than a day foretells, and without `forecast` the load is expected to stay as it is.
//
//   floor   = max(forecast demand at the lead time at a quantile; the present load, staffed for its variability, or
//                 what the last arrivals prove of a rise (recent_arrivals.h);
//                 what works the backlog off, counting replicas already starting)
//   ceiling = max(peak demand over the hold time at a quantile of its own; the highest floor of the hold time;
//                 the floor)
//
// The quantiles are those of the leading candidate (candidate.h). An observed breach of the SLO (a tenth of a minute's
// requests missed, but none in the minute after a start from zero) under a load near capacity adds a tenth, and one at
// least, once per lead time; quantiles tell of it only where misses are not counted. At min 0 an idle service sleeps,
// stays awake or is woken ahead, whatever is cheapest by its gaps (idle_plan.h): a request that meets a cold start is
// worth 12 s of a replica over the allowance (1,200 s at 99 %; the hold time at least, an hour at most), all that meet
// the same one four hours at most. Where the promise leaves time for a cold start, it is worth the hold time. A daily
// opening (forecast/rest.h) wakes it too.
//
// At the beginning, before anything ordered can have come, a backlog is worked off in the time that is cheapest
// (recovery_time in need.h) instead of the lead time, and what that takes is not kept.
//
// When starts do not succeed (none in the lead time and a minute, though the floor asks for more), what was missed
// since is no candidate's doing and teaches the tuner nothing, nor does the backlog that is left when they do again.
//
// Refuses to decide: bounds, steps, pools, money. Without evidence it keeps what is there. Works with any of
// arrivals, in-flight and queue; with an unknown capacity it takes as capacity what a replica was seen to carry
// without a queue, and says so.
#pragma once

#include "core/policy/policy.h"
#include "core/policy/recent_arrivals.h"
#include "core/policy/recent_peak.h"
#include "core/policy/tuner.h"

namespace tidegate {

struct SloMemory {
  bool started = false;
  Instant seen{};
  Instant busy_last{};   // when there last was any work
  RecentPeak peak;       // of the floor: keeps the ceiling for the hold time
  Duration evidence{};   // seen since the start, as far as it matters
  double in_flight = 0;  // smoothed
  double momentary = 0;  // ... over moments only
  bool in_flight_known = false;
  double flow = 0;  // requests per second, smoothed alike
  bool flow_known = false;
  RecentArrivals recent;
  double crowded = 0;  // concurrency of a replica while requests waited: its slots are not more
  Instant crowded_last{};
  double ends_modelled = 0;  // requests that should have ended of late by the capacity model
  double ends_seen = 0;      // ... and that did
  double carried = 0;        // highest concurrency of a replica seen without a queue; faded
  double breach_floor = 0;   // what an observed breach asked for, until breach_until
  Instant breach_until{};
  double met = 0;  // requests of late that met the SLO, and that missed it
  double missed = 0;
  double ready = 0;
  Instant progress{};        // when the fleet last grew, or was as large as the last floor
  bool starts_fail = false;  // until the fleet is whole again and what queued up meanwhile is gone
  double pending_met = 0;    // requests since `progress`: whose doing they are is not known yet
  double pending_missed = 0;
  Band band;  // the last one with evidence
  Tuner tuner;

  friend bool operator==(const SloMemory&, const SloMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, seen, busy_last, peak, evidence, in_flight, momentary, in_flight_known, flow, flow_known, recent,
       crowded, crowded_last, ends_modelled, ends_seen, carried, breach_floor, breach_until, met, missed, ready,
       progress, starts_fail, pending_met, pending_missed, band, tuner);
  }
};

[[nodiscard]] Proposal propose(const SloPolicy& policy, SloMemory& memory, const PolicyInput& input);

}  // namespace tidegate
