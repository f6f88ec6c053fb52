// One long streamed answer, read in a thread of its own: how many tokens came, and whether it came to its end.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "core/base/time.h"

namespace tidegate {

class DemoStream {
 public:
  // Asks the gateway at "127.0.0.1:8080" for so many tokens.
  DemoStream(const std::string& gateway, int tokens);
  DemoStream(const DemoStream&) = delete;
  DemoStream& operator=(const DemoStream&) = delete;
  ~DemoStream();  // hangs up

  [[nodiscard]] int tokens() const { return tokens_; }
  [[nodiscard]] bool runs() const { return !over_; }
  // The server said that it was done, as opposed to a break.
  [[nodiscard]] bool is_complete() const { return complete_; }

 private:
  void read(const std::string& gateway, int tokens);

  std::atomic<int> tokens_{0};
  std::atomic<bool> over_{false};
  std::atomic<bool> complete_{false};
  std::atomic<bool> hangs_up_{false};
  std::thread thread_;
};

}  // namespace tidegate
