#include "edge/emulator/live_engine.h"

#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tidegate {
namespace {

constexpr Duration lag_max = 250ms;

void set_timer(int fd, Duration in) {
  itimerspec when{};
  const auto nanoseconds = std::max<std::int64_t>(in.count(), 1);  // zero would disarm
  when.it_value.tv_sec = nanoseconds / 1'000'000'000;
  when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  ::timerfd_settime(fd, 0, &when, nullptr);
}

}  // namespace

LiveEngine::LiveEngine(EventLoop& loop, EngineProfile profile, EngineListener& listener)
    : loop_(loop), listener_(listener), engine_(std::move(profile)) {}

LiveEngine::~LiveEngine() {
  if (timer_ >= 0) ::close(timer_);
}

Result<void> LiveEngine::open() {
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timer_ < 0 || !loop_.watch(timer_, *this))
    return fail(ErrorKind::failed, fmt::format("cannot open a timer for the engine: {}", std::strerror(errno)));
  return {};
}

EngineAnswer LiveEngine::add(const EngineRequest& request) {
  const EngineAnswer answer = engine_.add(request);
  if (answer == EngineAnswer::queued && !stepping_ && !hung_) {
    begin_step(loop_.now());
    if (stepping_) set_timer(timer_, due_ - loop_.now());
  }
  return answer;
}

void LiveEngine::set_hung(bool hung) {
  if (hung_ == hung) return;
  hung_ = hung;
  if (hung_) return;
  if (stepping_)
    due_ = loop_.now();  // what hung ends now
  else
    begin_step(loop_.now());
  if (stepping_) set_timer(timer_, due_ - loop_.now());
}

void LiveEngine::begin_step(Instant at) {
  listener_.on_step_begins(at);
  stepping_ = false;
  if (hung_) return;
  step_.clear();
  const Duration takes = engine_.step(step_);
  if (takes == Duration::zero()) return;
  stepping_ = true;
  due_ = at + Duration{static_cast<std::int64_t>(static_cast<double>(takes.count()) * slowness_)};
  for (const EngineEvent& event : step_)
    if (event.kind == EngineEvent::Kind::begun) listener_.on_begun(event.request, at);
}

void LiveEngine::end_step() {
  for (const EngineEvent& event : step_)
    if (event.kind == EngineEvent::Kind::token) listener_.on_token(event, due_);
  listener_.on_step_ended();
}

void LiveEngine::on_events(std::uint32_t) {
  const Instant now = loop_.now();
  bool ended = false;
  while (stepping_ && !hung_ && due_ <= now) {
    end_step();
    ended = true;
    begin_step(std::max(due_, now - lag_max));
  }
  if (stepping_ && !hung_) set_timer(timer_, due_ - now);
  if (ended) listener_.on_pass_ended();
}

}  // namespace tidegate
