// As scenario_fuzz, with the configuration's reader behind policies that the language has no words for; and a short
// feed that is understood can be played. Seeded with tests/scenarios/peers and tests/scenarios/contract.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "lab/scenario/core_decider.h"
#include "lab/scenario/runner.h"
#include "serve/config/configuration.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace tidegate;
  constexpr std::int64_t steps_most = 300;
  const auto scenario = parse_scenario({reinterpret_cast<const char*>(bytes), size}, "fuzz.scn", read_policy_text);
  if (!scenario) {
    CHECK(scenario.error().message.starts_with("fuzz.scn:"));
    return 0;
  }
  if (std::holds_alternative<Feed>(scenario->drive) && scenario->steps() <= steps_most &&
      scenario->variants.size() + scenario->worse.size() <= 4)
    (void)run_scenario(*scenario, core_decider);
  return 0;
}
