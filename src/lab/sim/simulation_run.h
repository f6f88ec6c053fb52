// One service of a simulated run, advanced tick by tick: its plant, its figures, its series. Who decides is outside:
// `decide` of the service alone (simulation.h), or of a fleet with a shared budget (fleet_simulation.h). A tick is
// look(), a decision, follow(). Pure, as the whole room.
#pragma once

#include <utility>

#include "lab/sim/simulation.h"
#include "lab/sim/simulation_tally.h"

namespace tidegate {

class SimulationRun {
 public:
  // `spec` outlives the run.
  SimulationRun(const SimulationSpec& spec, RequestFeed feed);

  // Whether everything asked for has been played by then.
  [[nodiscard]] bool is_over(Duration played) const;
  [[nodiscard]] std::uint64_t arrived() const { return plant_.arrived(); }

  // Plays the traffic up to `at`, from the start of the run, and says what is seen there.
  [[nodiscard]] Observation look(Duration at);
  void follow(const Observation& seen, const Decision& decision, Duration at);

  // The figures once `played` is over; fails where the feed did. Call it once.
  [[nodiscard]] Result<SimulationResult> finish(Duration played, bool cancelled);

 private:
  std::pair<double, double> count_ends();

  const SimulationSpec& spec_;
  Plant plant_;
  SimulationTally tally_;
  SimulationResult result_;
  double replica_rate_;
};

}  // namespace tidegate
