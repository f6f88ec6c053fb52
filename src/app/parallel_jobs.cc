#include "app/parallel_jobs.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <thread>
#include <vector>

#include "app/signal_descriptor.h"

namespace tidegate {

std::size_t cores() { return std::max(1U, std::thread::hardware_concurrency()); }

bool run_jobs(const ParallelJobs& jobs, Terminal& terminal) {
  const FileDescriptor signals = open_signals({SIGINT, SIGTERM});
  std::atomic<std::size_t> next{0}, done{0};
  std::atomic<std::size_t> ended{0};  // threads
  std::atomic<bool> stop{false};
  std::vector<std::jthread> threads;
  const std::size_t width = std::clamp<std::size_t>(jobs.threads, 1, std::max<std::size_t>(jobs.count, 1));
  for (std::size_t i = 0; i < width; ++i)
    threads.emplace_back([&] {
      for (std::size_t job = next++; job < jobs.count && !stop; job = next++) {
        jobs.play(job, stop);
        ++done;
      }
      ++ended;
    });
  while (ended < width) {
    terminal.progress(
        fmt::format("{} {} of {} {}",
                    progress_bar(static_cast<double>(done) / static_cast<double>(std::max<std::size_t>(jobs.count, 1))),
                    done.load(), jobs.count, jobs.label));
    pollfd watched{.fd = signals.get(), .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, ended < width ? 50 : 0) > 0 && next_signal(signals) != 0) stop = true;
  }
  threads.clear();
  terminal.clear_progress();
  return !stop;
}

}  // namespace tidegate
