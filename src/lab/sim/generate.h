// Traffic made up from a small text, where no recorded trace is at hand:
//
//   KIND[:NAME=VALUE,...][;KIND...]      parts after a ';' follow one another
//
//   constant  rate
//   ramp      from, to                   over the length
//   step      from, to, at
//   diurnal   rate, swing, peak, weekend     mean rate, half the height of the day over it, hour of the peak, factor of
//                                        the days 6 and 7
//   flash     rate, peak, at, rise, fall     times the rate, and how quickly it comes and halves
//   mmpp      rate, high, low_for, high_for  two rates, the mean times in each (Markov-modulated)
//   onoff     rate, on, off              mean times
//   regime    rate, spread, every        the rate is drawn anew, lognormal, after a mean time
//   sparse    every                      a request now and then
//
// Each part also takes length (default 1h; diurnal 7d), burst (variance of the gaps over their mean squared: 1 Poisson,
// 0 clockwork), repeat (times), shift (the part begins that much later in its own curve). Rates in requests per second.
// Worked: "step:from=2,to=10,at=20m,length=1h" brings 2400 + 24000 requests. Deterministic from the seed.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/error.h"
#include "lab/sim/request_feed.h"

namespace tidegate {

struct GeneratedTraffic {
  RequestFeed feed;
  Duration length{};
  double requests = 0;   // expected
  double peak_rate = 0;  // highest mean over 10 minutes
};

struct GenerateOptions {
  double scale = 1;  // times every rate
  TokenSizes sizes;
  std::uint64_t seed = 1;
};

[[nodiscard]] Result<GeneratedTraffic> generate_traffic(std::string_view text, const GenerateOptions& options);

}  // namespace tidegate
