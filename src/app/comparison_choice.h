// What `compare`, `tune` and `replay` play: one service, and one or several traffics for it, each read once a seed.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/simulated_service.h"
#include "app/simulated_traffic.h"
#include "lab/sim/simulation.h"
#include "lab/sweep/knobs.h"
#include "lab/sweep/played_bounds.h"

namespace tidegate {

// May be asked from several threads. The requests of the last seed asked for are kept while there are not too many.
class SharedTraffic {
 public:
  // Reads it through once.
  [[nodiscard]] static Result<SharedTraffic> open(const TrafficChoice& choice, const SimulatedService& service,
                                                  std::optional<Duration> warm_up);

  [[nodiscard]] Result<RequestFeed> feed(std::uint64_t seed) const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Duration length() const { return length_; }
  [[nodiscard]] Duration origin() const { return origin_; }
  [[nodiscard]] Duration warm_up() const { return warm_up_; }
  // Requests per second in the busiest ten minutes.
  [[nodiscard]] double peak_rate() const { return peak_rate_; }

 private:
  using Requests = std::shared_ptr<const std::vector<SimulatedRequest>>;
  struct Kept {
    std::mutex lock;
    std::uint64_t seed = 0;
    Requests requests;
    bool too_many = false;
  };
  [[nodiscard]] Result<OpenTraffic> reopen(std::uint64_t seed) const;

  TrafficChoice choice_;
  std::shared_ptr<const SimulatedService> service_;
  std::string name_;
  Duration length_{}, origin_{}, warm_up_{};
  double peak_rate_ = 0;
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

struct ComparisonChoice {
  SimulatedService service;
  std::vector<SharedTraffic> traces;
  std::uint64_t seed = 1;
  Duration tick = 1s;
  std::shared_ptr<const RecordedLoad> recorded;  // the traffic is what was recorded

  [[nodiscard]] KnobScale scale() const;
  [[nodiscard]] SimulationSpec simulation(std::size_t trace, std::uint64_t seed) const;
  [[nodiscard]] BoundedRun bounded_run(std::size_t trace) const;
};

// Those of the service and of the traffic, --warm-up and --tick.
[[nodiscard]] std::vector<Option> comparison_options();
[[nodiscard]] Result<ComparisonChoice> read_comparison_choice(const Arguments& given, Terminal& terminal);

// One traffic that was recorded, for a service that is known; --warm-up and --tick. Every run begins with the replicas
// that were there.
[[nodiscard]] Result<ComparisonChoice> recorded_choice(const Arguments& given, SimulatedService service,
                                                       const TrafficChoice& traffic, Terminal& terminal);

// A whole number in the option's value between two bounds; `fallback` where it is left out.
[[nodiscard]] Result<std::size_t> count_between(const Arguments& given, std::string_view name, std::size_t least,
                                                std::size_t most, std::size_t fallback);

}  // namespace tidegate
