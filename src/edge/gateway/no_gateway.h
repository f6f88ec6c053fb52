// The link of a controller that has no gateway: traffic comes in elsewhere, and its signals come from sources alone.
#pragma once

#include "edge/ports/clock.h"
#include "edge/ports/gateway_link.h"

namespace tidegate {

class NoGateway final : public GatewayLink {
 public:
  explicit NoGateway(const Clock& clock) : clock_(clock) {}

  void push(const RouteTable&) override {}
  [[nodiscard]] GatewayReadings latest() override { return {.taken = clock_.now(), .connected = true, .samples = {}}; }
  void on_wake(std::function<void(const std::string& service)>) override {}
  [[nodiscard]] bool sees_traffic() const override { return false; }

 private:
  const Clock& clock_;
};

}  // namespace tidegate
