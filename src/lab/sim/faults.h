// What goes wrong in a simulated run, and when: a closed list, applied by the plant at its exact time.
// Times count from the start of the run. A fault that lasts ends by itself; `lasts` of zero means: for good.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/model/observation.h"
#include "lab/sim/lifecycle.h"

namespace tidegate {

struct CrashFault {  // ready replicas die with what they hold
  std::size_t pool = 0;
  std::int32_t count = 1;
  friend bool operator==(const CrashFault&, const CrashFault&) = default;
};
struct StuckFault {  // replicas placed meanwhile never get ready
  std::size_t pool = 0;
  friend bool operator==(const StuckFault&, const StuckFault&) = default;
};
struct StockFault {  // how many more replicas can be placed; none: no bound
  std::size_t pool = 0;
  std::optional<std::int32_t> stock;
  friend bool operator==(const StockFault&, const StockFault&) = default;
};
struct EditFault {  // somebody else sets the size of a pool
  std::size_t pool = 0;
  std::int32_t replicas = 0;
  friend bool operator==(const EditFault&, const EditFault&) = default;
};
struct SlowFault {  // requests begun meanwhile take `factor` times as long ...
  double factor = 1;
  std::optional<std::int32_t> count;  // ... in the oldest `count` replicas only
  friend bool operator==(const SlowFault&, const SlowFault&) = default;
};
struct LostSignalFault {  // a reading does not come through; empty: none does
  std::string signal;     // as to_text(Signal) spells it; "latency" covers every percentile
  Quality as = Quality::absent;
  std::optional<Coverage> partial;  // instead: only some replicas report, the value shrinks with them
  friend bool operator==(const LostSignalFault&, const LostSignalFault&) = default;
};

struct Fault {
  Duration at{};
  Duration lasts{};
  std::variant<CrashFault, StuckFault, StockFault, EditFault, SlowFault, LostSignalFault> what;

  [[nodiscard]] bool is_active(Duration now) const {
    return at <= now && (lasts == Duration::zero() || now < at + lasts);
  }
  friend bool operator==(const Fault&, const Fault&) = default;
};

// Applies to the replicas what changes them at once; slow and lost signals are asked for when they matter.
void begin_fault(const Fault& fault, Lifecycle& replicas);
void end_fault(const Fault& fault, Lifecycle& replicas);

// How many times as long a request takes that begins now in the `rank`-th oldest replica.
[[nodiscard]] double slowness(const std::vector<Fault>& faults, Duration now, std::int32_t rank);

// Degrades the readings of an observation as the lost signals of the moment say. `last` is the last observation
// handed out: a stale reading repeats its value.
void degrade(const std::vector<Fault>& faults, Duration now, const Observation& last, Observation& seen);

// Walks a list of faults in order of time, beginning and ending each once.
class FaultClock {
 public:
  explicit FaultClock(std::vector<Fault> faults);
  [[nodiscard]] std::optional<Duration> next() const;
  void advance(Duration now, Lifecycle& replicas);
  [[nodiscard]] const std::vector<Fault>& faults() const { return faults_; }

 private:
  struct Edge {
    Duration at{};
    std::size_t fault = 0;
    bool begins = true;
  };
  std::vector<Fault> faults_;
  std::vector<Edge> edges_;  // by time
  std::size_t done_ = 0;
};

}  // namespace tidegate
