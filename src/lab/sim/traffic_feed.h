// What traffic and its summary share: rows that can be looked at first, and the bins of a whole per_function file.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lab/sim/traffic.h"
#include "lab/sim/traffic_bins.h"
#include "lab/sim/traffic_rows.h"

namespace tidegate {

// Rows, with those already looked at handed out again first.
class RowFeed {
 public:
  explicit RowFeed(TrafficRows rows) : rows_(std::move(rows)) {}

  [[nodiscard]] Result<bool> next(TrafficRow& row);
  // Looks at the first `count` rows; there may be fewer.
  [[nodiscard]] Result<std::deque<TrafficRow>> peek(std::size_t count);
  [[nodiscard]] const LineReader& lines() const { return rows_.lines(); }
  [[nodiscard]] TrafficFormat format() const { return rows_.format(); }

 private:
  TrafficRows rows_;
  std::deque<TrafficRow> ahead_;
};
using Rows = std::shared_ptr<RowFeed>;

[[nodiscard]] double requests_in(const TrafficRow& row, TrafficFormat format, const TokenSizes& sizes);

// The width of a rate file's bins, from its first two.
[[nodiscard]] Result<Duration> bin_width(const std::deque<TrafficRow>& first_two, const LineReader& lines);

// The bins of every function of a per_function file, in order of name and time.
struct FunctionBins {
  std::map<std::string, std::vector<TrafficBin>> bins;
  Duration first = Duration::max();  // of the whole file, also when one function is chosen
  Duration width = 60s;
};

// Of all functions, or of one.
[[nodiscard]] Result<FunctionBins> read_functions(const Rows& rows, const std::string& only);

}  // namespace tidegate
