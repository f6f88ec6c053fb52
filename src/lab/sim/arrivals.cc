#include "lab/sim/arrivals.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {
namespace {

// Seconds into a straight piece of rate a to b over `length` seconds until `requests` have come.
// Solves a x + (b - a) x^2 / (2 length) = requests in the form that stays exact for a flat piece.
double seconds_until(double a, double b, double length, double requests) {
  const double slope = (b - a) / length;
  const double root = std::sqrt(std::max(0.0, a * a + 2 * slope * requests));
  return 2 * requests / (a + root);
}

}  // namespace

RateCurve& RateCurve::knot(Duration at, double rate) {
  CHECK(rate >= 0 && (knots_.empty() || knots_.back().at <= at));
  knots_.push_back({at, rate});
  return *this;
}

double RateCurve::rate(Duration at) const {
  const auto next = std::ranges::upper_bound(knots_, at, {}, &Knot::at);
  if (next == knots_.begin()) return knots_.empty() ? 0 : knots_.front().rate;
  const auto& before = *std::prev(next);
  if (next == knots_.end()) return before.rate;
  return before.rate + (next->rate - before.rate) * (seconds(at - before.at) / seconds(next->at - before.at));
}

std::optional<Duration> RateCurve::after(Duration from, double requests) const {
  double here = rate(from);
  for (auto next = std::ranges::upper_bound(knots_, from, {}, &Knot::at); next != knots_.end(); ++next) {
    const double length = seconds(next->at - from);
    if (length > 0) {
      // A step ends its piece at the first knot of that time and starts the next one at the last.
      const double came = (here + next->rate) / 2 * length;
      if (came >= requests) return from + from_seconds(seconds_until(here, next->rate, length, requests));
      requests -= came;
    }
    from = next->at;
    here = next->rate;
  }
  if (here <= 0) return std::nullopt;
  return from + from_seconds(requests / here);
}

ArrivalStream renewal_arrivals(RateCurve curve, double burstiness, Prng random) {
  return [curve = std::move(curve), burstiness, random, at = Duration::zero()]() mutable -> std::optional<Duration> {
    const double gap = burstiness > 0 ? random.gamma(1 / burstiness, burstiness) : 1.0;
    const auto next = curve.after(at, gap);
    if (next) at = *next;
    return next;
  };
}

ArrivalStream merged_arrivals(std::vector<ArrivalStream> streams) {
  if (streams.size() == 1) return std::move(streams.front());
  std::vector<std::optional<Duration>> heads;
  for (auto& stream : streams) heads.push_back(stream());
  return [streams = std::move(streams), heads = std::move(heads)]() mutable -> std::optional<Duration> {
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < heads.size(); ++i)
      if (heads[i] && (!first || *heads[i] < *heads[*first])) first = i;
    if (!first) return std::nullopt;
    const auto at = heads[*first];
    heads[*first] = streams[*first]();
    return at;
  };
}

}  // namespace tidegate
