// The controller's end of the link to a gateway that runs apart. Connects in the background and again after a
// loss, waiting 50 ms doubling to 1 s; each connection starts with the table last pushed.
#pragma once

#include <memory>
#include <string>

#include "edge/ports/clock.h"
#include "edge/ports/gateway_link.h"

namespace tidegate {

class RemoteLink : public GatewayLink {
 public:
  RemoteLink(std::string path, const Clock& clock);
  ~RemoteLink() override;
  RemoteLink(const RemoteLink&) = delete;
  RemoteLink& operator=(const RemoteLink&) = delete;

  void push(const RouteTable& table) override;
  // The newest readings; `connected` tells whether newer ones can come.
  [[nodiscard]] GatewayReadings latest() override;
  void on_wake(std::function<void(const std::string& service)> wake) override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tidegate
