// What a peer measures: a signal's total shared by the ready replicas, or an average already (utilisation).
#pragma once

#include <string>

#include "core/model/signal.h"

namespace tidegate {

struct PeerMetric {
  Signal signal = Signal::in_flight;
  std::string name;         // of a custom signal, or a latency's percentile
  bool per_replica = true;  // divide the signal's total by the ready replicas
  friend bool operator==(const PeerMetric&, const PeerMetric&) = default;
};

}  // namespace tidegate
