// What goes wrong: replicas that die, clients that leave, queues that fill, bytes that lie.
#include <fstream>
#include <mutex>
#include <semaphore>

#include "edge/gateway/gateway_fixture.h"

namespace tidegate {
namespace {

class GatewayFailuresTest : public GatewayTest {};

// Answers "ok" once released; counts requests.
struct HeldServer {
  std::counting_semaphore<> release{0};
  std::atomic<int> requests{0};
  std::atomic<int> closed{0};
  TestServer server{[this](TestSocket& socket) {
    while (!socket.read_message().empty()) {
      ++requests;
      release.acquire();
      if (!socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) break;
    }
    ++closed;
  }};
  ~HeldServer() { release.release(1000); }
};

TEST_F(GatewayFailuresTest, ResendsARequestWhoseReplicaDiesBeforeAnswering) {
  TestServer dying([](TestSocket& socket) {
    (void)socket.read_message();
    socket.reset();
  });
  std::string seen;
  TestServer living([&](TestSocket& socket) {
    seen = socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    (void)socket.is_closed_by_peer();
  });
  open();
  push({endpoint("a", dying), endpoint("b", living)});
  TestSocket one = client();
  ASSERT_TRUE(one.send(post(R"({"model":"m","n":1})")));
  EXPECT_TRUE(one.read_message().starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(seen.ends_with(R"({"model":"m","n":1})")) << seen;
  EXPECT_EQ(dying.connections(), 1);
  EXPECT_EQ(reading(Signal::arrivals), 1);
  EXPECT_EQ(reading(Signal::custom, "failures", "a"), 1);
}

TEST_F(GatewayFailuresTest, ResendsWhenNobodyListensAndSuspectsThatReplica) {
  TestServer living(TestServer::answering("ok"));
  std::uint16_t closed_port = 0;
  {
    TestServer gone(TestServer::answering(""));
    closed_port = gone.port();
  }
  open();
  Endpoint dead{.replica = "a", .host = "127.0.0.1", .port = closed_port, .slots = 4};
  push({dead, endpoint("b", living)}, by_path());
  TestSocket one = client();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(one.send(get()));
    ASSERT_TRUE(one.read_message().ends_with("ok"));
  }
  // Not every request tries it: it is suspect after the first.
  EXPECT_LT(reading(Signal::custom, "failures", "a"), 5);
}

TEST_F(GatewayFailuresTest, WaitsForTheOnlyReplicaToComeBack) {
  std::atomic<int> connections{0};
  TestServer flaky([&](TestSocket& socket) {
    if (++connections == 1) return socket.reset();
    TestServer::answering("ok")(socket);
  });
  open();
  push({endpoint("a", flaky)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  EXPECT_TRUE(one.read_message().ends_with("ok"));
}

TEST_F(GatewayFailuresTest, GivesUpAfterThreeReplicas) {
  const auto dies = [](TestSocket& socket) {
    (void)socket.read_message();
    socket.reset();
  };
  TestServer a(dies), b(dies), c(dies), d(dies);
  open();
  push({endpoint("a", a), endpoint("b", b), endpoint("c", c), endpoint("d", d)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  EXPECT_TRUE(one.read_message().starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(a.connections() + b.connections() + c.connections() + d.connections(), 3);
}

TEST_F(GatewayFailuresTest, NeverResendsOnceTheReplicaBeganToAnswer) {
  TestServer dying([](TestSocket& socket) {
    (void)socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-");
    socket.close();
  });
  TestServer living(TestServer::answering("ok"));
  open();
  push({endpoint("a", dying), endpoint("b", living)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  EXPECT_TRUE(one.read_message().starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(living.connections(), 0);
}

TEST_F(GatewayFailuresTest, ShowsABrokenResponseAtOnce) {
  TestServer dying([](TestSocket& socket) {
    (void)socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    socket.close();
  });
  open();
  push({endpoint("a", dying)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  const std::string all = one.read_all();
  EXPECT_TRUE(all.ends_with("2\r\nab\r\n")) << all;
  EXPECT_TRUE(eventually([&] { return reading(Signal::custom, "failures") == 1; }));
}

TEST_F(GatewayFailuresTest, ABrokenResponseThatEndsByClosingIsReset) {
  TestServer dying([](TestSocket& socket) {
    (void)socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\n\r\nab");
    socket.reset();
  });
  open();
  push({endpoint("a", dying)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  EXPECT_TRUE(one.is_closed_by_peer());
  EXPECT_TRUE(one.was_reset());
}

TEST_F(GatewayFailuresTest, ReconnectsWhenAKeptConnectionHasGoneStale) {
  TestServer once([](TestSocket& socket) {
    // Serves one request, then closes at the very moment the next one comes.
    (void)socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    (void)socket.read_message();
    socket.reset();
  });
  open();
  push({endpoint("a", once)}, by_path());
  TestSocket one = client();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(one.send(get()));
    ASSERT_TRUE(one.read_message().ends_with("ok"));
  }
  EXPECT_EQ(reading(Signal::custom, "failures", "a"), 0);
}

TEST_F(GatewayFailuresTest, CancelsTheReplicaWhenTheClientLeaves) {
  HeldServer held;
  open();
  push({endpoint("a", held.server)}, by_path());
  {
    TestSocket one = client();
    ASSERT_TRUE(one.send(get()));
    ASSERT_TRUE(eventually([&] { return reading(Signal::in_flight) == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return reading(Signal::in_flight) == 0; }));
  EXPECT_EQ(reading(Signal::custom, "cancelled"), 1);
}

TEST_F(GatewayFailuresTest, SeesTheClientLeaveInMidStream) {
  std::atomic<bool> cancelled{false};
  TestServer server([&](TestSocket& socket) {
    (void)socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    cancelled = socket.is_closed_by_peer();
  });
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  ASSERT_TRUE(one.read_until("\r\n\r\n").contains("200 OK"));
  one.close();
  EXPECT_TRUE(eventually([&] { return cancelled.load(); }));
}

TEST_F(GatewayFailuresTest, ForgetsAHeldRequestWhoseClientLeft) {
  open();
  push({});
  TestSocket one = client();
  ASSERT_TRUE(one.send(post(R"({"model":"m"})")));
  ASSERT_TRUE(eventually([&] { return reading(Signal::queued) == 1; }));
  one.close();
  EXPECT_TRUE(eventually([&] { return reading(Signal::queued) == 0; }));
}

TEST_F(GatewayFailuresTest, RefusesWhenTheRoomIsFullAndSaysWhenToComeBack) {
  open();
  Route route;
  route.hold.max_requests = 1;
  route.time_to_ready = 20s;
  push({}, route);
  TestSocket first = client(), second = client();
  ASSERT_TRUE(first.send(post(R"({"model":"m"})")));
  ASSERT_TRUE(eventually([&] { return reading(Signal::queued) == 1; }));
  ASSERT_TRUE(second.send(post(R"({"model":"m"})")));
  const std::string answer = second.read_message();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(answer.contains("Retry-After: 20\r\n")) << answer;
  EXPECT_TRUE(answer.contains(R"("code":"queue_full")")) << answer;
  EXPECT_EQ(reading(Signal::custom, "rejected"), 1);
  // It is demand all the same.
  EXPECT_EQ(reading(Signal::arrivals), 2);
}

TEST_F(GatewayFailuresTest, EndsAWaitAtItsAge) {
  open();
  Route route;
  route.hold.max_age = 100ms;
  push({}, route);
  TestSocket one = client();
  ASSERT_TRUE(one.send(post(R"({"model":"m"})")));
  const std::string answer = one.read_message();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(answer.contains("waited_too_long")) << answer;
  EXPECT_EQ(reading(Signal::queued), 0);
}

TEST_F(GatewayFailuresTest, EndsAWaitAtTheClientsOwnDeadline) {
  open();
  push({});
  TestSocket one = client();
  ASSERT_TRUE(one.send(post(R"({"model":"m"})", "X-Stainless-Timeout: 0.1\r\n")));
  EXPECT_TRUE(one.read_message().contains("waited_too_long"));
}

TEST_F(GatewayFailuresTest, CountsClientRetriesApart) {
  TestServer server(TestServer::answering("ok"));
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\nHost: h\r\nX-Stainless-Retry-Count: 2\r\n\r\n"));
  ASSERT_TRUE(one.read_message().ends_with("ok"));
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\nHost: h\r\nX-Stainless-Retry-Count: 0\r\n\r\n"));
  ASSERT_TRUE(one.read_message().ends_with("ok"));
  EXPECT_EQ(reading(Signal::arrivals), 1);
  EXPECT_EQ(reading(Signal::custom, "client_retries"), 1);
}

TEST_F(GatewayFailuresTest, RefusesAmbiguousRequestsAndClosesTheConnection) {
  std::atomic<int> requests{0};
  TestServer server([&](TestSocket& socket) {
    while (!socket.read_message().empty()) ++requests;
  });
  open();
  push({endpoint("a", server)}, by_path());
  for (const std::string_view bytes :
       {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"}) {
    TestSocket one = client();
    ASSERT_TRUE(one.send(bytes));
    const std::string all = one.read_all();
    EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << bytes << all;
    EXPECT_TRUE(all.contains("Connection: close\r\n")) << all;
  }
  EXPECT_EQ(requests, 0);
}

TEST_F(GatewayFailuresTest, RefusesBadChunksOfABody) {
  open();
  push({});
  TestSocket one = client();
  ASSERT_TRUE(one.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"));
  EXPECT_TRUE(one.read_all().starts_with("HTTP/1.1 400 "));
}

TEST_F(GatewayFailuresTest, RefusesBodiesThatAreTooLarge) {
  GatewayOptions options;
  options.body_max = Bytes{10};
  open(options);
  push({}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n"));
  EXPECT_TRUE(one.read_all().starts_with("HTTP/1.1 413 "));
  TestSocket two = client();
  ASSERT_TRUE(
      two.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n"));
  EXPECT_TRUE(two.read_all().starts_with("HTTP/1.1 413 "));
}

TEST_F(GatewayFailuresTest, TimesOutASlowHeadHoweverItTrickles) {
  GatewayOptions options;
  options.header_timeout = 100ms;
  open(options);
  TestSocket one = client();
  ASSERT_TRUE(one.send("GET / HT"));
  EXPECT_TRUE(one.read_all().starts_with("HTTP/1.1 408 "));
}

TEST_F(GatewayFailuresTest, TimesOutAnIdleConnection) {
  GatewayOptions options;
  options.idle_timeout = 50ms;
  open(options);
  TestSocket one = client();
  EXPECT_TRUE(one.is_closed_by_peer());
}

TEST_F(GatewayFailuresTest, RefusesConnectionsBeyondTheLimit) {
  GatewayOptions options;
  options.connections_max = 1;
  open(options);
  push({});
  TestSocket one = client();
  ASSERT_TRUE(one.send(get("/v1/models")));
  ASSERT_TRUE(one.read_message().starts_with("HTTP/1.1 200 "));
  TestSocket two = client();
  EXPECT_TRUE(two.read_all().starts_with("HTTP/1.1 503 "));
}

TEST_F(GatewayFailuresTest, AnswersForARemovedServiceAndServesItsRunningRequests) {
  HeldServer held;
  open();
  push({endpoint("a", held.server, 1)}, by_path());
  TestSocket running = client(), waiting = client();
  ASSERT_TRUE(running.send(get()));
  ASSERT_TRUE(eventually([&] { return held.requests == 1; }));
  ASSERT_TRUE(waiting.send(get()));
  ASSERT_TRUE(eventually([&] { return reading(Signal::queued) == 1; }));
  gateway->push({.version = 9, .routes = {}});
  EXPECT_TRUE(waiting.read_message().starts_with("HTTP/1.1 404 "));
  held.release.release();
  EXPECT_TRUE(running.read_message().ends_with("ok"));
  EXPECT_TRUE(eventually([&] { return gateway->latest().samples.empty(); }));
}

TEST_F(GatewayFailuresTest, ASlowClientDoesNotFillTheMemory) {
  const auto resident = [] {
    std::ifstream status("/proc/self/statm");
    long pages = 0, resident_pages = 0;
    status >> pages >> resident_pages;
    return resident_pages * 4096;
  };
  constexpr long total = 64L << 20;
  std::atomic<long> sent{0};
  TestServer server([&](TestSocket& socket) {
    (void)socket.read_message();
    (void)socket.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", total));
    const std::string piece(64 * 1024, 'x');
    while (sent < total && socket.send(piece)) sent += static_cast<long>(piece.size());
  });
  open();
  push({endpoint("a", server)}, by_path());
  const long before = resident();
  TestSocket one = TestSocket::connect(gateway->port(), 4096);
  ASSERT_TRUE(one.send(get()));
  ASSERT_TRUE(one.read_until("\r\n\r\n").contains("200 OK"));
  // The server stalls when every buffer between it and the client is full; ours are 64 KiB.
  long last = -1;
  ASSERT_TRUE(eventually([&] {
    std::this_thread::sleep_for(50ms);
    return sent > 0 && std::exchange(last, sent.load()) == sent.load();
  }));
  EXPECT_LT(sent, total / 2);
  EXPECT_LT(resident() - before, 16L << 20);
  // And everything still arrives.
  EXPECT_EQ(static_cast<long>(one.read_bytes(total).size()), total);
}

TEST_F(GatewayFailuresTest, ALargeBodyStreamsToTheReplica) {
  constexpr std::size_t total = 8u << 20;
  std::atomic<std::size_t> received{0};
  TestServer server([&](TestSocket& socket) {
    received = socket.read_message().size();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    (void)socket.is_closed_by_peer();
  });
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(fmt::format("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", total)));
  ASSERT_TRUE(one.send(std::string(total, 'b')));
  EXPECT_TRUE(one.read_message().ends_with("ok"));
  EXPECT_GT(received, total);
}

}  // namespace
}  // namespace tidegate
