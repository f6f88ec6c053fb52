// A gateway apart: the link on a Unix socket, loss of the controller, takeover by a successor.
#include <unistd.h>

#include <cstdlib>
#include <semaphore>

#include "edge/gateway/gateway_fixture.h"
#include "edge/gateway/gateway_metrics.h"
#include "edge/gateway/link_protocol.h"
#include "edge/gateway/link_server.h"
#include "edge/gateway/metrics_listener.h"
#include "edge/gateway/remote_link.h"

namespace tidegate {
namespace {

class LinkTest : public GatewayTest {
 protected:
  LinkTest() {
    char pattern[] = "/tmp/tidegate_link_XXXXXX";
    folder = ::mkdtemp(pattern);
    path = folder + "/link";
  }
  ~LinkTest() override {
    server.reset();
    ::unlink(path.c_str());
    ::rmdir(folder.c_str());
  }
  void open_link() {
    server = std::make_unique<LinkServer>(*gateway, path, [this] { replaced.release(); });
    ASSERT_TRUE(server->start());
  }
  static double arrivals(const GatewayReadings& readings) {
    for (const Sample& sample : readings.samples)
      if (sample.signal == Signal::arrivals && sample.replica.empty()) return std::get<Counter>(sample.value).total;
    return -1;
  }
  static RouteTable table_of(const TestServer& server_behind) {
    Route route = by_path();
    route.service = "m";
    route.endpoints = {endpoint("a", server_behind)};
    return {.version = 3, .routes = {route}};
  }

