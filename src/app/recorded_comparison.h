// Plays a recording: what happened, who scaled then, and other policies, on one simulated fleet with the recorded
// traffic; and says what they were worth side by side.
#pragma once

#include <string>

#include "app/command.h"
#include "app/recording.h"
#include "app/simulated_service.h"

namespace tidegate {

// --warm-up, --tick, --burstiness, --tokens, --seed, --no-bounds, --jobs, --report and the service's but --config.
[[nodiscard]] std::vector<Option> recorded_comparison_options();

// The recording's service as it will be played, and whether all that is asked for can be: said before anything is asked
// or read.
[[nodiscard]] Result<SimulatedService> check_recorded(const ServiceRecording& begun, const std::string& policies,
                                                      const Arguments& given);

// The status of the command. `policies` as `compare --policies` takes them.
[[nodiscard]] int compare_recorded(ServiceRecording recording, const std::string& policies, const Arguments& given,
                                   Terminal& terminal);

}  // namespace tidegate
