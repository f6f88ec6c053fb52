// The HTTP API, /metrics and the dashboard of a running controller: every address of api_routes.h on one HttpServer.
// What is said comes from the control panel's whole ticks; what is asked goes to it. Handlers run on the server's
// thread; events are rendered on a thread of their own, newest tick first, so that neither control nor a slow reader
// ever waits for the other.
//
// The panel calls back until it is told otherwise; after the API is gone, such calls do nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "edge/net/http_server.h"
#include "edge/ports/clock.h"
#include "serve/runtime/control_panel.h"

namespace tidegate {

class ApiHandlers;

class HttpApi {
 public:
  HttpApi(ControlPanel& panel, const Clock& clock, HttpServerOptions options, std::string version);
  ~HttpApi();
  HttpApi(const HttpApi&) = delete;
  HttpApi& operator=(const HttpApi&) = delete;

  // Listens and serves. The port it got, or why not.
  [[nodiscard]] Result<std::uint16_t> start();

 private:
  class Publisher;
  std::shared_ptr<Publisher> publisher_;
  std::unique_ptr<ApiHandlers> handlers_;
  HttpServer server_;  // goes first: its requests use the others
};

}  // namespace tidegate