  std::string folder, path;
  std::binary_semaphore replaced{0};
  std::unique_ptr<LinkServer> server;
};

TEST_F(LinkTest, CarriesTablesReadingsAndWakes) {
  TestServer behind(TestServer::answering("ok"));
  open();
  RemoteLink remote(path, clock);  // before the gateway is there: it keeps trying
  std::binary_semaphore woken(0);
  remote.on_wake([&](const std::string& service) {
    EXPECT_EQ(service, "m");
    woken.release();
  });
  Route empty = by_path();
  empty.service = "m";
  remote.push({.version = 1, .routes = {empty}});
  EXPECT_FALSE(remote.latest().connected);
  open_link();
  ASSERT_TRUE(eventually([&] { return remote.latest().connected && gateway->table().version == 1; }));
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  EXPECT_TRUE(woken.try_acquire_for(10s));
  EXPECT_EQ(arrivals(remote.latest()), 1);
  remote.push(table_of(behind));
  EXPECT_TRUE(one.read_message().ends_with("ok"));
  EXPECT_EQ(gateway->table(), table_of(behind));
}

TEST_F(LinkTest, KeepsServingWhenTheControllerDiesAndCountsOn) {
  TestServer behind(TestServer::answering("ok"));
  open();
  open_link();
  TestSocket one = client();
  std::uint64_t epoch = 0;
  {
    RemoteLink remote(path, clock);
    remote.push(table_of(behind));
    ASSERT_TRUE(one.send(get()));
    ASSERT_TRUE(eventually([&] { return gateway->table().version == 3; }));
    ASSERT_TRUE(eventually([&] { return arrivals(remote.latest()) >= 0; }));
    epoch = std::get<Counter>(remote.latest().samples[0].value).epoch;
  }
  (void)one.read_message();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(one.send(get()));
    EXPECT_TRUE(one.read_message().ends_with("ok"));
  }
  RemoteLink next(path, clock);
  ASSERT_TRUE(eventually([&] { return arrivals(next.latest()) >= 3; }));
  EXPECT_EQ(std::get<Counter>(next.latest().samples[0].value).epoch, epoch);
}

TEST_F(LinkTest, TurnsUnconnectedWhenTheGatewayDies) {
  open();
  open_link();
  RemoteLink remote(path, clock);
  ASSERT_TRUE(eventually([&] { return remote.latest().connected; }));
  server.reset();
  EXPECT_TRUE(eventually([&] { return !remote.latest().connected; }));
}

TEST_F(LinkTest, HandsTheListeningSocketToASuccessor) {
  std::binary_semaphore release(0);
  TestServer slow([&](TestSocket& socket) {
    (void)socket.read_message();
    release.acquire();
    (void)socket.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    (void)socket.is_closed_by_peer();
  });
  TestServer quick(TestServer::answering("new"));
  open();
  open_link();
  gateway->push(table_of(slow));
  TestSocket running = client();
  ASSERT_TRUE(running.send(get()));
  ASSERT_TRUE(eventually([&] { return reading(Signal::in_flight) == 1; }));

  auto takeover = take_over(path);
  ASSERT_TRUE(takeover) << takeover.error().message;
  EXPECT_EQ(takeover->table, table_of(slow));
  GatewayOptions options;
  options.listen_fd = takeover->listen_fd;
  Gateway successor(options, clock);
  successor.push(table_of(quick));
  ASSERT_TRUE(successor.start());
  EXPECT_EQ(successor.port(), gateway->port());
  LinkServer successor_link(successor, path, [] {});
  ASSERT_TRUE(successor_link.start());
  ASSERT_TRUE(takeover->predecessor->send(LinkKind::serving, {}));
  ASSERT_TRUE(replaced.try_acquire_for(10s));
  std::thread leaving([&] { gateway->stop(10s); });
  for (int i = 0; i < 5; ++i) {
    TestSocket one = TestSocket::connect(successor.port());
    ASSERT_TRUE(one.send(get()));
    const std::string answer = one.read_message();
    EXPECT_TRUE(answer.ends_with("new")) << i << answer;
  }
  // The old stream ends where it began.
  release.release();
  EXPECT_TRUE(running.read_message().ends_with("old"));
  running.close();
  leaving.join();
}

TEST_F(LinkTest, TakingOverWhereNobodyRunsSaysSo) {
  const auto takeover = take_over(path);
  ASSERT_FALSE(takeover);
  EXPECT_EQ(takeover.error().kind, ErrorKind::not_found);
}

TEST_F(LinkTest, RefusesGarbageOnTheLink) {
  open();
  open_link();
  auto channel = LinkChannel::connect(path);
  ASSERT_TRUE(channel);
  ASSERT_TRUE(channel->send(LinkKind::table, link_encode(RouteTable{})));
  EXPECT_FALSE(channel->wait_next(5s));
  EXPECT_FALSE(channel->is_open());
  RemoteLink remote(path, clock);
  EXPECT_TRUE(eventually([&] { return remote.latest().connected; }));
}

TEST_F(LinkTest, ServesItsMetricsOnTheAdminDoor) {
  TestServer behind(TestServer::answering("ok"));
  open();
  push({endpoint("a", behind)}, by_path());
  TestSocket one = client();
  ASSERT_TRUE(one.send(get()));
  (void)one.read_message();
  ASSERT_TRUE(eventually([&] { return reading(Signal::completions) == 1; }));
  MetricsListener admin(*gateway, "127.0.0.1:0");
  ASSERT_TRUE(admin.start());
  TestSocket scraper = TestSocket::connect(admin.port());
  ASSERT_TRUE(scraper.send("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"));
  const std::string page = scraper.read_all();
  EXPECT_TRUE(page.contains("\ntidegate_gateway_requests_total{service=\"m\"} 1\n")) << page;
  EXPECT_TRUE(page.contains("\ntidegate_gateway_latency_seconds_count{service=\"m\"} 1\n"));
  EXPECT_TRUE(page.contains("\ntidegate_gateway_replica_slots{service=\"m\",pool=\"pool\",replica=\"a\"} 4\n"));
}

TEST(GatewayMetrics, PassPromtool) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
  GatewayStats stats(1);
  stats.service("a\"b\\c")->latency.record(1s);
  (void)stats.replica("a\"b\\c", "r", "p");
  FILE* promtool = ::popen("promtool check metrics", "w");
  const std::string page = render_metrics(stats);
  ASSERT_EQ(std::fwrite(page.data(), 1, page.size(), promtool), page.size());
  EXPECT_EQ(::pclose(promtool), 0);
}

}  // namespace
}  // namespace tidegate
