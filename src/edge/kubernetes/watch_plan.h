// Decides what keeps a copy of a list current: when to list, when to watch and from where, how long to wait in between.
// Pure: it is told what happened and when; it touches no network and sleeps never.
//
//   list -> watch from the list's resourceVersion -> (it ends) -> watch from the last event's or bookmark's -> ...
//
// A watch that ends well is begun again at once. One that is cut, silent or refused is begun again from where it was
// after a back-off; `expired` (410), garbage and anything we do not understand begin anew with a list. The back-off
// starts over when a watch lived for `sound_after`, or brought something and ended well; so a server that breaks every
// watch sees a list every `longest`, not a storm. A server that says when to come back is obeyed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "edge/kubernetes/api_error.h"
#include "edge/kubernetes/retry.h"

namespace tidegate {

struct WatchTimes {
  Duration length = 5min;  // of one watch; the server ends it between this and half of it
  BackoffTimes backoff{.first = 500ms, .longest = 30s, .jitter = 0.5};
  Duration sound_after = 5s;
  Duration obeyed_max = 5min;  // longest wait a server may ask for
};

struct WatchStep {
  bool lists = true;             // otherwise: watches
  std::string resource_version;  // to watch from
  Duration length{};             // of the watch
  Duration wait{};               // before it
};

class WatchPlan {
 public:
  WatchPlan(WatchTimes times, std::uint64_t seed) : times_(times), backoff_(times.backoff, seed), prng_(seed + 1) {}

  // What to do next, once per step.
  [[nodiscard]] WatchStep next();

  void list_ended(const ApiResult<std::string>& resource_version);
  // An event or a bookmark arrived.
  void passed(std::string_view resource_version);
  // The watch that next() asked for is over, after `lived`.
  void watch_ended(const ApiResult<void>& how, Duration lived);

 private:
  void fail(const ApiError& error);

  WatchTimes times_;
  Backoff backoff_;
  Prng prng_;
  std::string resource_version_;  // empty: list
  bool has_passed_ = false;       // something, in this watch
  Duration wait_{};
};

}  // namespace tidegate
