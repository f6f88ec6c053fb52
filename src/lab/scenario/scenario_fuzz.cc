// Any bytes are either a scenario or an error with a place; seeded with every file in tests/scenarios.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "lab/scenario/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto scenario = tidegate::parse_scenario({reinterpret_cast<const char*>(bytes), size}, "fuzz.scn");
  if (scenario)
    CHECK(scenario->steps() >= 1 && !scenario->variants.empty() && scenario->pools.size() >= 1);
  else
    CHECK(scenario.error().message.starts_with("fuzz.scn:"));
  return 0;
}
