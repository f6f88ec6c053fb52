// Plays a stream of requests against a server, open loop: each is sent at its time, whatever became of those
// before it, from one thread over kept-alive connections.
//
// Beyond `connections_max` requests at once the next ones wait here, in order; that wait counts, because every
// time is measured from when a request was due, and shows as late sends. Ends when the stream ends (or `length`
// of it was played) and every request has ended or passed its `timeout`. An interrupt stops sending, gives what
// is under way `grace`, and cancels the rest; a second one cancels at once.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "edge/load/load_connection.h"
#include "edge/load/load_report.h"
#include "edge/load/load_tally.h"
#include "edge/load/request_text.h"
#include "edge/ports/clock.h"

namespace tidegate {

struct LoadOptions {
  double speed = 1;                  // of the trace's time
  std::optional<Duration> length{};  // of the trace, before speed
  Duration origin{};                 // the trace's time at which the load starts
  Duration timeout = 300s;           // from when a request is due
  std::size_t connections_max = 10'000;
  Duration grace = 2s;
  Slo slo{};
};

struct LoadProgress {
  Duration played{};           // of the trace
  std::uint64_t requests = 0;  // ended
  std::uint64_t in_flight = 0;
  std::uint64_t errors = 0;
  std::optional<Duration> ttft_p99{};
  std::optional<double> attainment{};
  bool is_stopping = false;
};

using RequestSource = std::function<Result<std::optional<TrafficRequest>>()>;

class LoadRunner final : private LoadOwner {
 public:
  static constexpr std::size_t waiting_max = 1'000'000;

  LoadRunner(RequestStyle style, std::vector<SocketAddress> addresses, LoadOptions options, RequestSource requests,
             const Clock& clock);
  ~LoadRunner() override;

  // Called about five times a second.
  void watch_progress(std::function<void(const LoadProgress&)> watcher) { watcher_ = std::move(watcher); }
  // Each read from the descriptor (a signalfd or an eventfd) interrupts.
  void interrupt_on(int fd) { interrupt_fd_ = fd; }

  // Plays all. An error of the trace ends the sending, and stands in trace_error beside the report.
  [[nodiscard]] Result<LoadReport> run();
  [[nodiscard]] const std::optional<Error>& trace_error() const { return trace_error_; }

 private:
  class Sender;
  class Interrupt;
  class Ticker;

  [[nodiscard]] EventLoop& loop() override { return loop_; }
  [[nodiscard]] Instant now() const override { return clock_.now(); }
  [[nodiscard]] HeadParser& parser() override { return parser_; }
  [[nodiscard]] std::string& buffer() override { return buffer_; }
  [[nodiscard]] std::string bytes_of(const Attempt& attempt) override;
  [[nodiscard]] const SocketAddress* address(std::size_t index) const override;
  void first_token(Instant at) override;
  void ended(LoadConnection& connection, std::unique_ptr<Attempt> attempt, std::string failure, bool keep) override;
  void again(LoadConnection& connection, std::unique_ptr<Attempt> attempt) override;
  void idle_closed(LoadConnection& connection) override;

  void read_next();
  void send_due();
  void dispatch(std::unique_ptr<Attempt> attempt);
  void dispatch_new(std::unique_ptr<Attempt> attempt);
  void remove(LoadConnection& connection);
  void send_waiting();
  void give_up_waiting();
  void interrupted();
  void cancel_all();
  void tick();
  void stop_when_done();
  [[nodiscard]] Instant due_of(const TrafficRequest& request) const;

  RequestStyle style_;
  std::vector<SocketAddress> addresses_;
  LoadOptions options_;
  RequestSource requests_;
  const Clock& clock_;
  EventLoop loop_;
  HeadParser parser_;
  std::string buffer_;

  Instant start_{};
  std::optional<LoadTally> tally_;
  std::function<void(const LoadProgress&)> watcher_;
  int interrupt_fd_ = -1;
  std::optional<Error> trace_error_;

  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Interrupt> interrupt_;
  std::unique_ptr<Ticker> ticker_;

  std::optional<TrafficRequest> next_;
  std::uint64_t number_ = 0;
  std::uint64_t in_flight_ = 0;  // on a connection
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::vector<LoadConnection*> idle_;  // the last used is taken first
  std::deque<std::unique_ptr<Attempt>> waiting_;
  bool no_more_ = false;
  bool interrupted_ = false;
  std::optional<Instant> cancel_at_;
};

}  // namespace tidegate
