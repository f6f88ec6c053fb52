// What `replay --prometheus` was asked for: which server, whose replicas, which stretch of the past.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "core/model/source_spec.h"
#include "edge/sources/hpa_history.h"

namespace tidegate {

struct PrometheusOrder {
  PrometheusServerSpec server;
  std::string address;  // for messages
  std::optional<Rival> rival;
  std::string traffic, sizes, attained;  // queries of the user's; empty: none
  Instant from{};
  Duration step = 1min;
  std::size_t steps = 0;

  [[nodiscard]] Instant until() const { return from + step * static_cast<std::int64_t>(steps); }
  [[nodiscard]] Duration span() const { return step * static_cast<std::int64_t>(steps); }
};

// --prometheus, --against, --since, --until, --step, --traffic, --sizes, --attained, --token-env.
[[nodiscard]] std::vector<Option> prometheus_options();
// Its errors are usage errors.
[[nodiscard]] Result<PrometheusOrder> read_prometheus_order(const Arguments& given);

}  // namespace tidegate
