// Keeps somebody informed of all objects of a selection, for ever, in a thread of its own: lists them, then watches, as
// edge/kubernetes/watch_plan.h says. Knows how fresh that is. Keeps no object itself (edge/kubernetes/object_cache.h
// does).
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "edge/kubernetes/api_client.h"
#include "edge/kubernetes/watch_decoder.h"
#include "edge/kubernetes/watch_plan.h"

namespace tidegate {

// Is told everything, in one thread, and must return soon.
class ObjectSink {
 public:
  ObjectSink() = default;
  ObjectSink(const ObjectSink&) = delete;
  ObjectSink& operator=(const ObjectSink&) = delete;
  virtual ~ObjectSink() = default;

  virtual void list_begins() = 0;
  virtual void listed(const WatchEvent& object) = 0;  // the kind says nothing
  // What was not listed is gone; unless the list did not come to its end.
  virtual void list_ends(bool is_whole) = 0;
  virtual void changed(const WatchEvent& event) = 0;  // no bookmarks
};

struct WatchHealth {
  bool is_synced = false;     // a list was whole once
  bool is_connected = false;  // a watch is under way
  Instant last_contact{};     // when the server was last heard; zero: never
  std::string problem = {};   // why it is not; empty: none
  std::uint64_t lists = 0;    // begun so far
  std::uint64_t watches = 0;

  // Whether what is known may be older than `age`.
  [[nodiscard]] bool is_stale(Instant now, Duration age) const { return !is_synced || now - last_contact > age; }
  friend bool operator==(const WatchHealth&, const WatchHealth&) = default;
};

struct ObjectWatchOptions {
  WatchTimes times = {};
  Duration idle = 90s;  // a watch that says nothing for so long is begun again; bookmarks come about every minute
  std::uint64_t seed = 1;
  std::int32_t page = 500;
  std::size_t objects_max = 200'000;  // a selection with more is too wide to be followed
  ApiClientOptions client = {};
};

class ObjectWatch {
 public:
  // Begins at once. `cluster` and `sink` outlive it.
  ObjectWatch(Cluster& cluster, ObjectSelection selection, ObjectSink& sink, ObjectWatchOptions options = {});
  ~ObjectWatch();  // waits for the thread
  ObjectWatch(const ObjectWatch&) = delete;
  ObjectWatch& operator=(const ObjectWatch&) = delete;

  [[nodiscard]] WatchHealth health() const;
  // Waits until a list was whole once; false when it was not within that time.
  [[nodiscard]] bool wait_until_synced(Duration within) const;

 private:
  void run(const std::stop_token& stop);
  void list(const std::stop_token& stop);
  void watch(const WatchStep& step, const std::stop_token& stop);
  void heard();
  void lost(const std::string& problem);

  ObjectSelection selection_;
  ObjectSink& sink_;
  const ObjectWatchOptions options_;
  const Clock& clock_;
  ApiClient client_;
  WatchPlan plan_;
  mutable std::mutex mutex_;  // of health_
  mutable std::condition_variable_any synced_;
  WatchHealth health_;
  std::jthread thread_;  // last: everything it uses lives longer
};

}  // namespace tidegate
