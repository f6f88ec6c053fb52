// Writes events.k8s.io/v1 Events in the background, as edge/kubernetes/event_series.h decides. Best effort: recording
// never waits and never fails; when more than `queue_max` wait, the oldest are dropped and counted.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "edge/kubernetes/api_client.h"
#include "edge/kubernetes/event_series.h"

namespace tidegate {

struct EventRecorderOptions {
  std::string controller = "tidegate.dev/controller";  // who reports; a qualified name
  std::string instance;                                // which of several
  std::size_t queue_max = 1000;
  Duration flush_within = 2s;  // when it is closed
  EventSeriesLimits limits = {};
};

struct EventTally {
  std::int64_t written = 0;  // creations and counts
  std::int64_t dropped = 0;
  std::int64_t failed = 0;
  std::string problem = {};  // of the last one that failed
};

class EventRecorder {
 public:
  EventRecorder(Cluster& cluster, EventRecorderOptions options);
  ~EventRecorder();  // writes what waits, for a moment
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // Thread-safe.
  void record(ClusterEvent event);
  [[nodiscard]] EventTally tally() const;

 private:
  struct Waiting {
    ClusterEvent event;
    Instant at{};
  };

  void run(const std::stop_token& stop);
  void work(bool at_end, const std::stop_token& stop);
  void write(const EventWrite& write, const std::stop_token& stop);

  const EventRecorderOptions options_;
  const Clock& clock_;
  ApiClient client_;
  EventSeries series_;  // of the thread alone
  mutable std::mutex mutex_;
  std::condition_variable_any woken_;
  std::deque<Waiting> queue_;
  EventTally tally_;
  std::jthread thread_;
};

// The Event object of a first write.
[[nodiscard]] Json event_object(const EventWrite& write, const EventRecorderOptions& options);

}  // namespace tidegate
