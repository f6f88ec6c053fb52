// The gateway over real sockets on loopback, with scripted replicas behind it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <mutex>
#include <semaphore>

#include "edge/gateway/gateway_fixture.h"

namespace tidegate {
namespace {

TEST_F(GatewayTest, PassesRequestsOnKeptAliveConnections) {
  TestServer server(TestServer::answering("hello"));
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(one.send(get()));
    EXPECT_EQ(one.read_message(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(reading(Signal::arrivals), 3);
  EXPECT_TRUE(eventually([&] { return reading(Signal::completions) == 3; }));
  EXPECT_EQ(reading(Signal::in_flight), 0);
}

TEST_F(GatewayTest, RoutesByTheModelInTheBody) {
  TestServer server(TestServer::answering("{}"));
  open();
  push({endpoint("a", server)});
  TestSocket one = client();
  ASSERT_TRUE(one.send(post(R"({"messages": [{"role": "user"}], "model": "m"})")));
  EXPECT_TRUE(one.read_message().starts_with("HTTP/1.1 200 OK"));
  ASSERT_TRUE(one.send(post(R"({"model": "other"})")));
  const std::string answer = one.read_message();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer;
  EXPECT_TRUE(answer.contains(R"("code":"model_not_found")")) << answer;
  ASSERT_TRUE(one.send(get("/v1/models")));
  EXPECT_TRUE(one.read_message().contains(R"({"id":"m","object":"model")"));
}

TEST_F(GatewayTest, HoldsRequestsAtZeroReplicasAndReleasesThemInOrder) {
  std::mutex mutex;
  std::vector<std::string> order;
  TestServer server([&](TestSocket& socket) {
    while (true) {
      const std::string request = socket.read_message();
      if (request.empty()) return;
      {
        const std::lock_guard lock(mutex);
        order.push_back(request.substr(request.rfind('/') + 1, 1));
      }
      if (!socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) return;
    }
  });
  open();
  std::counting_semaphore<> woken(0);
  gateway->on_wake([&](const std::string& service) {
    EXPECT_EQ(service, "m");
    woken.release();
  });
  push({});
  std::vector<TestSocket> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(client());
    ASSERT_TRUE(clients.back().send(post(fmt::format(R"({{"model":"m","n":"/{}"}})", i))));
    ASSERT_TRUE(eventually([&] { return reading(Signal::queued) == i + 1; }));
  }
  EXPECT_TRUE(woken.try_acquire_for(5s));
  push({endpoint("a", server, 1)});
  for (auto& one : clients) EXPECT_TRUE(one.read_message().starts_with("HTTP/1.1 200 OK"));
  EXPECT_EQ(order, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(reading(Signal::queued), 0);
}

TEST_F(GatewayTest, PassesServerSentEventsOnTokenByToken) {
  std::binary_semaphore next(0);
  TestServer server([&](TestSocket& socket) {
    (void)socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; ++i) {
      next.acquire();
      (void)socket.send("a\r\ndata: xx\n\n\r\n");
    }
    next.acquire();
    (void)socket.send("0\r\n\r\n");
    (void)socket.is_closed_by_peer();
  });
  open();
  push({endpoint("a", server)});
  TestSocket one = client();
  ASSERT_TRUE(one.send(post(R"({"model":"m","stream":true})")));
  EXPECT_TRUE(one.read_until("\r\n\r\n").contains("text/event-stream"));
  for (int i = 0; i < 3; ++i) {
    // The server sends the next one only after this one arrived.
    next.release();
    EXPECT_EQ(one.read_until("\n\n\r\n"), "a\r\ndata: xx\n\n\r\n");
  }
  next.release();
  EXPECT_EQ(one.read_until("0\r\n\r\n"), "0\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return reading(Signal::completions) == 1; }));
  EXPECT_EQ(reading(Signal::ttft), 1);
  EXPECT_EQ(reading(Signal::itl), 2);
}

TEST_F(GatewayTest, AnswersHeadWithoutABody) {
  TestServer server([](TestSocket& socket) {
    while (!socket.read_until("\r\n\r\n").empty())
      if (!socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) return;
  });
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(one.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_EQ(one.read_until("\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(GatewayTest, ServesPipelinedRequestsInOrder) {
  TestServer server([](TestSocket& socket) {
    while (true) {
      const std::string head = socket.read_until("\r\n\r\n");
      if (head.empty() || !socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + head.substr(4, 2))) return;
    }
  });
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get("/1") + get("/2") + get("/3")));
  for (const char* expected : {"/1", "/2", "/3"}) EXPECT_TRUE(one.read_message().ends_with(expected));
}

TEST_F(GatewayTest, AsksForABodyThatAwaitsA100) {
  TestServer server(TestServer::answering("ok"));
  open();
  push({endpoint("a", server)});
  TestSocket one = client();
  const std::string request = post(R"({"model":"m"})", "Expect: 100-continue\r\n");
  const std::size_t body = request.find("\r\n\r\n") + 4;
  ASSERT_TRUE(one.send(request.substr(0, body)));
  EXPECT_EQ(one.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(one.send(request.substr(body)));
  EXPECT_TRUE(one.read_message().ends_with("ok"));
}

TEST_F(GatewayTest, PassesTheHeadOnWithoutWhatBelongsToOneHop) {
  std::string seen;
  TestServer server([&](TestSocket& socket) {
    seen = socket.read_until("\r\n\r\n");
    (void)socket.send(
        "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
        "X-Kept: 1\r\nContent-Length: 0\r\n\r\n");
    (void)socket.is_closed_by_peer();
  });
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(
      one.send("GET http://h/x?y HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer k\r\nConnection: X-Mine, "
               "authorization\r\nX-Mine: 1\r\nTE: trailers\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6\r\n\r\n"));
  EXPECT_EQ(one.read_message(), "HTTP/1.1 200 OK\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(seen,
            "GET /x?y HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer k\r\nX-Forwarded-For: 127.0.0.1\r\n"
            "X-Forwarded-Proto: http\r\n\r\n");
}

TEST_F(GatewayTest, KeepsForwardedFieldsOfATrustedClient) {
  std::string seen;
  TestServer server([&](TestSocket& socket) {
    seen = socket.read_until("\r\n\r\n");
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    (void)socket.is_closed_by_peer();
  });
  GatewayOptions options;
  options.trust_forwarded = true;
  open(options);
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(
      one.send("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"
               "X-Forwarded-Proto: https\r\n\r\n"));
  ASSERT_TRUE(one.read_message().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(seen.contains("X-Forwarded-For: 1.1.1.1, 2.2.2.2, 127.0.0.1\r\n")) << seen;
  EXPECT_TRUE(seen.contains("X-Forwarded-Proto: https\r\n")) << seen;
}

TEST_F(GatewayTest, TunnelsAnUpgradedConnectionBothWays) {
  TestServer server([](TestSocket& socket) {
    if (!socket.read_until("\r\n\r\n").contains("Connection: Upgrade\r\n")) return;
    (void)socket.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhi");
    while (true) {
      const std::string bytes = socket.read_bytes(4);
      if (bytes.empty() || !socket.send("<" + bytes + ">")) return;
    }
  });
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"));
  EXPECT_TRUE(one.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(one.read_bytes(2), "hi");
  ASSERT_TRUE(one.send("ping"));
  EXPECT_EQ(one.read_bytes(6), "<ping>");
  ASSERT_TRUE(one.send("pong"));
  EXPECT_EQ(one.read_bytes(6), "<pong>");
  one.close();
  EXPECT_TRUE(eventually([&] { return reading(Signal::in_flight) == 0; }));
}

TEST_F(GatewayTest, PassesABodyThatEndsByClosing) {
  TestServer server([](TestSocket& socket) {
    (void)socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\n\r\nall of it");
  });
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  // The script's end closes nothing by itself: the socket lives as long as the server.
  ASSERT_TRUE(one.read_until("all of it").contains("Connection: close\r\n"));
}

TEST_F(GatewayTest, SpreadsByLeastOutstandingWorkWithinSlots) {
  std::counting_semaphore<> release(0);
  std::atomic<int> at_a{0}, at_b{0};
  const auto holding = [&](std::atomic<int>& count) {
    return [&](TestSocket& socket) {
      while (!socket.read_message().empty()) {
        ++count;
        release.acquire();
        if (!socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) return;
      }
    };
  };
  TestServer a(holding(at_a)), b(holding(at_b));
  open();
  push({endpoint("a", a, 2), endpoint("b", b, 2)}, by_path());
  std::vector<TestSocket> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(client());
    ASSERT_TRUE(clients.back().send(get()));
  }
  ASSERT_TRUE(eventually([&] { return at_a == 2 && at_b == 2 && reading(Signal::queued) == 2; }));
  EXPECT_EQ(reading(Signal::in_flight, "", "a"), 2);
  release.release(6);
  for (auto& one : clients) EXPECT_TRUE(one.read_message().starts_with("HTTP/1.1 200"));
  release.release(100);
}

TEST_F(GatewayTest, TellsAClientThatAsksHowLongItWasHeld) {
  TestServer a(TestServer::answering("a"));
  open();
  push({}, by_path());
  TestSocket asking = client(), other = client();
  ASSERT_TRUE(asking.send("GET / HTTP/1.1\r\nHost: h\r\nX-Tidegate-Timing: 1\r\n\r\n"));
  ASSERT_TRUE(other.send(get()));
  ASSERT_TRUE(eventually([&] { return reading(Signal::queued) == 2; }));
  push({endpoint("a", a)}, by_path());
  const std::string told = asking.read_message();
  const std::size_t at = told.find("\r\nServer-Timing: queue;dur=");
  ASSERT_NE(at, std::string::npos) << told;
  EXPECT_GT(std::stod(told.substr(at + 27)), 0);
  EXPECT_TRUE(told.ends_with("\r\n\r\na"));
  EXPECT_EQ(other.read_message().find("Server-Timing"), std::string::npos);
  ASSERT_TRUE(asking.send(get()));
  EXPECT_EQ(asking.read_message().find("Server-Timing"), std::string::npos);
}

TEST_F(GatewayTest, PrefersTheReplicaOfTheSession) {
  TestServer a(TestServer::answering("a")), b(TestServer::answering("b"));
  open();
  push({endpoint("b", b)}, by_path());
  TestSocket one = client();
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\nX-Session-Id: s1\r\n\r\n";
  ASSERT_TRUE(one.send(request));
  ASSERT_TRUE(one.read_message().ends_with("b"));
  // Without a session the smaller id would be taken.
  push({endpoint("a", a), endpoint("b", b)}, by_path());
  ASSERT_TRUE(eventually([&] { return reading(Signal::custom, "slots", "a") == 4; }));
  ASSERT_TRUE(one.send(get()));
  EXPECT_TRUE(one.read_message().ends_with("a"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(one.send(request));
    EXPECT_TRUE(one.read_message().ends_with("b"));
  }
}

TEST_F(GatewayTest, PrefersTheReplicaOfThePromptsPrefix) {
  TestServer a(TestServer::answering("a")), b(TestServer::answering("b"));
  open();
  push({endpoint("b", b)});
  TestSocket one = client();
  const std::string prompt(2000, 'p');
  const auto asking = [&](const std::string& more) {
    return post(fmt::format(R"({{"model":"m","prompt":"{}{}"}})", prompt, more));
  };
  ASSERT_TRUE(one.send(asking("")));
  ASSERT_TRUE(one.read_message().ends_with("b"));
  push({endpoint("a", a), endpoint("b", b)});
  ASSERT_TRUE(eventually([&] { return reading(Signal::custom, "slots", "a") == 4; }));
  ASSERT_TRUE(one.send(post(R"({"model":"m","prompt":"short"})")));
  EXPECT_TRUE(one.read_message().ends_with("a"));
  ASSERT_TRUE(one.send(asking(" and the next turn")));
  EXPECT_TRUE(one.read_message().ends_with("b"));
}

TEST_F(GatewayTest, GivesADrainingReplicaNothingNewAndLetsItFinish) {
  std::binary_semaphore release(0);
  TestServer a([&](TestSocket& socket) {
    (void)socket.read_message();
    release.acquire();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
    (void)socket.is_closed_by_peer();
  });
  TestServer b(TestServer::answering("b"));
  open();
  push({endpoint("a", a), endpoint("b", b)}, by_path());
  TestSocket running = client();
  ASSERT_TRUE(running.send(get()));
  ASSERT_TRUE(eventually([&] { return reading(Signal::in_flight, "", "a") == 1; }));
  Endpoint draining = endpoint("a", a);
  draining.draining = true;
  push({draining, endpoint("b", b)}, by_path());
  for (int i = 0; i < 3; ++i) {
    TestSocket one = client();
    ASSERT_TRUE(one.send(get()));
    EXPECT_TRUE(one.read_message().ends_with("b"));
  }
  // Removed from the table, its request still ends.
  push({endpoint("b", b)}, by_path());
  release.release();
  EXPECT_TRUE(running.read_message().ends_with("a"));
}

TEST_F(GatewayTest, KeepsHeldStreamsAliveWithComments) {
  TestServer server([](TestSocket& socket) {
    (void)socket.read_message();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: x\n\n");
    (void)socket.is_closed_by_peer();
  });
  open();
  Route route;
  route.hold.heartbeat = Heartbeat::sse;
  route.hold.heartbeat_period = 30ms;
  push({}, route);
  TestSocket one = client();
  ASSERT_TRUE(one.send(post(R"({"model":"m","stream":true})")));
  EXPECT_TRUE(one.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"));
  EXPECT_EQ(one.read_until("\n\n\r\n"), "b\r\n: waiting\n\n\r\n");
  EXPECT_EQ(one.read_until("\n\n\r\n"), "b\r\n: waiting\n\n\r\n");
  push({endpoint("a", server)}, route);
  EXPECT_TRUE(one.read_all().ends_with("9\r\ndata: x\n\n\r\n0\r\n\r\n"));
}

TEST_F(GatewayTest, EndsAHeldStreamWithAnErrorEvent) {
  open();
  Route route;
  route.hold.heartbeat = Heartbeat::sse;
  route.hold.heartbeat_period = 20ms;
  route.hold.max_age = 100ms;
  push({}, route);
  TestSocket one = client();
  ASSERT_TRUE(one.send(post(R"({"model":"m","stream":true})")));
  const std::string all = one.read_all();
  EXPECT_TRUE(all.contains(R"(data: {"error":{"message")")) << all;
  EXPECT_TRUE(all.ends_with("\r\n0\r\n\r\n")) << all;
}

TEST_F(GatewayTest, StoppingLetsRunningRequestsEnd) {
  std::binary_semaphore release(0);
  TestServer server([&](TestSocket& socket) {
    (void)socket.read_message();
    release.acquire();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    (void)socket.is_closed_by_peer();
  });
  open();
  push({endpoint("a", server)}, by_path());
  TestSocket one = client(), idle = client();
  ASSERT_TRUE(one.send(get()));
  ASSERT_TRUE(eventually([&] { return reading(Signal::in_flight) == 1; }));
  std::thread stopping([&] { gateway->stop(10s); });
  EXPECT_TRUE(idle.is_closed_by_peer());
  release.release();
  const std::string answer = one.read_message();
  EXPECT_TRUE(answer.ends_with("ok")) << answer;
  EXPECT_TRUE(answer.contains("Connection: close\r\n")) << answer;
  one.close();
  stopping.join();
}

}  // namespace
}  // namespace tidegate
