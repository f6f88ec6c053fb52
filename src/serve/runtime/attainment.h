// The share of requests within the SLO over the last hour, in buckets of a minute. Requests that a reading missed are
// not counted either way.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "core/base/time.h"
#include "core/model/observation.h"

namespace tidegate {

class Attainment {
 public:
  static constexpr Duration window = std::chrono::hours{1};

  void add(const Observation& seen);
  // None: no request ended within the window.
  [[nodiscard]] std::optional<double> share(Instant now) const;

 private:
  struct Bucket {
    std::int64_t minute = 0;
    double within = 0;
    double missed = 0;
  };
  std::deque<Bucket> buckets_;  // oldest first
};

}  // namespace tidegate
