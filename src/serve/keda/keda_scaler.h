// KEDA's external scaler over gRPC: what KEDA asks is answered from the newest tick, and who listens is told within
// milliseconds when a service becomes active or idle. Reads only; nothing here steers.
//
// What cannot be answered (an unknown service, a number that is not measured) is an error of the call, never a 0: KEDA
// then leaves the size as it is, or takes the ScaledObject's `fallback`. A stream for a service that is not there (yet)
// stays open and says nothing until it is.
//
// gRPC stays within this room. Bounds: streams, size of a message; a peer that does not answer for 40 s is cut off.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "edge/ports/clock.h"
#include "serve/runtime/control_panel.h"
#include "serve/scale_metrics/service_choice.h"

namespace tidegate {

// Files in PEM, read again within half a minute of a change.
struct KedaTls {
  std::string certificate;
  std::string key;
  std::string client_authorities;  // clients must show a certificate of these; empty: they need none
};

struct KedaScalerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::optional<KedaTls> tls = {};
  ServiceNames names = ServiceNames::plain;
  std::size_t streams_max = 20'000;  // KEDA opens two for each trigger of the type external-push
};

class KedaScaler {
 public:
  KedaScaler(ControlPanel& panel, const Clock& clock, KedaScalerOptions options);
  ~KedaScaler();  // ends every stream; waits at most a few seconds for calls to end
  KedaScaler(const KedaScaler&) = delete;
  KedaScaler& operator=(const KedaScaler&) = delete;

  // Listens and serves, before the panel's first tick. The port it got, or why not.
  [[nodiscard]] Result<std::uint16_t> start();

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace tidegate
