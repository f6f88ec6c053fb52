// `tidegate decide` without its pipes: answers each line with one line and remembers each service between them.
//
// A line that cannot be read gets an error and changes nothing. Each line is decided by itself, so a budget that
// services share is not applied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/decide/decide.h"
#include "serve/lines/observation_reader.h"

namespace tidegate {

class Brain {
 public:
  explicit Brain(FleetSpec fleet);

  // The answer, without the end of the line.
  [[nodiscard]] std::string answer(std::string_view line);

 private:
  const FleetSpec fleet_;
  ObservationReader reader_;
  std::vector<ServiceState> states_;  // in the order of the fleet
  std::int64_t lines_ = 0;
};

}  // namespace tidegate
