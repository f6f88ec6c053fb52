// A traffic file as a stream of requests in order of time, whatever its format (lab/sim/traffic_rows): what
// `simulate`, `compare`, `tune` and `load` play.
//
// A row that is a request is one; a row that is a bin becomes its count of requests (lab/sim/traffic_bins), with
// sizes from `sizes`. token_rate: the tokens of a bin, divided by the mean tokens of a request. per_function:
// each function is a stream of its own with its own generator; all are merged, or one is chosen.
// `scale` multiplies the rate by the rule in lab/sim/traffic_copies. Deterministic: same bytes, same options,
// same requests. Memory is bounded: a line, plus per_function the whole file (4 Mi rows), plus the copies of 5 s.
// Refuses nothing of its own but what is beyond these bounds; times are those of the file, not from its start.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/prng.h"
#include "lab/sim/traffic_rows.h"
#include "lab/sim/traffic_sizes.h"

namespace tidegate {

struct TrafficRequest {
  Duration at{};
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;  // 0: the file says it produced none
  std::string function;
  std::string session;
  std::vector<std::uint64_t> prefix;

  friend bool operator==(const TrafficRequest&, const TrafficRequest&) = default;
};

struct TrafficOptions {
  double scale = 1;  // > 0, at most 1e6
  double burstiness = 1;
  TokenSizes sizes;
  std::string function;  // per_function: only this one; empty: all
  std::uint64_t seed = 1;
};

class TrafficReader {
 public:
  static constexpr std::size_t bins_max = 4'194'304;    // of a per_function file
  static constexpr std::size_t copies_max = 1'000'000;  // within the spread of copies

  // Reads as much as tells the format and the bins' width.
  [[nodiscard]] static Result<TrafficReader> open(ByteSource bytes, std::string name, TrafficOptions options = {});

  // The next request; none at the end.
  [[nodiscard]] Result<std::optional<TrafficRequest>> next();

  [[nodiscard]] TrafficFormat format() const { return format_; }
  // The time of the first row: where a replay starts.
  [[nodiscard]] Duration origin() const { return origin_; }

 private:
  using Stream = std::function<Result<std::optional<TrafficRequest>>()>;
  TrafficReader(TrafficFormat format, Duration origin, Stream stream)
      : format_(format), origin_(origin), stream_(std::move(stream)) {}
  TrafficFormat format_;
  Duration origin_;
  Stream stream_;
};

// What is in a file, from one pass over its rows without making the requests.
struct TrafficSummary {
  TrafficFormat format = TrafficFormat::requests;
  double requests = 0;       // unscaled; token_rate: by the mean tokens of a request
  Duration first{}, last{};  // of the first row, and the end of the last
  double input_tokens = 0;   // means of a request
  double output_tokens = 0;
  double peak_rate = 0;  // requests per second in the busiest 10 minutes (of the span, when shorter)

  [[nodiscard]] Duration span() const { return last - first; }
};
[[nodiscard]] Result<TrafficSummary> summarize_traffic(ByteSource bytes, std::string name,
                                                       const TrafficOptions& options);

// The scale at which the busiest 10 minutes need `replicas` that each carry `replica_rate` requests per second.
[[nodiscard]] double scale_for_peak(const TrafficSummary& summary, double replica_rate, double replicas);

}  // namespace tidegate
