#include "core/signals/track.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {

namespace {

constexpr double stale_periods = 3;
constexpr double slow_periods = 1.5;

// Cumulative counts that fall, or are no numbers, cannot be trusted.
bool is_sound(const Histogram& histogram) {
  if (histogram.buckets.empty()) return false;
  double cumulative = 0, upper = -std::numeric_limits<double>::infinity();
  for (const HistogramBucket& bucket : histogram.buckets) {
    if (!(bucket.cumulative >= cumulative) || !(bucket.upper > upper) || std::isinf(bucket.cumulative)) return false;
    cumulative = bucket.cumulative;
    upper = bucket.upper;
  }
  return true;
}

bool same_bounds(const Histogram& a, const Histogram& b) {
  return std::ranges::equal(a.buckets, b.buckets, {}, &HistogramBucket::upper, &HistogramBucket::upper);
}

bool not_smaller(const Histogram& next, const Histogram& last) {
  for (std::size_t i = 0; i < next.buckets.size(); ++i)
    if (next.buckets[i].cumulative < last.buckets[i].cumulative) return false;
  return true;
}

}  // namespace

bool Track::ingest(const Sample& sample) {
  if (sample.taken <= heard_ && heard_ != Instant{}) return false;
  const bool first = !has_value();
  const Instant before = taken_;
  heard_ = sample.taken;
  period_ = std::max(sample.period, Duration{1ms});
  if (!sample.pool.empty()) pool_ = sample.pool;
  quality_ = sample.quality;
  cause_ = sample.cause;
  const bool carries = quality_ == Quality::fresh || quality_ == Quality::stale;
  if (!carries) return false;
  bool restarted = false;
  if (const auto* gauge = std::get_if<Gauge>(&sample.value)) {
    if (!std::isfinite(gauge->value)) {
      quality_ = Quality::nan;
      return false;
    }
    kind_ = Kind::gauge;
    gauge_ = gauge->value;
  } else if (const auto* counter = std::get_if<Counter>(&sample.value)) {
    if (!std::isfinite(counter->total) || counter->total < 0) {
      quality_ = Quality::nan;
      return false;
    }
    restarted = ingest(*counter);
  } else if (const auto* histogram = std::get_if<Histogram>(&sample.value)) {
    if (!is_sound(*histogram)) {
      quality_ = Quality::nan;
      return false;
    }
    restarted = ingest(*histogram);
  } else {
    quality_ = Quality::absent;
    return false;
  }
  taken_ = sample.taken;
  if (!first) {
    has_interval_ = true;
    pending_.span += taken_ - before;
  }
  return restarted;
}

bool Track::ingest(const Counter& counter) {
  bool restarted = false;
  if (kind_ == Kind::counter) {
    restarted = counter.epoch != epoch_ || counter.total < total_;
    pending_.count += restarted ? counter.total : counter.total - total_;
  }
  kind_ = Kind::counter;
  total_ = counter.total;
  epoch_ = counter.epoch;
  return restarted;
}

bool Track::ingest(const Histogram& histogram) {
  bool restarted = false;
  if (kind_ == Kind::histogram) {
    const bool comparable = same_bounds(histogram, last_);
    restarted = histogram.epoch != last_.epoch || !comparable || !not_smaller(histogram, last_);
    if (pending_.buckets.size() != histogram.buckets.size() || !comparable) {
      pending_.bounds.clear();
      for (const HistogramBucket& bucket : histogram.buckets) pending_.bounds.push_back(bucket.upper);
      pending_.buckets.assign(histogram.buckets.size(), 0.0);
      pending_.count = pending_.sum = 0;
    }
    double before = 0;
    for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
      const double cumulative = histogram.buckets[i].cumulative - (restarted ? 0.0 : last_.buckets[i].cumulative);
      // Two cumulative counts that each rose may still have differences that fall: read in the midst of a change.
      pending_.buckets[i] += std::max(0.0, cumulative - before);
      before = std::max(before, cumulative);
    }
    pending_.count += before;
    const double sum = histogram.sum - (restarted ? 0.0 : last_.sum);
    if (std::isfinite(sum)) pending_.sum += std::max(0.0, sum);
  }
  kind_ = Kind::histogram;
  last_ = histogram;
  total_ = histogram.buckets.back().cumulative;
  return restarted;
}

Quality Track::quality(Instant now) const {
  if (quality_ == Quality::fresh && seconds(now - heard_) > stale_periods * seconds(period_)) return Quality::stale;
  return quality_;
}

Increment Track::take(Instant now, Duration interval) {
  if (pending_.span <= Duration{}) return {};
  const double period = seconds(period_), tick = seconds(interval), span = seconds(pending_.span);
  // Histograms feed a window of 60 s: spreading them over ticks would change nothing there.
  const bool spread = kind_ == Kind::counter && period > slow_periods * tick;
  if (span > stale_periods * period && span > slow_periods * tick) {
    const double share = std::max(period, tick) / span;
    pending_.count *= share;
    pending_.sum *= share;
    for (double& bucket : pending_.buckets) bucket *= share;
    pending_.span = from_seconds(std::max(period, tick));
  }
  const double until_due = seconds(taken_ - now) + period + tick;
  if (!spread || until_due <= tick) {
    Increment all = pending_;
    discard();
    return all;
  }
  const double fraction = tick / until_due;
  Increment part{.count = pending_.count * fraction, .span = interval};
  pending_.count -= part.count;
  pending_.span = from_seconds(span * (1 - fraction));
  return part;
}

void Track::discard() {
  pending_.count = pending_.sum = 0;
  pending_.span = Duration{};
  std::ranges::fill(pending_.buckets, 0.0);
}

}  // namespace tidegate
