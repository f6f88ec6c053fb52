// The rules that a study plays against each other (study_plant.h):
//   Ours        our policy behind the demand and the forecasts that the deciding gives it, at least one replica
//   Ratio       in-flight and queue per replica against a target every 15 s, lowered after a stabilisation window
//   RateOracle  knows the smoothed rate ahead, not single arrivals: (busy + z sqrt(busy)) / slots, bought a cold start
//               early and kept over valleys shorter than a cold start
#pragma once

#include <deque>
#include <vector>

#include "core/policy/slo.h"
#include "core/policy/testing/study_plant.h"

namespace tidegate::study {

class Ours {
 public:
  Ours(const Setup& setup, Percentile percentile);
  int operator()(double now, const Seen& counts);
  void follow(std::size_t candidate) { followed_ = static_cast<int>(candidate); }  // whatever the tuner would choose
  [[nodiscard]] const Tuner& tuner() const { return memory_.tuner; }
  [[nodiscard]] const Proposal& last() const { return last_; }

 private:
  void smooth(double now, const Seen& counts);
  const Setup* setup_;
  ServiceSpec spec_;
  Observation seen_;
  Capacity reference_;
  DemandHistory history_;
  SloMemory memory_;
  Proposal last_;
  int followed_ = -1;
  double busy_ = 0, completions_ = 0, mean_ = 0, spread_ = 0, level_ = 0, variability_ = 1;
};

class Ratio {
 public:
  Ratio(double target, double stabilisation) : target_(target), window_(static_cast<std::size_t>(stabilisation / 15)) {}
  int operator()(double now, const Seen& counts);

 private:
  double target_;
  std::size_t window_;
  std::deque<int> recent_;
};

class RateOracle {
 public:
  RateOracle(const Setup& setup, double z);
  int operator()(double now, const Seen& counts) const;
  [[nodiscard]] int initial() const { return sizes_.front(); }

 private:
  std::vector<int> sizes_;  // to have ready, by second
  double lead_;
};

}  // namespace tidegate::study
