// Reads the lines of `tidegate decide`: one JSON object is one observation of one service (docs/formats/lines.md).
//
// Strict: an unknown or repeated field, a wrong type, a number out of range, an unknown service or pool refuses the
// whole line and changes nothing. A field left out (or null) is absent, which is not zero. A replica count left out
// stays as it was told last; before that there are none. Of a pool that a line does not name, the newest order is taken
// for carried out, so that a hold for want of data holds what was ordered.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/base/error.h"
#include "core/model/decision.h"
#include "core/model/fleet_spec.h"
#include "core/model/observation.h"

namespace tidegate {

inline constexpr std::size_t line_bytes_max = 1U << 20;

struct ObservedLine {
  std::size_t service = 0;  // its place in the fleet
  Observation seen;         // pools in the order of the spec
};

class ObservationReader {
 public:
  explicit ObservationReader(const FleetSpec& fleet);  // borrowed
  ObservationReader(const ObservationReader&) = delete;
  ObservationReader& operator=(const ObservationReader&) = delete;
  ~ObservationReader();

  [[nodiscard]] Result<ObservedLine> read(std::string_view line);
  // What was decided on it.
  void order(std::size_t service, const Decision& decision);

 private:
  class Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace tidegate
