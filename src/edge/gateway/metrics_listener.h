// A small admin door for a gateway that runs apart: GET /metrics and /healthz, one request a connection, on a
// thread of its own so that a scrape never delays a token.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "edge/gateway/gateway.h"

namespace tidegate {

class MetricsListener {
 public:
  MetricsListener(const Gateway& gateway, std::string listen);
  ~MetricsListener();
  MetricsListener(const MetricsListener&) = delete;
  MetricsListener& operator=(const MetricsListener&) = delete;

  [[nodiscard]] Result<void> start();
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tidegate
