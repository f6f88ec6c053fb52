// What `compare` and `tune` play and what they make of it: the list of runs (policies x knobs x seeds x traces), their
// results beside the bounds, each policy's frontier, and what each costs at equal attainment. Pure; app plays the
// jobs on threads and renders what is here.
//
// relative = replica-hours of a run / replica-hours of the clairvoyant at the attainment the run had, on the same trace
// (frontier.h). Several seeds of one trace are held against the bound of the first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/policy_spec.h"
#include "lab/sim/simulation.h"
#include "lab/sweep/frontier.h"
#include "lab/sweep/knobs.h"
#include "lab/sweep/played_bounds.h"

namespace tidegate {

struct Contestant {
  std::string name;                  // as it was asked for
  std::string text;                  // the value of `policy:`
  std::vector<PolicySpec> policies;  // what the text means
  std::vector<Knob> knobs;           // turned for this run; empty: as configured
  bool is_recorded = false;          // no policy: the sizes that were recorded with the traffic
};

struct ComparisonJob {
  std::size_t contestant = 0;
  std::size_t trace = 0;
  std::uint64_t seed = 1;
};

// By trace, then seed, then contestant, so that runs of one trace are played together.
[[nodiscard]] std::vector<ComparisonJob> comparison_jobs(std::size_t contestants, std::size_t traces,
                                                         std::uint64_t seed, std::size_t seeds);

struct ComparedRun {
  ComparisonJob job;
  SimulationResult result;
  std::optional<double> relative;  // to the clairvoyant
};

struct TraceBounds {
  std::size_t trace = 0;
  PlayedBound clairvoyant;
  PlayedBound rate_oracle;
  double lazy_hours = 0;        // lazy capacity provisioning, replicas there at once; planned
  double ski_rental_hours = 0;  // ski rental, likewise
};

// One line of a policy's frontier: its runs of one trace whose cost and attainment (means over seeds) none of its own
// beats in both.
struct PolicyFrontierPoint {
  std::string policy;
  std::size_t trace = 0;
  std::size_t contestant = 0;
  double attainment = 1;
  double replica_hours = 0;
};

struct PolicyCost {
  std::string policy;
  std::size_t trace = 0;
  std::size_t runs = 0;
  FrontierCost hours;              // at the attainment asked for
  std::optional<double> relative;  // to the clairvoyant there
};

struct Comparison {
  double attainment = 0.99;  // asked for
  std::vector<std::string> traces;
  std::vector<Contestant> contestants;
  std::vector<TraceBounds> bounds;  // at most one a trace
  std::vector<ComparedRun> runs;

  [[nodiscard]] const TraceBounds* bounds_of(std::size_t trace) const;
};

// Fills `relative` of every run.
void relate(Comparison& comparison);
[[nodiscard]] std::vector<PolicyFrontierPoint> policy_frontiers(const Comparison& comparison);
// Each policy on each trace, at the attainment asked for, read off its frontier.
[[nodiscard]] std::vector<PolicyCost> costs_at_equal_attainment(const Comparison& comparison);

}  // namespace tidegate
