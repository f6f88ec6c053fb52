// The gateway's readings as samples of a source like any other. When the link is down the last ones are repeated with
// the time they were taken, so that they turn stale by themselves; before the first there is nothing.
#pragma once

#include <string_view>
#include <vector>

#include "edge/ports/gateway_link.h"
#include "edge/ports/source.h"

namespace tidegate {

class GatewaySource : public Source {
 public:
  explicit GatewaySource(GatewayLink& link) : link_(link) {}

  [[nodiscard]] std::string_view name() const override { return "gateway"; }
  [[nodiscard]] std::vector<Sample> latest() override;

 private:
  GatewayLink& link_;
};

}  // namespace tidegate
