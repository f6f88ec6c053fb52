// The dynamic programme of clairvoyant.h one step at a time, forwards: what the cheapest schedule and its online
// sister (lazy capacity provisioning) share.
//
//   slope of size k -> clip(slope, 0, boot), then + 1 - price * (part of the load only replica k + 1 could serve)
//
// In replica-steps. Slopes rise with k. Memory: one number a size.
#pragma once

#include <cstdint>
#include <vector>

#include "lab/bounds/schedule.h"

namespace tidegate {

struct PriceOfUnserved {
  double replica_steps = 1;  // per replica-step of unserved work; at most 1: nothing is worth serving
};

// The sizes between which the best schedule so far, and every best one to come, passes this step.
struct SizeRange {
  std::int16_t low = 0;
  std::int16_t high = 0;
};

class ValueSlopes {
 public:
  ValueSlopes(const NeedSeries& needs, const BoundTerms& terms, PriceOfUnserved price);
  SizeRange step(float load);

 private:
  std::vector<double> slopes_;  // of sizes from `least_` on
  std::int32_t least_;
  double boot_;
  double price_;
};

}  // namespace tidegate
