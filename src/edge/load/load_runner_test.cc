// The runner against servers that are slow, rude and gone.
#include "edge/load/load_runner.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "edge/net/testing/test_sockets.h"

namespace tidegate {
namespace {

const std::string stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string token = "c\r\ndata: {\"x\"}\n\r\n1\r\n\n\r\n";
const std::string last = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

class LoadRunnerTest : public testing::Test {
 protected:
  // `count` requests, `gap` apart.
  static RequestSource steady(int count, Duration gap) {
    return [count, gap, made = 0]() mutable -> Result<std::optional<TrafficRequest>> {
      if (made == count) return std::nullopt;
      return TrafficRequest{.at = gap * made++, .input_tokens = 20, .output_tokens = 2};
    };
  }
  LoadReport play(std::uint16_t port, RequestSource requests, LoadOptions options = {}) {
    auto url = *parse_load_url("http://127.0.0.1:" + std::to_string(port));
    const auto shape = shape_of(url);
    options.timeout = options.timeout == LoadOptions{}.timeout ? Duration{10s} : options.timeout;
    LoadRunner runner({.url = url, .shape = shape}, *resolve(url), options, std::move(requests), clock_);
    if (interrupt_ >= 0) runner.interrupt_on(interrupt_);
    if (watcher_) runner.watch_progress(watcher_);
    auto report = runner.run();
    EXPECT_TRUE(report);
    trace_error_ = runner.trace_error();
    return report ? *report : LoadReport{};
  }
  ~LoadRunnerTest() override {
    if (interrupt_ >= 0) ::close(interrupt_);
  }

