// The options by which `simulate`, `compare` and `tune` say what traffic is played: trace files, or made up. `replay`
// plays what was recorded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/simulated_service.h"
#include "lab/sim/recorded_load.h"
#include "lab/sim/request_feed.h"

namespace tidegate {

// A Monday, midnight UTC: what a calendar policy sees when the trace's time is zero.
inline constexpr Instant first_day{std::chrono::sys_days{std::chrono::year{2024} / 1 / 1}};

// Another file's traffic in the place of the trace's own, from its beginning, between two times of the trace.
struct Splice {
  std::string trace;
  Duration from{};
  std::optional<Duration> to;  // none: as long as it lasts
};

// A trace, or generated, or recorded: one of them.
struct TrafficChoice {
  std::string trace;                             // a file
  std::string generated;                         // the text of a generator
  std::shared_ptr<const RecordedLoad> recorded;  // settled
  std::string recorded_name;
  double scale = 1;
  std::optional<double> replicas_at_peak;
  double burstiness = 1;
  TokenSizes sizes;
  std::string function;
  std::vector<Splice> splices;  // in order of time, none over another
  Duration shift{};             // the run begins that much later in the traffic
  std::int32_t repeat = 1;
  std::optional<Duration> length;
  std::uint64_t seed = 1;
};

struct OpenTraffic {
  RequestFeed feed;
  Duration length{};
  Duration origin{};  // of the trace's time: what its clock shows at the start
  std::string name;
  double scale = 1;  // what its rates were multiplied by
};

// --trace, --generate, --scale, --peak-replicas, --burstiness, --tokens, --function, --splice, --shift, --repeat,
// --duration, --seed.
[[nodiscard]] std::vector<Option> traffic_options();
// The choice for one service among `count`.
[[nodiscard]] Result<TrafficChoice> read_traffic_choice(const Arguments& given, const std::string& service,
                                                        std::size_t count);
// --burstiness, --tokens and --seed alone.
[[nodiscard]] Result<void> read_luck(const Arguments& given, TrafficChoice& choice);
// Opens it anew: each call plays the same requests.
[[nodiscard]] Result<OpenTraffic> open_traffic(const TrafficChoice& choice, const SimulatedService& service);

// A whole number from 0 in an option.
[[nodiscard]] Result<std::uint64_t> read_seed(const Arguments& given);

}  // namespace tidegate
