// HashiCorp's nomad-autoscaler (main ede4e617): every evaluation each check answers by its strategy, the winner is
// made within min and max, and a cooldown follows. Formulas: nomad_strategy.h.
//
//   count -> winner of the checks -> clamp(min, max); after a change no other for `cooldown`
//
// Worked: in_flight 64 on 4 replicas, target 8: average 16, factor 2, count 8; the next change 5 min later.
//
// What it sees: evaluated every 10 s; a metric `metric_delay` late (scrapes of the server it queries), one point a
// second over the query window, each value held until the next. A query that fails ends the evaluation (`on_error:
// fail`) or leaves its check out; an empty answer leaves it out. With nothing left nothing changes. Checks go on
// during a cooldown, so the freshest answer is the one made when it ends. The cooldown is a band: from what is wanted
// to what is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/policy/peers/metric_pipeline.h"
#include "core/policy/peers/nomad_strategy.h"
#include "core/policy/peers/own_size.h"
#include "core/policy/policy.h"

namespace tidegate {

struct NomadMemory {
  struct Point {
    Instant at{};
    double value = 0;
    friend bool operator==(const Point&, const Point&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(at, value);
    }
  };
  struct Check {
    MetricPipeline pipeline;
    std::vector<Point> points;  // of the query window, oldest first: at most ten minutes of seconds
    friend bool operator==(const Check&, const Check&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(pipeline, points);
    }
  };
  OwnSize own;
  std::int32_t wanted = 0;
  Instant evaluated{};
  std::optional<Instant> cool_until;
  std::vector<Check> checks;  // in the order of the policy

  friend bool operator==(const NomadMemory&, const NomadMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(own, wanted, evaluated, cool_until, checks);
  }
};

[[nodiscard]] Proposal propose(const NomadPolicy& policy, NomadMemory& memory, const PolicyInput& input);

}  // namespace tidegate
