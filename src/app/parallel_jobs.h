// Independent jobs on a few threads, from a command that a person may watch and interrupt.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "app/terminal.h"

namespace tidegate {

struct ParallelJobs {
  std::size_t count = 0;
  std::size_t threads = 1;
  // Plays one job; `stop` turns true when it should end early. Called from the threads.
  std::function<void(std::size_t job, const std::atomic<bool>& stop)> play;
  std::string label;  // beside the progress bar
};

// False: interrupted (Ctrl-C); the jobs under way were told to stop and have ended.
[[nodiscard]] bool run_jobs(const ParallelJobs& jobs, Terminal& terminal);

// How many threads --jobs asks for; as many as there are cores without it.
[[nodiscard]] std::size_t cores();

}  // namespace tidegate
