#include "core/policy/peers/knative_windows.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidegate {
namespace {

constexpr double weight_left = 0.9999;
constexpr double coefficient_least = 0.2;
constexpr double six_digits = 1e6;
constexpr std::int64_t buckets_most = 3600;

// A window may have an hour of seconds; eight sums at once take an eighth of the time of one after the other.
constexpr std::size_t lanes = 8;

double plain_sum(std::span<const double> values) {
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += values[i + lane];
  double total = 0;
  for (const double sum : sums) total += sum;
  for (; i < values.size(); ++i) total += values[i];
  return total;
}

// Of the newest (last) value with `weight`, each older one with `ratio` times the weight of the one after it.
double weighted_sum(std::span<const double> values, double weight, double ratio) {
  std::array<double, lanes> weights{};
  double step = 1;
  for (double& one : weights) one = weight * step, step *= ratio;
  std::array<double, lanes> sums{};
  std::size_t left = values.size();
  for (; left >= lanes; left -= lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      sums[lane] += values[left - 1 - lane] * weights[lane];
      weights[lane] *= step;
    }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (std::size_t lane = 0; lane < left; ++lane) total += values[left - 1 - lane] * weights[lane];
  return total;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

double smoothing_coefficient(double buckets) {
  return std::max(1 - std::pow(1 - weight_left, 1 / buckets), coefficient_least);
}

std::int64_t slots_of(Duration window, Duration granularity) {
  return -floor_div(-window.count(), granularity.count());
}
std::int64_t slot_of(Instant at, Duration granularity) {
  return floor_div(at.time_since_epoch().count(), granularity.count());
}

BucketWindow::BucketWindow(Duration window, Duration granularity)
    : granularity_(granularity),
      buckets_(static_cast<std::size_t>(std::clamp(slots_of(window, granularity), std::int64_t{1}, buckets_most))) {}

std::int64_t BucketWindow::index(Instant at) const { return slot_of(at, granularity_); }

std::size_t BucketWindow::place(std::int64_t index) const {
  const std::int64_t place = index % count();
  return static_cast<std::size_t>(place < 0 ? place + count() : place);
}

BucketWindow::Parts BucketWindow::kept(std::int64_t newest) const {
  const std::size_t all = static_cast<std::size_t>(std::clamp(newest, std::int64_t{0}, count()));
  const std::span<const double> ring{buckets_};
  const std::size_t end = place(*last_) + 1;
  if (all <= end) return {{}, ring.subspan(end - all, all)};
  return {ring.last(all - end), ring.first(end)};
}

void BucketWindow::record(Instant at, double value) {
  if (buckets_.empty()) return;
  const std::int64_t now = index(at);
  if (!last_ || now - *last_ >= count()) {
    std::ranges::fill(buckets_, 0.0);
    first_ = last_ = now;
  } else if (now > *last_) {
    for (std::int64_t i = *last_ + 1; i <= now; ++i) bucket(i) = 0;
    last_ = now;
  } else if (now <= *last_ - count()) {
    return;
  }
  first_ = std::min(*first_, now);
  bucket(now) += value;
}

void BucketWindow::resize(Duration window) {
  BucketWindow other{window, granularity_};
  if (last_) {
    other.last_ = last_;
    other.first_ = std::max({*first_, *last_ - count() + 1, *last_ - other.count() + 1});
    for (std::int64_t i = *other.first_; i <= *last_; ++i) other.bucket(i) = bucket(i);
  }
  *this = std::move(other);
}

double BucketWindow::sum(Instant now) const {
  if (is_empty(now)) return 0;
  const std::int64_t oldest = std::max(*last_, index(now)) - count() + 1;
  const auto [older, newer] = kept(*last_ - std::max(oldest, *last_ - count() + 1) + 1);
  return plain_sum(older) + plain_sum(newer);
}

bool BucketWindow::is_empty(Instant now) const { return buckets_.empty() || !last_ || index(now) - *last_ >= count(); }

double BucketWindow::average(Instant now, KnativeAggregation algorithm) const {
  if (is_empty(now)) return 0;
  const std::int64_t stale = std::max(index(now) - *last_, std::int64_t{0});
  if (algorithm == KnativeAggregation::weighted_exponential) {
    const double m = smoothing_coefficient(static_cast<double>(count()));
    const double weight = m * std::pow(1 - m, static_cast<double>(stale));
    const auto [older, newer] = kept(count() - stale);
    return weighted_sum(newer, weight, 1 - m) +
           weighted_sum(older, weight * std::pow(1 - m, static_cast<double>(newer.size())), 1 - m);
  }
  // The stale tail is the oldest part of the window: neither its sum nor its length counts.
  const std::int64_t known = std::min(count(), *last_ - *first_ + 1);
  const std::int64_t counted = std::max(std::min(known, count() - stale), std::int64_t{1});
  return std::round(sum(now) / static_cast<double>(counted) * six_digits) / six_digits;
}

std::vector<BucketWindow::Bucket> BucketWindow::nonzero() const {
  std::vector<Bucket> all;
  if (!last_) return all;
  for (std::int64_t i = *last_ - count() + 1; i <= *last_; ++i)
    if (bucket(i) != 0) all.push_back({Instant{granularity_ * i}, bucket(i)});
  return all;
}

double record(SlidingMax& window, std::int64_t index, double value) {
  auto& entries = window.entries;
  if (!entries.empty()) index = std::max(index, entries.back().index);
  while (!entries.empty() && entries.back().value <= value) entries.pop_back();
  // Of one index only the larger value counts, and it is there already.
  if (entries.empty() || entries.back().index != index) entries.push_back({index, value});
  std::erase_if(entries, [&](const SlidingMax::Entry& entry) { return entry.index <= index - window.size; });
  return entries.front().value;
}

}  // namespace tidegate
