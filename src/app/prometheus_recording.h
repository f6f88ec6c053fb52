// A ServiceRecording out of a Prometheus server: `replay --prometheus`. Read-only; every question has a deadline.
#pragma once

#include <optional>

#include "app/command.h"
#include "app/prometheus_order.h"
#include "app/recording.h"
#include "app/simulated_service.h"

namespace tidegate {

// With the service of --config, or one of which nothing is known; nothing is recorded yet.
[[nodiscard]] Result<ServiceRecording> begin_recording(const Arguments& given);

// `known`: the service as it will be played, for its objectives and for what can be measured in it. None: interrupted
// (Ctrl-C).
[[nodiscard]] Result<std::optional<ServiceRecording>> record_prometheus(const PrometheusOrder& order,
                                                                        const ServiceRecording& begun,
                                                                        const SimulatedService& known,
                                                                        Terminal& terminal);

}  // namespace tidegate
