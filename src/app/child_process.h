// A program that runs for us and not longer than us: it gets SIGTERM when we end, however we end.
//
// It is started in a session of its own, so that Ctrl-C on the terminal reaches only us and the end has an order.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

struct ChildOptions {
  std::vector<std::string> command;      // a path, and its arguments
  std::vector<std::string> environment;  // NAME=VALUE, added to ours
  std::string output;                    // file that gets its stdout
  std::string log;                       // file that gets its stderr
};

class ChildProcess {
 public:
  [[nodiscard]] static Result<ChildProcess> start(const ChildOptions& options);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // as end(10s)

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool runs();
  void signal(int number) const;
  // SIGTERM, and SIGKILL when it has not ended within that time. Idempotent.
  void end(Duration within);
  // Of one that has ended; -1 when a signal ended it.
  [[nodiscard]] int status() const { return status_; }

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_ = 0;
  bool ended_ = false;
  int status_ = -1;
};

// The path of this very program.
[[nodiscard]] std::string this_program();

// Kills every process of ours whose environment holds the text NAME=VALUE; answers how many there were.
int sweep(const std::string& marker);

}  // namespace tidegate
