// The newest samples of a source, written by its thread and read by the control loop; and the thread itself, which
// sleeps until the next round is due and wakes at once when asked to stop or when something changed.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/time.h"
#include "core/signals/sample.h"

namespace tidegate {

// Samples by the key of what was asked (a replica, a query). Thread-safe.
class SampleBoard {
 public:
  void put(const std::string& key, std::vector<Sample> samples);
  // Forgets every key for which `keep` says no.
  void retain(const std::function<bool(const std::string& key)>& keep);
  [[nodiscard]] std::vector<Sample> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Sample>> samples_;
};

// Calls `round` again and again; each call returns how long to wait before the next. Stops and joins when destroyed.
class RoundThread {
 public:
  using Round = std::function<Duration(const std::stop_token& stop)>;
  explicit RoundThread(Round round);
  ~RoundThread();
  RoundThread(const RoundThread&) = delete;
  RoundThread& operator=(const RoundThread&) = delete;

  // The next round begins now.
  void wake();

 private:
  void run(const std::stop_token& stop);

  Round round_;
  std::mutex mutex_;
  std::condition_variable_any waiting_;
  bool woken_ = false;
  std::jthread thread_;
};

}  // namespace tidegate
