// Counts what a simulated run was worth, in fixed memory: the figures of SimulationResult (lab/sim/simulation.h).
// A request counts when it came at or after `from`; a replica costs for the part of its life after `from`.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lab/sim/lifecycle.h"
#include "lab/sim/quantile_sketch.h"
#include "lab/sim/scorecard.h"
#include "lab/sim/simulation.h"

namespace tidegate {

class SimulationTally {
 public:
  SimulationTally(const Slo& slo, std::span<const PlantPool> pools, Instant from);

  void request(const RequestEnd& end, bool within);
  void replica(const ReplicaEnd& end);
  void cold_starts(std::size_t count, Instant now);
  void decided(const Decision& decision, Duration tick);
  void finish(Instant end, SimulationResult& result) const;

  [[nodiscard]] const Slo& slo() const { return slo_; }

 private:
  const Slo& slo_;
  std::span<const PlantPool> pools_;
  Instant from_;
  SimulationResult figures_;
  QuantileSketch ttft_, latency_, queue_;
  std::optional<std::int32_t> size_;
  std::int32_t direction_ = 0;
};

}  // namespace tidegate
