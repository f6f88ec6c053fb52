// The cheapest set of replicas whose weights add up to a need: branch and bound over how many of each offer.
#pragma once

#include <cstdint>
#include <vector>

namespace tidegate {

struct Offer {
  double weight = 1;      // weighted replicas of one replica; above 0
  double cost = 1;        // of one replica; not negative
  std::int32_t room = 0;  // replicas at most
  [[nodiscard]] double ratio() const { return cost / weight; }
};

struct Cover {
  std::vector<std::int32_t> counts;  // replicas of each offer
  double cost = 0;
  bool is_enough = false;  // no: the rooms do not cover the need, and the counts are all there is
};

// `offers`: cheapest per weight first; of sets that cost the same, the one that takes most of the first is found. At
// least `least` replicas and at most `most`. The search is bounded: with many pools the set may be a little dearer than
// the cheapest.
[[nodiscard]] Cover cheapest_cover(const std::vector<Offer>& offers, double need, std::int32_t most,
                                   std::int32_t least = 0);

}  // namespace tidegate