  SteadyClock clock_;
  int interrupt_ = -1;
  std::function<void(const LoadProgress&)> watcher_;
  std::optional<Error> trace_error_;
};

// Reads requests and answers each with these bytes.
std::function<void(TestSocket&)> answering(std::string answer) {
  return [answer = std::move(answer)](TestSocket& socket) {
    while (!socket.read_message().empty() && socket.send(answer)) {
    }
  };
}

TEST_F(LoadRunnerTest, SendsEveryRequestOnKeptConnections) {
  std::atomic<int> requests{0};
  TestServer server([&](TestSocket& socket) {
    for (std::string request; !(request = socket.read_message()).empty();) {
      EXPECT_TRUE(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
      ++requests;
      if (!socket.send(stream_head + token + token + last)) return;
    }
  });
  const auto report = play(server.port(), steady(50, 2ms));
  EXPECT_EQ(requests, 50);
  EXPECT_EQ(report.requests, 50u);
  EXPECT_EQ(report.errors, 0u);
  EXPECT_EQ(report.output_tokens, 100u);
  EXPECT_EQ(report.statuses.at(200), 50u);
  EXPECT_LT(report.connections, 50u);
  EXPECT_TRUE(report.first_success);
  EXPECT_EQ(report.slo_attainment, 1.0);
}

TEST_F(LoadRunnerTest, AStalledServerDoesNotHoldTheLoadBack) {
  // The first answer comes only when the tenth request is there: a closed loop would wait for ever.
  std::atomic<int> there{0};
  TestServer server([&](TestSocket& socket) {
    while (!socket.read_message().empty()) {
      ++there;
      if (!eventually([&] { return there >= 10; }) || !socket.send(stream_head + token + last)) return;
    }
  });
  const auto report = play(server.port(), steady(10, 20ms));
  EXPECT_EQ(report.errors, 0u);
  EXPECT_EQ(report.in_flight_most, 10u);
  // Measured from when it was due: the first waited for the tenth.
  EXPECT_GE(report.ttft.quantile(1), 175ms);
}

TEST_F(LoadRunnerTest, WaitingForAConnectionCounts) {
  TestServer server([&](TestSocket& socket) {
    while (!socket.read_message().empty()) {
      std::this_thread::sleep_for(30ms);
      if (!socket.send(stream_head + token + last)) return;
    }
  });
  const auto report = play(server.port(), steady(6, 1ms), {.connections_max = 1});
  EXPECT_EQ(report.errors, 0u);
  EXPECT_EQ(report.connections, 1u);
  EXPECT_GE(report.late_sends, 4u);
  EXPECT_GE(report.ttft.quantile(1), 170ms);
}

TEST_F(LoadRunnerTest, FailuresAreToldApart) {
  struct Case {
    std::string failure;
    std::function<void(TestSocket&)> script;
  };
  const std::vector<Case> cases{
      {"status_503", answering("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}")},
      {"malformed", answering("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n")},
      {"error_in_stream", answering(stream_head + "14\r\ndata: {\"error\":\"no\"}\r\n2\r\n\n\n\r\n0\r\n\r\n")},
      {"empty_stream", answering(stream_head + last)},
      {"connection_broken",
       [](TestSocket& socket) { (void)socket.read_message(), socket.send(stream_head + token), socket.close(); }},
      {"connection_broken", [](TestSocket& socket) { (void)socket.read_message(), socket.reset(); }},
      {"connection_broken", [](TestSocket& socket) { socket.close(); }},
  };
  for (const auto& [failure, script] : cases) {
    TestServer server(script);
    const auto report = play(server.port(), steady(3, 1ms));
    EXPECT_EQ(report.errors, 3u) << failure;
    EXPECT_EQ(report.errors_by_kind, (std::map<std::string, std::uint64_t>{{failure, 3}}));
    EXPECT_EQ(report.slo_attainment, 0.0) << failure;
    EXPECT_FALSE(report.is_met());
  }
}

TEST_F(LoadRunnerTest, NobodyListening) {
  std::uint16_t port = 0;
  {
    TestServer server(answering(""));
    port = server.port();
  }
  const auto report = play(port, steady(2000, 0ms), {.connections_max = 4});
  EXPECT_EQ(report.errors_by_kind, (std::map<std::string, std::uint64_t>{{"connection_refused", 2000}}));
}

TEST_F(LoadRunnerTest, AServerThatNeverAnswersTimesOut) {
  TestServer server([](TestSocket& socket) { (void)socket.read_all(); });
  const auto report = play(server.port(), steady(3, 1ms), {.timeout = 100ms});
  EXPECT_EQ(report.errors_by_kind, (std::map<std::string, std::uint64_t>{{"timeout", 3}}));
  EXPECT_FALSE(report.first_success);
  EXPECT_FALSE(report.attainment_after_first);
}

TEST_F(LoadRunnerTest, ThoseWaitingForAConnectionTimeOutToo) {
  TestServer server([](TestSocket& socket) { (void)socket.read_all(); });
  const auto report = play(server.port(), steady(5, 1ms), {.timeout = 100ms, .connections_max = 1});
  EXPECT_EQ(report.errors_by_kind, (std::map<std::string, std::uint64_t>{{"timeout", 5}}));
}

TEST_F(LoadRunnerTest, AKeptConnectionThatWasClosedCostsNothing) {
  // Each connection serves one request and closes while the client takes it for kept.
  TestServer server([](TestSocket& socket) {
    if (!socket.read_message().empty()) socket.send(stream_head + token + last);
    // Takes the next request's bytes and goes, as a server whose idle time just ended does.
    (void)socket.read_message();
    socket.close();
  });
  const auto report = play(server.port(), steady(20, 5ms));
  EXPECT_EQ(report.requests, 20u);
  EXPECT_EQ(report.errors, 0u);
  EXPECT_GT(report.sent_again, 0u);
}

TEST_F(LoadRunnerTest, TriesTheNextAddressWhenOneRefuses) {
  TestServer server(answering(stream_head + token + last));
  std::uint16_t gone = 0;
  {
    TestServer closed(answering(""));
    gone = closed.port();
  }
  auto url = *parse_load_url("http://127.0.0.1:" + std::to_string(server.port()));
  auto addresses = *resolve(*parse_load_url("http://127.0.0.1:" + std::to_string(gone)));
  addresses.push_back(resolve(url)->front());
  LoadRunner runner({.url = url, .shape = shape_of(url)}, addresses, {.timeout = 10s}, steady(3, 1ms), clock_);
  const auto report = runner.run();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->errors, 0u);
}

TEST_F(LoadRunnerTest, PlainRequests) {
  TestServer server([](TestSocket& socket) {
    for (std::string request; !(request = socket.read_until("\r\n\r\n")).empty();) {
      EXPECT_TRUE(request.starts_with("GET /x HTTP/1.1\r\n"));
      if (!socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) return;
    }
  });
  auto url = *parse_load_url("http://127.0.0.1:" + std::to_string(server.port()) + "/x");
  LoadRunner runner({.url = url, .shape = RequestShape::plain}, *resolve(url), {.timeout = 10s}, steady(5, 1ms),
                    clock_);
  const auto report = runner.run();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->requests, 5u);
  EXPECT_EQ(report->errors, 0u);
  EXPECT_EQ(report->itl.count(), 0u);
}

TEST_F(LoadRunnerTest, SpeedAndLengthAreOfTheTrace) {
  TestServer server(answering(stream_head + token + last));
  const Instant begin = clock_.now();
  const auto report = play(server.port(), steady(1000, 1s), {.speed = 100, .length = 20s});
  EXPECT_EQ(report.requests, 20u);
  EXPECT_GE(clock_.now() - begin, 190ms);
}

TEST_F(LoadRunnerTest, AnInterruptReportsWhatThereIs) {
  interrupt_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::atomic<int> requests{0};
  TestServer server([&](TestSocket& socket) {
    while (!socket.read_message().empty()) {
      // The third and all later ones never end.
      if (!socket.send(stream_head + token)) return;
      const int number = ++requests;
      if (number <= 2 && !socket.send(last)) return;
      if (number == 3) {
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(interrupt_, &one, sizeof one), 8);
      }
    }
  });
  const auto report = play(server.port(), steady(1'000'000, 20ms), {.grace = 50ms});
  EXPECT_TRUE(report.interrupted);
  EXPECT_EQ(report.requests, 2u);
  EXPECT_GE(report.cancelled, 1u);
  EXPECT_EQ(report.errors, 0u);
}

