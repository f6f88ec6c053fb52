// What the peers share that answer with one number: the band is that number, and the number lasts between decisions.
//
//   size = clamp(wanted, min, max)          the service's own bounds, as every cloud group has them
//   base = max(committed, size so far)      what a decision starts from: replicas that crashed or are still to come
//                                           are in the group's desired size; more than that was asked for by others
#pragma once

#include <string_view>

#include "core/model/peer_metric.h"
#include "core/policy/policy.h"

namespace tidegate {

struct ExactSize {
  bool started = false;
  double replicas = 0;  // weighted

  friend bool operator==(const ExactSize&, const ExactSize&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, replicas);
  }
};

// Whole, ready and warming.
[[nodiscard]] double committed(const PolicyInput& input);

// What a decision starts from; the committed replicas at first.
double rebase(ExactSize& size, const PolicyInput& input);
[[nodiscard]] double within_bounds(double wanted, const PolicyInput& input);
void resize(ExactSize& size, double wanted, const PolicyInput& input);

// The signal per ready replica; absent while there is none to divide by.
[[nodiscard]] Reading replica_average(const PeerMetric& metric, const PolicyInput& input);
// ... and summed over the ready replicas.
[[nodiscard]] Reading replica_total(const PeerMetric& metric, const PolicyInput& input);

// `metric` is what the peer would look at now: without it there is no evidence.
[[nodiscard]] Proposal exact_proposal(std::string_view note, const ExactSize& size, const PolicyInput& input,
                                      const Reading& metric);

}  // namespace tidegate
