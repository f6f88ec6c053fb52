// Starts one process that outlives us: own session and process group, no controlling terminal, stdin /dev/null,
// output appended to its log, every other descriptor closed, default signals, its working directory. No shell.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace tidegate {

struct SpawnSpec {
  std::vector<std::string> command;                // not empty; found by PATH when it has no "/"
  std::map<std::string, std::string> environment;  // added to ours; replaces what has the same name
  std::string working_directory;                   // empty: ours
  std::string log_path;
};

// Answers the pid. Failures name what is wrong: the program, the folder or the log, and what to do.
[[nodiscard]] Result<std::int64_t> spawn(const SpawnSpec& spec);

// A port of 127.0.0.1 in [first, last] that nothing listens on and that is not in `taken`; begins at `start` and
// wraps. Somebody else may still take it before the replica does; the replica then fails and is retried elsewhere.
[[nodiscard]] Result<std::uint16_t> free_port(std::int32_t first, std::int32_t last, std::int32_t start,
                                              const std::vector<std::uint16_t>& taken);

}  // namespace tidegate