TEST_F(LoadRunnerTest, AWrongTraceEndsTheSendingAndIsTold) {
  TestServer server(answering(stream_head + token + last));
  const auto report = play(server.port(), [made = 0]() mutable -> Result<std::optional<TrafficRequest>> {
    if (made++ == 4) return fail(ErrorKind::invalid, "trace.csv:6:1: wrong");
    return TrafficRequest{.at = 1ms * made, .input_tokens = 1, .output_tokens = 1};
  });
  EXPECT_EQ(report.requests, 4u);
  ASSERT_TRUE(trace_error_);
  EXPECT_EQ(trace_error_->message, "trace.csv:6:1: wrong");
}

TEST_F(LoadRunnerTest, ProgressIsTold) {
  TestServer server(answering(stream_head + token + last));
  std::vector<LoadProgress> told;
  watcher_ = [&](const LoadProgress& progress) { told.push_back(progress); };
  (void)play(server.port(), steady(30, 20ms));
  ASSERT_GE(told.size(), 2u);
  EXPECT_GT(told.back().requests, told.front().requests);
  EXPECT_GT(told.back().played, told.front().played);
}

TEST_F(LoadRunnerTest, AnEmptyTraceEndsAtOnce) {
  TestServer server(answering(""));
  const auto report = play(server.port(), steady(0, 1s));
  EXPECT_EQ(report.requests, 0u);
  EXPECT_FALSE(report.slo_attainment);
}

}  // namespace
}  // namespace tidegate
