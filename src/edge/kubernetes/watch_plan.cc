#include "edge/kubernetes/watch_plan.h"

#include <algorithm>
#include <utility>

namespace tidegate {

WatchStep WatchPlan::next() {
  has_passed_ = false;
  const Duration wait = std::exchange(wait_, Duration{});
  if (resource_version_.empty()) return {.lists = true, .wait = wait};
  // Spread, so that watches begun together do not end together.
  const Duration length = from_seconds(seconds(times_.length) * (1 - 0.5 * prng_.uniform()));
  return {.lists = false, .resource_version = resource_version_, .length = length, .wait = wait};
}

void WatchPlan::list_ended(const ApiResult<std::string>& resource_version) {
  if (resource_version)
    resource_version_ = *resource_version;
  else
    fail(resource_version.error());
}

void WatchPlan::passed(std::string_view resource_version) {
  resource_version_ = resource_version;
  has_passed_ = true;
}

void WatchPlan::watch_ended(const ApiResult<void>& how, Duration lived) {
  const bool is_sound = lived >= times_.sound_after || (has_passed_ && how);
  if (is_sound) backoff_.reset();
  if (!how)
    fail(how.error());
  else if (!is_sound)
    wait_ = backoff_.next();
}

void WatchPlan::fail(const ApiError& error) {
  const bool keeps_place = error.reason == ApiReason::unreachable || error.reason == ApiReason::unavailable ||
                           error.reason == ApiReason::too_many_requests || error.reason == ApiReason::unauthorized ||
                           error.reason == ApiReason::untrusted;
  if (!keeps_place) resource_version_.clear();
  wait_ = std::max(backoff_.next(), std::min(error.retry_after.value_or(Duration{}), times_.obeyed_max));
}

}  // namespace tidegate
