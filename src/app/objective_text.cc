#include "app/objective_text.h"

#include <fmt/format.h>

#include "serve/config/quantities.h"

namespace tidegate {

Result<Objective> read_objective(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const std::size_t underscore = name.rfind('_');
  if (equals != std::string::npos && underscore != std::string::npos) {
    const auto kind = from_text<LatencyKind>(name.substr(0, underscore));
    const auto percentile = from_text<Percentile>(name.substr(underscore + 1));
    const auto bound = read_duration(std::string_view{text}.substr(equals + 1));
    if (kind && percentile && bound && *bound > Duration::zero()) return Objective{*kind, *percentile, *bound};
    if (kind && percentile && !bound)
      return fail(ErrorKind::invalid, fmt::format("--slo {}: {}; {}", text, bound.error().message, bound.error().help));
  }
  return fail(ErrorKind::invalid,
              fmt::format("--slo wants KIND_PERCENTILE=DURATION, as ttft_p99=2s; kinds are ttft, itl, "
                          "latency and queue_wait, percentiles p50, p90, p95, p99 and p999, not '{}'",
                          text));
}

}  // namespace tidegate
