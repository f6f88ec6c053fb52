#include "serve/runtime/attainment.h"

#include <algorithm>

namespace tidegate {
namespace {

std::int64_t minute_of(Instant at) { return std::chrono::floor<std::chrono::minutes>(at).time_since_epoch().count(); }

}  // namespace

void Attainment::add(const Observation& seen) {
  const double within = seen.within_slo.fresh().value_or(0), missed = seen.missed_slo.fresh().value_or(0);
  const auto minute = minute_of(seen.now);
  while (!buckets_.empty() && buckets_.front().minute < minute_of(seen.now - window)) buckets_.pop_front();
  if (within <= 0 && missed <= 0) return;
  if (buckets_.empty() || buckets_.back().minute != minute) buckets_.push_back({.minute = minute});
  buckets_.back().within += std::max(within, 0.0);
  buckets_.back().missed += std::max(missed, 0.0);
}

std::optional<double> Attainment::share(Instant now) const {
  double within = 0, all = 0;
  for (const auto& bucket : buckets_) {
    if (bucket.minute < minute_of(now - window)) continue;
    within += bucket.within;
    all += bucket.within + bucket.missed;
  }
  return all > 0 ? std::optional(within / all) : std::nullopt;
}

}  // namespace tidegate
