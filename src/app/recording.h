// What was recorded of a running service, from wherever it came: what `replay` plays policies against.
#pragma once

#include <string>
#include <vector>

#include "core/model/service_spec.h"
#include "lab/sim/recorded_load.h"
#include "lab/sweep/comparison.h"

namespace tidegate {

struct ServiceRecording {
  std::string name;  // "hpa/prod/chat"
  RecordedLoad load;
  ServiceSpec service;
  bool is_plain = false;           // nothing of the service was configured
  std::vector<Contestant> rivals;  // who scaled it, as far as that can be played
  std::vector<std::string> notes;  // for a person
};

// "2026-11-12 04:00Z"
[[nodiscard]] std::string minute_text(Instant at);

}  // namespace tidegate
