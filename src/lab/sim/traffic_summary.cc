// What is in a traffic file, from its rows alone.
#include <fmt/format.h>

#include <algorithm>

#include "lab/sim/traffic.h"
#include "lab/sim/traffic_feed.h"

namespace tidegate {
namespace {

constexpr Duration window = 10min;
constexpr std::size_t minutes_max = 10'000'000;  // 19 years

class Totals {
 public:
  explicit Totals(TrafficSummary& summary) : summary_(summary) {}

  void request(const TrafficRow& row) {
    cover(row.at, row.at);
    summary_.requests += 1;
    summary_.input_tokens += static_cast<double>(row.input_tokens);
    summary_.output_tokens += static_cast<double>(row.output_tokens);
    minutes_[row.at / 1min] += 1;
  }
  void bin(Duration at, Duration width, double requests) {
    cover(at, at + width);
    summary_.requests += requests;
    if (width >= window) {
      summary_.peak_rate = std::max(summary_.peak_rate, requests / seconds(width));
      return;
    }
    // Spread over the minutes it touches.
    for (Duration from = at; from < at + width;) {
      const Duration to = std::min<Duration>(at + width, (from / 1min + 1) * 1min);
      minutes_[from / 1min] += requests * (seconds(to - from) / seconds(width));
      from = to;
    }
  }
  [[nodiscard]] bool is_full() const { return minutes_.size() > minutes_max; }

  void close() {
    if (summary_.requests > 0) {
      summary_.input_tokens /= summary_.requests;
      summary_.output_tokens /= summary_.requests;
    }
    const double wide = std::clamp(seconds(summary_.span()), 1.0, seconds(window));
    double inside = 0;
    for (auto last = minutes_.begin(), first = last; last != minutes_.end(); ++last) {
      inside += last->second;
      for (; first->first <= last->first - window / 1min; ++first) inside -= first->second;
      summary_.peak_rate = std::max(summary_.peak_rate, inside / wide);
    }
  }

 private:
  void cover(Duration from, Duration to) {
    summary_.first = any_ ? std::min(summary_.first, from) : from;
    summary_.last = any_ ? std::max(summary_.last, to) : to;
    any_ = true;
  }
  TrafficSummary& summary_;
  std::map<std::int64_t, double> minutes_;  // requests per minute of the file
  bool any_ = false;
};

Result<void> add_rows(const Rows& rows, Totals& totals, const TrafficOptions& options) {
  Duration width{};
  if (has_bins(rows->format())) {
    const auto first_two = rows->peek(2);
    if (!first_two) return std::unexpected(first_two.error());
    const auto found = bin_width(*first_two, rows->lines());
    if (!found) return std::unexpected(found.error());
    width = *found;
  }
  TrafficRow row;
  while (!totals.is_full()) {
    const auto found = rows->next(row);
    if (!found) return std::unexpected(found.error());
    if (!*found) return {};
    if (width > Duration::zero())
      totals.bin(row.at, width, requests_in(row, rows->format(), options.sizes));
    else
      totals.request(row);
  }
  return fail(ErrorKind::too_large, fmt::format("{}: more than {} minutes", rows->lines().name(), minutes_max));
}

}  // namespace

Result<TrafficSummary> summarize_traffic(ByteSource bytes, std::string name, const TrafficOptions& options) {
  auto opened = TrafficRows::open(std::move(bytes), std::move(name));
  if (!opened) return std::unexpected(opened.error());
  TrafficSummary summary;
  summary.format = opened->format();
  const auto rows = std::make_shared<RowFeed>(std::move(*opened));
  Totals totals(summary);
  if (summary.format == TrafficFormat::per_function) {
    const auto all = read_functions(rows, options.function);
    if (!all) return std::unexpected(all.error());
    for (const auto& [function, bins] : all->bins)
      for (const auto& bin : bins) totals.bin(bin.at, all->width, bin.requests);
  } else if (auto added = add_rows(rows, totals, options); !added) {
    return std::unexpected(added.error());
  }
  totals.close();
  if (has_bins(summary.format)) {
    summary.input_tokens = options.sizes.input_mean;
    summary.output_tokens = options.sizes.output_mean;
  }
  return summary;
}

double scale_for_peak(const TrafficSummary& summary, double replica_rate, double replicas) {
  return summary.peak_rate > 0 ? replicas * replica_rate / summary.peak_rate : 1;
}

}  // namespace tidegate
