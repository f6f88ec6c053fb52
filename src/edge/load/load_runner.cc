#include "edge/load/load_runner.h"

#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr int sends_in_a_row = 256;
constexpr Duration tick_period = 200ms;

}  // namespace

// Wakes when the next request is due, to the kernel's precision: the loop's own timers are coarse.
class LoadRunner::Sender final : public EventHandler {
 public:
  explicit Sender(LoadRunner& runner)
      : runner_(runner), fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {}
  ~Sender() override {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

  void wake_in(Duration wait) {
    itimerspec when{};
    // Zero would disarm it.
    const auto ns = std::max<std::int64_t>(wait.count(), 1);
    when.it_value = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    CHECK(::timerfd_settime(fd_, 0, &when, nullptr) == 0);
  }
  void on_events(std::uint32_t) override {
    std::uint64_t times = 0;
    [[maybe_unused]] const auto got = ::read(fd_, &times, sizeof times);
    runner_.send_waiting();
    runner_.send_due();
  }

 private:
  LoadRunner& runner_;
  int fd_;
};

class LoadRunner::Interrupt final : public EventHandler {
 public:
  explicit Interrupt(LoadRunner& runner) : runner_(runner) {}
  void on_events(std::uint32_t) override {
    std::array<char, 512> what;
    if (::read(runner_.interrupt_fd_, what.data(), what.size()) > 0) runner_.interrupted();
  }

 private:
  LoadRunner& runner_;
};

class LoadRunner::Ticker final : public EventHandler {
 public:
  explicit Ticker(LoadRunner& runner) : runner_(runner), timer_(*this) {}
  void arm() { runner_.loop_.arm(timer_, runner_.loop_.now() + tick_period); }
  void on_events(std::uint32_t) override {}
  void on_timer() override {
    runner_.tick();
    arm();
  }

