// A policy turns what is known into a band. Each policy is a plain struct of knobs (core/model/policy_spec.h),
// a plain struct of memory, and one overload of `propose`. Policies know nothing of pools' bounds or of the
// guardrails; those come after, for all policies alike.
#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/capacity/capacity.h"
#include "core/forecast/forecast.h"
#include "core/model/band.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"

namespace tidegate {

// The load as the observe stage understands it.
struct Demand {
  Duration interval{};          // covered by the counts
  double arrivals = 0;          // count over the interval
  bool arrivals_known = false;  // measured or derived, and fresh
  bool arrivals_derived = false;
  double in_flight = 0;
  double queued = 0;
  bool concurrency_known = false;
  double variability = 1;           // variance over mean of counts (index of dispersion), smoothed
  double residence = 0;             // seconds in service, measured by Little's law; 0 = unknown
  bool has_evidence = false;        // something fresh says how much load there is: only then may anything lower
  Reason quality = Reason::steady;  // steady, or why evidence is missing: no_data, signals_stale, ...
};

struct PolicyInput {
  const ServiceSpec& spec;
  const Observation& seen;
  const Demand& demand;
  const Forecast& at_lead;    // demand at the lead time
  const Forecast& over_hold;  // highest demand over the hold time
  const Capacity& reference;  // of the reference pool; weighted replicas count in it
  const DemandHistory& history;
  Duration lead_time{};  // a cautious quantile
  Duration hold_time{};
  Duration boot_time{};  // what a start typically takes; zero: the lead time
  double ready = 0;      // weighted replicas
  double warming = 0;    // weighted replicas
  // Ready replicas behind the observation. Beside us a peer has its own number in `ready`, and an average measured over
  // ours is not one over its. 0: the same as `ready`.
  double ready_measured = 0;
};

struct Proposal {
  Band band;
  // Caps the band of every policy beside it (a schedule's maximum).
  std::optional<WeightedReplicas> cap = {};
  // Without evidence a policy cannot lower: its ceiling is at least what is there. `quality` says what is missing.
  bool has_evidence = true;
  Reason quality = Reason::steady;
  std::string_view note = {};  // what led: the candidate, the forecaster, the rule
  std::vector<Fact> facts = {};
};

}  // namespace tidegate
