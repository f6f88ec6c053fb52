// The outside world of the runtime for its tests: a clock that is set, a target whose replicas are placed by hand, a
// gateway link and a source that say what they are told, a log that keeps its lines.
#pragma once

#include <string>
#include <vector>

#include "edge/ports/clock.h"
#include "edge/ports/gateway_link.h"
#include "edge/ports/source.h"
#include "edge/ports/target.h"
#include "serve/runtime/log.h"

namespace tidegate {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  Instant now_{std::chrono::hours{24 * 365 * 56}};
};

class FakeTarget final : public Target {
 public:
  void configure(const std::vector<ServiceSpec>& services) override { configured.push_back(services); }
  void order(const std::string& service, const std::vector<Order>& pools) override {
    orders.emplace_back(service, pools);
  }
  void in_flight(const std::map<std::string, std::int64_t>& by_replica) override { reports.push_back(by_replica); }
  [[nodiscard]] Result<void> restart(const std::string& service) override {
    restarts.push_back(service);
    return {};
  }
  [[nodiscard]] TargetView look() override {
    TargetView now = view;
    view.events.clear();
    view.cold_starts.clear();
    return now;
  }

  Replica& add(const std::string& id, ReplicaState state, Instant since, const std::string& service = "chat") {
    view.replicas.push_back({.id = id,
                             .service = service,
                             .pool = "default",
                             .state = state,
                             .host = "127.0.0.1",
                             .port = static_cast<std::uint16_t>(20000 + view.replicas.size()),
                             .since = since,
                             .created = since});
    return view.replicas.back();
  }

  TargetView view;
  std::vector<std::vector<ServiceSpec>> configured;
  std::vector<std::pair<std::string, std::vector<Order>>> orders;
  std::vector<std::map<std::string, std::int64_t>> reports;
  std::vector<std::string> restarts;
};

class FakeLink final : public GatewayLink {
 public:
  void push(const RouteTable& table) override { tables.push_back(table); }
  [[nodiscard]] GatewayReadings latest() override { return readings; }
  void on_wake(std::function<void(const std::string& service)> call) override { wake = std::move(call); }

  std::vector<RouteTable> tables;
  GatewayReadings readings{.taken = {}, .connected = true, .samples = {}};
  std::function<void(const std::string& service)> wake;
};

class FakeSource final : public Source {
 public:
  [[nodiscard]] std::string_view name() const override { return "fake"; }
  [[nodiscard]] Result<void> configure(const std::vector<ServiceSpec>& wanted) override {
    if (refuses && wanted != services) return fail(ErrorKind::invalid, "not to be measured");
    services = wanted;
    return {};
  }
  [[nodiscard]] std::vector<Sample> latest() override { return samples; }
  void replicas(const std::vector<ScrapeTarget>& targets) override { asked = targets; }

  bool refuses = false;
  std::vector<ServiceSpec> services;
  std::vector<Sample> samples;
  std::vector<ScrapeTarget> asked;
};

class KeptLog final : public Log {
 public:
  void write(const LogLine& line) override { lines.push_back(text_of(line)); }
  [[nodiscard]] bool has(std::string_view part) const {
    for (const auto& line : lines)
      if (line.contains(part)) return true;
    return false;
  }
  std::vector<std::string> lines;
};

}  // namespace tidegate