 private:
  LoadRunner& runner_;
  Timer timer_;
};

LoadRunner::LoadRunner(RequestStyle style, std::vector<SocketAddress> addresses, LoadOptions options,
                       RequestSource requests, const Clock& clock)
    : style_(std::move(style)),
      addresses_(std::move(addresses)),
      options_(std::move(options)),
      requests_(std::move(requests)),
      clock_(clock),
      loop_(clock),
      buffer_(read_bytes, '\0') {
  CHECK(!addresses_.empty() && options_.speed > 0 && options_.connections_max > 0);
}

LoadRunner::~LoadRunner() = default;

Result<LoadReport> LoadRunner::run() {
  if (auto opened = loop_.open(); !opened) return std::unexpected(opened.error());
  sender_ = std::make_unique<Sender>(*this);
  if (sender_->fd() < 0 || !loop_.watch(sender_->fd(), *sender_, true))
    return fail(ErrorKind::failed, fmt::format("cannot open a timer: {}", std::strerror(errno)));
  interrupt_ = std::make_unique<Interrupt>(*this);
  if (interrupt_fd_ >= 0 && !loop_.watch(interrupt_fd_, *interrupt_, true))
    return fail(ErrorKind::failed, fmt::format("cannot watch for interrupts: {}", std::strerror(errno)));
  ticker_ = std::make_unique<Ticker>(*this);
  ticker_->arm();
  start_ = clock_.now();
  tally_.emplace(options_.slo, start_);
  read_next();
  loop_.again(*sender_);
  loop_.run();
  return tally_->report(interrupted_);
}

Instant LoadRunner::due_of(const TrafficRequest& request) const {
  return start_ + from_seconds(seconds(request.at - options_.origin) / options_.speed);
}

void LoadRunner::read_next() {
  auto next = requests_();
  if (!next) trace_error_ = next.error();
  next_ = next ? std::move(*next) : std::nullopt;
  if (next_ && options_.length && next_->at - options_.origin >= *options_.length) next_.reset();
  if (!next_) no_more_ = true;
}

void LoadRunner::send_due() {
  for (int sent = 0; next_ && !no_more_; ++sent) {
    const Instant due = due_of(*next_);
    const Instant time = clock_.now();
    if (due > time) {
      sender_->wake_in(due - time);
      break;
    }
    if (sent == sends_in_a_row) {
      loop_.again(*sender_);
      return;
    }
    auto attempt = std::make_unique<Attempt>();
    attempt->request = std::move(*next_);
    attempt->number = number_++;
    attempt->due = due;
    attempt->deadline = due + options_.timeout;
    read_next();
    dispatch(std::move(attempt));
  }
  stop_when_done();
}

void LoadRunner::dispatch(std::unique_ptr<Attempt> attempt) {
  if (idle_.empty() && connections_.size() >= options_.connections_max) {
    if (waiting_.size() < waiting_max) {
      waiting_.push_back(std::move(attempt));
      return;
    }
    tally_->add({.due = attempt->due, .sent = now(), .ended = now(), .failure = "not_sent"});
    return;
  }
  if (idle_.empty()) return dispatch_new(std::move(attempt));
  auto* connection = idle_.back();
  idle_.pop_back();
  tally_->in_flight(++in_flight_);
  connection->begin(std::move(attempt));
}

void LoadRunner::dispatch_new(std::unique_ptr<Attempt> attempt) {
  tally_->connection();
  LoadOwner& owner = *this;
  auto& connection = *connections_.emplace_back(std::make_unique<LoadConnection>(owner));
  connection.place = connections_.size() - 1;
  tally_->in_flight(++in_flight_);
  connection.begin(std::move(attempt));
}

// Those waiting come before those due, and only where a connection is free, so they keep their order.
void LoadRunner::send_waiting() {
  while (!waiting_.empty() && (!idle_.empty() || connections_.size() < options_.connections_max)) {
    auto attempt = std::move(waiting_.front());
    waiting_.pop_front();
    dispatch(std::move(attempt));
  }
}

void LoadRunner::give_up_waiting() {
  while (!waiting_.empty() && waiting_.front()->deadline <= now()) {
    tally_->add({.due = waiting_.front()->due, .sent = now(), .ended = now(), .failure = "timeout"});
    waiting_.pop_front();
  }
}

void LoadRunner::remove(LoadConnection& connection) {
  const std::size_t place = connection.place;
  loop_.bury(std::move(connections_[place]));
  if (place + 1 < connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place = place;
  }
  connections_.pop_back();
}

std::string LoadRunner::bytes_of(const Attempt& attempt) {
  return request_text(style_, attempt.request, attempt.number);
}

const SocketAddress* LoadRunner::address(std::size_t index) const {
  return index < addresses_.size() ? &addresses_[index] : nullptr;
}

void LoadRunner::first_token(Instant at) { tally_->first_token(at); }

void LoadRunner::ended(LoadConnection& connection, std::unique_ptr<Attempt> attempt, std::string failure, bool keep) {
  --in_flight_;
  const auto& reader = attempt->reader;
  tally_->add({.due = attempt->due,
               .sent = attempt->sent,
               .ended = now(),
               .first = reader.first(),
               .last = reader.last(),
               .tokens = reader.tokens(),
               .status = reader.status(),
               .queue = reader.queue(),
               .failure = std::move(failure)});
  if (keep)
    idle_.push_back(&connection);
  else
    remove(connection);
  // Not from here: a server that refuses at once would lead into ever deeper calls.
  if (!waiting_.empty()) loop_.again(*sender_);
  stop_when_done();
}

void LoadRunner::again(LoadConnection& connection, std::unique_ptr<Attempt> attempt) {
  --in_flight_;
  remove(connection);
  if (attempt->sent_again) tally_->sent_again();
  attempt->reader = ResponseReader{};
  dispatch_new(std::move(attempt));
}

void LoadRunner::idle_closed(LoadConnection& connection) {
  std::erase(idle_, &connection);
  remove(connection);
}

void LoadRunner::interrupted() {
  const bool is_second = std::exchange(interrupted_, true);
  no_more_ = true;
  next_.reset();
  for (; !waiting_.empty(); waiting_.pop_front()) tally_->cancelled();
  if (is_second) return cancel_all();
  cancel_at_ = now() + options_.grace;
  stop_when_done();
}

void LoadRunner::cancel_all() {
  for (auto& connection : connections_)
    if (connection->take()) tally_->cancelled();
  in_flight_ = 0;
  loop_.stop();
}

void LoadRunner::tick() {
  if (cancel_at_ && now() >= *cancel_at_) return cancel_all();
  give_up_waiting();
  stop_when_done();
  if (!watcher_) return;
  watcher_({.played = from_seconds(seconds(now() - start_) * options_.speed),
            .requests = tally_->requests(),
            .in_flight = in_flight_ + waiting_.size(),
            .errors = tally_->errors(),
            .ttft_p99 = tally_->ttft_p99(),
            .attainment = tally_->attainment(),
            .is_stopping = no_more_});
}

void LoadRunner::stop_when_done() {
  if (no_more_ && in_flight_ == 0 && waiting_.empty()) loop_.stop();
}

}  // namespace tidegate
