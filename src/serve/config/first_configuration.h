// The commented file that `tidegate init` writes, from what was found on the machine. Pure text: looking for things
// is the command's business.
//
// Promises: the file loads without an error; servers that run already are only watched (mode shadow); a key given on
// a server's command line is not copied into the file but becomes a reference.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/quantity.h"

namespace tidegate {

struct FoundGpu {
  std::int32_t index = 0;
  std::string name;  // "NVIDIA H200"; empty: unknown
  std::optional<Bytes> memory;
};

// A running vLLM server.
struct FoundServer {
  std::int64_t pid = 0;
  std::vector<std::string> command;
  std::uint16_t port = 8000;
};

struct Findings {
  std::vector<FoundGpu> gpus;               // ordered by index
  std::optional<std::uint16_t> prometheus;  // of a server on 127.0.0.1 that is ready
  std::vector<FoundServer> servers;         // ordered by pid
};

[[nodiscard]] std::string first_configuration(const Findings& findings);

}  // namespace tidegate
