#include "lab/sim/traffic_feed.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

// The narrowest distance of two bins of the file, because empty ones are left out; one bin alone is a minute.
Duration narrowest(const std::map<std::string, std::vector<TrafficBin>>& bins) {
  std::vector<Duration> times;
  for (const auto& [name, some] : bins)
    for (const auto& bin : some) times.push_back(bin.at);
  std::ranges::sort(times);
  Duration width = Duration::max();
  for (std::size_t i = 1; i < times.size(); ++i)
    if (times[i] > times[i - 1]) width = std::min(width, times[i] - times[i - 1]);
  return width == Duration::max() ? 60s : width;
}

}  // namespace

Result<bool> RowFeed::next(TrafficRow& row) {
  if (ahead_.empty()) return rows_.next(row);
  row = std::move(ahead_.front());
  ahead_.pop_front();
  return true;
}

Result<std::deque<TrafficRow>> RowFeed::peek(std::size_t count) {
  while (ahead_.size() < count) {
    TrafficRow row;
    const auto found = rows_.next(row);
    if (!found) return std::unexpected(found.error());
    if (!*found) break;
    ahead_.push_back(std::move(row));
  }
  return ahead_;
}

double requests_in(const TrafficRow& row, TrafficFormat format, const TokenSizes& sizes) {
  return format == TrafficFormat::token_rate ? row.count / (sizes.input_mean + sizes.output_mean) : row.count;
}

Result<Duration> bin_width(const std::deque<TrafficRow>& first_two, const LineReader& lines) {
  if (first_two.size() == 2 && first_two[1].at > first_two[0].at) return first_two[1].at - first_two[0].at;
  return lines.fail_at(0, "a rate file needs two bins, one after the other: their difference is the width of all");
}

Result<FunctionBins> read_functions(const Rows& rows, const std::string& only) {
  FunctionBins all;
  TrafficRow row;
  std::size_t count = 0;
  for (;;) {
    const auto found = rows->next(row);
    if (!found) return std::unexpected(found.error());
    if (!*found) break;
    if (++count > TrafficReader::bins_max)
      return fail(ErrorKind::too_large, fmt::format("{}: more than {} rows; split the file by function",
                                                    rows->lines().name(), TrafficReader::bins_max));
    auto& bins = all.bins[row.function];
    if (!bins.empty() && row.at <= bins.back().at)
      return rows->lines().fail_at(0, fmt::format("function '{}' has a bin at {:.9g} s after one at {:.9g} s",
                                                  row.function, seconds(row.at), seconds(bins.back().at)));
    bins.push_back({row.at, row.count});
    all.first = std::min(all.first, row.at);
  }
  all.width = narrowest(all.bins);
  if (only.empty()) return all;
  const auto chosen = all.bins.find(only);
  if (chosen == all.bins.end())
    return fail(ErrorKind::not_found, fmt::format("{}: no function '{}' among the {} of the file", rows->lines().name(),
                                                  only, all.bins.size()));
  auto bins = std::move(chosen->second);
  all.bins.clear();
  all.bins.emplace(only, std::move(bins));
  return all;
}

}  // namespace tidegate
