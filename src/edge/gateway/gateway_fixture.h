// A gateway on a free port with one service "m", for the tests over real sockets.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "edge/gateway/gateway.h"
#include "edge/net/testing/test_sockets.h"

namespace tidegate {

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

}  // namespace tidegate
