// Any bytes are either a fleet or errors, each with a place and a code; seeded with tests/configurations and examples.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "serve/config/configuration.h"
#include "serve/config/quantities.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace tidegate;
  const Resolvers resolvers{
      .profile = [](std::string_view) { return std::optional{CapacityHint{.slots = 8, .service = 2s}}; }};
  const auto loaded = load_configuration({reinterpret_cast<const char*>(bytes), size}, "fuzz.yaml", resolvers);
  CHECK(loaded.fleet.has_value() != loaded.problems.has_errors());
  for (const auto& problem : loaded.problems.sorted())
    CHECK(problem.at.line >= 1 && problem.at.column >= 1 && !problem.code.empty() && !problem.message.empty());
  CHECK(render(loaded.problems, loaded.filename, loaded.text).empty() ==
        (loaded.problems.errors() + loaded.problems.warnings() == 0));
  CHECK(!to_json(loaded.problems, loaded.filename).empty());
  if (loaded.fleet) {
    CHECK(!loaded.fleet->services.empty() && !summary(*loaded.fleet).empty());
    for (const auto& service : loaded.fleet->services)
      CHECK(!service.pools.empty() && service.guardrails.replicas_min <= service.guardrails.replicas_max);
  }
  return 0;
}
