// Any bytes are an observation or a refusal, and an answer can be written for either.
#include <cstdint>

#include "serve/lines/decision_line.h"
#include "serve/lines/observation_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidegate;
  static const FleetSpec fleet{.services = {{.name = "chat", .pools = {{.name = "h100"}, {.name = "l4"}}}}};
  static ObservationReader reader{fleet};
  const auto read = reader.read({reinterpret_cast<const char*>(data), size});
  const auto line =
      read ? decision_line({.now = read->seen.now, .service = read->seen.service}) : error_line(read.error(), 1);
  if (line.find('\n') != std::string::npos) __builtin_trap();
  return 0;
}
