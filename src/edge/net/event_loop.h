// One thread's epoll loop: edge-triggered descriptors, coarse timers, work posted from other threads.
//
// Handlers are registered once for reading and writing, so the data path makes no epoll_ctl calls; they must
// read until a short read or EAGAIN. Timers sit in a wheel of 32 ms ticks and never fire early; moving one
// later is free, it is re-linked when its old tick comes. Destroyed handlers live until the batch ends, so an
// event of the same batch cannot reach freed memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "edge/ports/clock.h"

namespace tidegate {

class EventHandler {
 public:
  EventHandler() = default;
  EventHandler(const EventHandler&) = delete;
  EventHandler& operator=(const EventHandler&) = delete;
  virtual ~EventHandler() = default;
  virtual void on_events(std::uint32_t events) = 0;
  virtual void on_timer() {}
};

// A deadline of one handler. Unlinked when destroyed.
class Timer {
 public:
  explicit Timer(EventHandler& owner) : owner_(&owner) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { unlink(); }

 private:
  friend class EventLoop;
  void unlink();
  EventHandler* owner_;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  Timer** slot_ = nullptr;  // the wheel slot it is linked in; null: not armed
  std::int64_t tick_ = 0;   // of that slot
  Instant due_{};
};

class EventLoop {
 public:
  explicit EventLoop(const Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  [[nodiscard]] Result<void> open();
  // Registers for both directions, edge-triggered (`reads_only`: level-triggered). False when the kernel refuses.
  [[nodiscard]] bool watch(int fd, EventHandler& handler, bool reads_only = false);
  void unwatch(int fd);

  // The time of this batch.
  [[nodiscard]] Instant now() const { return now_; }
  void arm(Timer& timer, Instant due);
  void disarm(Timer& timer) { timer.unlink(); }

  // Calls the handler again in the next round with no events: it had more to do than is fair at once.
  void again(EventHandler& handler);
  // Keeps the handler alive until the batch ends.
  void bury(std::unique_ptr<EventHandler> handler);

  // From any thread: runs on the loop's thread, in order. Never blocks.
  void post(std::function<void()> work);
  void run();
  // From any thread.
  void stop();

 private:
  static constexpr std::int64_t tick_ns = 32'000'000;
  static constexpr std::size_t wheel_size = 512;

  [[nodiscard]] int wait_ms() const;
  void link(Timer& timer);
  void fire();
  void run_posted();

  const Clock& clock_;
  int epoll_ = -1;
  int wakeup_ = -1;
  std::atomic<bool> stopping_{false};
  Instant now_{};
  std::int64_t tick_done_ = 0;
  std::int64_t tick_next_ = INT64_MAX;  // no timer is linked before this tick
  std::array<Timer*, wheel_size> wheel_{};
  std::vector<EventHandler*> again_;
  std::vector<std::unique_ptr<EventHandler>> buried_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace tidegate
