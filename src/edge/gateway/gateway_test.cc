// The gateway over real sockets on loopback, with scripted replicas behind it.
#include "edge/gateway/gateway.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <semaphore>

#include "edge/gateway/test_sockets.h"

namespace tidegate {
namespace {

class GatewayTest : public ::testing::Test {
 protected:
  void open(GatewayOptions options = {}) {
    options.listen = "127.0.0.1:0";
    gateway = std::make_unique<Gateway>(options, clock);
    ASSERT_TRUE(gateway->start());
  }

  static Endpoint endpoint(const std::string& name, const TestServer& server, int slots = 4) {
    return {.replica = name, .pool = "pool", .host = "127.0.0.1", .port = server.port(), .slots = slots};
  }

  // One service "m", reached by model.
  void push(std::vector<Endpoint> endpoints, Route route = {}) {
    route.service = "m";
    route.endpoints = std::move(endpoints);
    gateway->push({.version = ++version, .routes = {route}});
  }
  static Route by_path() {
    Route route;
    route.match.path = "/";
    return route;
  }

  TestSocket client() const { return TestSocket::connect(gateway->port()); }

  static std::string get(std::string_view path = "/x") {
    return fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", path);
  }
  static std::string post(std::string_view body, std::string_view fields = "") {
    return fmt::format(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n{}Content-Length: "
        "{}\r\n\r\n{}",
        fields, body.size(), body);
  }

  double reading(Signal signal, std::string_view name = "", std::string_view replica = "") const {
    for (const Sample& sample : gateway->latest().samples) {
      if (sample.signal != signal || sample.name != name || sample.replica != replica) continue;
      if (const auto* gauge = std::get_if<Gauge>(&sample.value)) return gauge->value;
      if (const auto* counter = std::get_if<Counter>(&sample.value)) return counter->total;
      if (const auto* histogram = std::get_if<Histogram>(&sample.value)) return histogram->buckets.back().cumulative;
    }
    return -1;
  }

  SteadyClock clock;
  std::uint64_t version = 0;
  std::unique_ptr<Gateway> gateway;
};

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

}  // namespace
}  // namespace tidegate
