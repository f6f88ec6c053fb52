// tidegate's own metrics, in Prometheus' text format. Labels come from closed lists and from the configuration, so the
// page grows with the fleet and with nothing else. A series whose value was not measured is left out: never 0.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "serve/runtime/control_panel.h"

namespace tidegate {

// What adds up over ticks. `count` is called once for each tick and for each notice; thread-safe.
class TickCounters {
 public:
  static constexpr std::array<double, 12> cold_start_bounds{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600};

  void count(const FleetView& view);
  void count(const JournalEvent& notice);

  struct ColdStarts {
    std::array<std::uint64_t, cold_start_bounds.size() + 1> buckets{};  // not cumulative; the last one is above all
    double sum = 0;
  };
  struct Snapshot {
    std::map<std::tuple<std::string, Verdict, Reason>, std::uint64_t> decisions;  // by service
    std::map<std::pair<std::string, std::string>, std::uint64_t> signal_errors;   // by service, signal
    std::map<std::pair<std::string, std::string>, ColdStarts> cold_starts;        // by service, pool
    std::map<std::pair<std::string, Reason>, std::uint64_t> notices;              // by service
  };
  [[nodiscard]] Snapshot snapshot() const;

 private:
  mutable std::mutex mutex_;
  Snapshot counted_;
};

[[nodiscard]] std::string metrics_page(const FleetView& view, const RuntimeHealth& health,
                                       const TickCounters::Snapshot& counted, const std::string& version);

// docs/reference/metrics.md, as it has to be: the families of the page.
[[nodiscard]] std::string metrics_reference();

}  // namespace tidegate
