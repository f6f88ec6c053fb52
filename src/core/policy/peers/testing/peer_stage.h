// A stage for one peer: a load the test sets, replicas that start after `startup`, ticks of a second. What the peer
// asks for happens, within the service's bounds.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <utility>

#include "core/policy/policies.h"

namespace tidegate {

class PeerStage {
 public:
  explicit PeerStage(PolicySpec policy, double replicas = 1) : policy_(std::move(policy)), ready(replicas) {
    spec.guardrails.replicas_max = Replicas{64};
    demand.interval = 1s;
    capacity.basis = CapacityBasis::learned;
    capacity.slots = 8;
  }

  // One second; what the peer then wants.
  double tick() {
    now += 1;
    while (!starts_.empty() && starts_.front() <= now) {
      starts_.pop_front();
      ready += 1;
    }
    seen.now = instant_at(now);
    seen.arrivals = Reading::of(rate);
    seen.in_flight = is_blind ? Reading{} : Reading::of(in_flight);
    seen.queued = Reading::of(queued);
    demand.arrivals = rate;
    demand.arrivals_known = demand.concurrency_known = !is_blind;
    demand.in_flight = in_flight;
    demand.queued = queued;
    proposal = propose(policy_, memory,
                       {.spec = spec,
                        .seen = seen,
                        .demand = demand,
                        .at_lead = forecast,
                        .over_hold = forecast,
                        .reference = capacity,
                        .history = history,
                        .ready = ready,
                        .warming = warming()});
    follow();
    return proposal.band.floor.value();
  }
  // Until the clock shows `until`; the last answer.
  double run(double until) {
    double last = size();
    while (now < until) last = tick();
    return last;
  }
  // The second at which the size first is no longer what it is; negative when it is not before `until`.
  double changes_at(double until) {
    const double before = size();
    while (now < until)
      if (tick(); size() != before) return now;
    return -1;
  }

  [[nodiscard]] double warming() const { return static_cast<double>(starts_.size()); }
  [[nodiscard]] double size() const { return ready + warming(); }

  ServiceSpec spec;
  Observation seen;
  Demand demand;
  Forecast forecast;
  Capacity capacity;
  DemandHistory history;
  PolicyMemory memory;
  Proposal proposal;
  double now = 0;
  double startup = 0;
  double rate = 0;
  double in_flight = 0;
  double queued = 0;
  bool is_blind = false;

 private:
  PolicySpec policy_;

 public:
  double ready = 1;

 private:
  void follow() {
    const double up = std::ceil(proposal.band.floor.value() - 1e-9);
    const double down = std::max(up, std::floor(proposal.band.ceiling.value() + 1e-9));
    for (; size() < up; startup > 0 ? starts_.push_back(now + startup) : void(ready += 1)) {
    }
    while (size() > down)
      if (starts_.empty())
        ready -= 1;
      else
        starts_.pop_back();
  }

  std::deque<double> starts_;  // when they get ready
};

}  // namespace tidegate
