// Runs a program to its end and keeps what it writes: no terminal, stdin closed, a bound on time and bytes, its whole
// process group killed when it breaks one. No shell.
#pragma once

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

struct ProgramCall {
  std::vector<std::string> command;                                   // not empty; found by PATH when it has no "/"
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to ours; replaces what has the name
  Duration timeout = 60s;
  std::size_t output_max = 1024 * 1024;
};

struct ProgramOutput {
  int status = 0;      // -1: a signal ended it
  std::string output;  // stdout
  std::string talk;    // the last of stderr
};

// not_found: there is no such program. unreachable: it was too slow, or `stop` was asked for. too_large: it wrote too
// much.
[[nodiscard]] Result<ProgramOutput> run_captured(const ProgramCall& call, std::stop_token stop = {});

}  // namespace tidegate
