#include "edge/net/event_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/check.h"

namespace tidegate {

void Timer::unlink() {
  if (!slot_) return;
  if (previous_)
    previous_->next_ = next_;
  else
    *slot_ = next_;
  if (next_) next_->previous_ = previous_;
  slot_ = nullptr;
  previous_ = next_ = nullptr;
}

EventLoop::EventLoop(const Clock& clock) : clock_(clock), now_(clock.now()) {
  tick_done_ = now_.time_since_epoch().count() / tick_ns;
}

EventLoop::~EventLoop() {
  if (epoll_ >= 0) ::close(epoll_);
  if (wakeup_ >= 0) ::close(wakeup_);
}

Result<void> EventLoop::open() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wakeup_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (epoll_ < 0 || wakeup_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) != 0)
    return fail(ErrorKind::failed, fmt::format("cannot open an event loop: {}", std::strerror(errno)));
  return {};
}

bool EventLoop::watch(int fd, EventHandler& handler, bool reads_only) {
  epoll_event event{};
  event.events = reads_only ? EPOLLIN : (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  event.data.ptr = &handler;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::unwatch(int fd) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::link(Timer& timer) {
  const std::int64_t due = (timer.due_.time_since_epoch().count() + tick_ns - 1) / tick_ns;
  // Beyond the horizon it is linked at the horizon and moved on when that comes.
  timer.tick_ = std::clamp(due, tick_done_ + 1, tick_done_ + static_cast<std::int64_t>(wheel_size) - 1);
  timer.slot_ = &wheel_[static_cast<std::size_t>(timer.tick_) % wheel_size];
  timer.previous_ = nullptr;
  timer.next_ = *timer.slot_;
  if (timer.next_) timer.next_->previous_ = &timer;
  *timer.slot_ = &timer;
  tick_next_ = std::min(tick_next_, timer.tick_);
}

void EventLoop::arm(Timer& timer, Instant due) {
  timer.due_ = due;
  if (timer.slot_) {
    if (timer.tick_ * tick_ns <= due.time_since_epoch().count()) return;
    timer.unlink();
  }
  link(timer);
}

void EventLoop::fire() {
  const std::int64_t tick = now_.time_since_epoch().count() / tick_ns;
  if (tick < tick_next_) return;
  const std::int64_t first = std::max(tick_done_ + 1, tick - static_cast<std::int64_t>(wheel_size) + 1);
  tick_done_ = tick;
  for (std::int64_t at = first; at <= tick; ++at) {
    Timer*& slot = wheel_[static_cast<std::size_t>(at) % wheel_size];
    while (slot && slot->tick_ <= tick) {
      Timer& timer = *slot;
      timer.unlink();
      if (timer.due_ > now_)
        link(timer);
      else
        timer.owner_->on_timer();
    }
  }
  tick_next_ = INT64_MAX;
  for (std::size_t ahead = 1; ahead < wheel_size; ++ahead) {
    const Timer* timer = wheel_[static_cast<std::size_t>(tick + static_cast<std::int64_t>(ahead)) % wheel_size];
    if (!timer) continue;
    tick_next_ = tick + static_cast<std::int64_t>(ahead);
    break;
  }
}

int EventLoop::wait_ms() const {
  if (!again_.empty()) return 0;
  if (tick_next_ == INT64_MAX) return -1;
  const std::int64_t left = tick_next_ * tick_ns - now_.time_since_epoch().count();
  return left <= 0 ? 0 : static_cast<int>(left / 1'000'000 + 1);
}

void EventLoop::again(EventHandler& handler) {
  if (std::find(again_.begin(), again_.end(), &handler) == again_.end()) again_.push_back(&handler);
}

void EventLoop::bury(std::unique_ptr<EventHandler> handler) {
  std::erase(again_, handler.get());
  buried_.push_back(std::move(handler));
}

void EventLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(work));
  }
  const std::uint64_t one = 1;
  // A full counter still wakes, so the result does not matter.
  [[maybe_unused]] const auto written = ::write(wakeup_, &one, sizeof one);
}

void EventLoop::stop() {
  stopping_.store(true);
  post([] {});
}

void EventLoop::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wakeup_, &count, sizeof count);
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
  }
  for (const auto& one : work) one();
}

void EventLoop::run() {
  std::array<epoll_event, 256> events;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms());
    CHECK(count >= 0 || errno == EINTR);
    now_ = clock_.now();
    bool posted = false;
    for (int i = 0; i < count; ++i) {
      auto* handler = static_cast<EventHandler*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (handler)
        handler->on_events(events[static_cast<std::size_t>(i)].events);
      else
        posted = true;
    }
    if (!again_.empty()) {
      const std::vector<EventHandler*> round = std::exchange(again_, {});
      for (EventHandler* handler : round) {
        // One that died in this very round is in the graveyard, not in freed memory.
        handler->on_events(0);
      }
    }
    if (posted) run_posted();
    fire();
    buried_.clear();
  }
}

}  // namespace tidegate
