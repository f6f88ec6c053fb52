// What each address of the API answers, apart from sockets: a request in, a response out.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "edge/net/http_server.h"
#include "edge/ports/clock.h"
#include "serve/api/metrics_page.h"
#include "serve/runtime/control_panel.h"

namespace tidegate {

class ApiHandlers {
 public:
  ApiHandlers(ControlPanel& panel, const Clock& clock, const TickCounters& counters, std::string version);

  // By the name of a route of api_routes.h; empty for the event stream, which has no handler.
  [[nodiscard]] HttpServer::Handler handler(std::string_view name) const;

 private:
  using Method = ServerResponse (ApiHandlers::*)(const ServerRequest&) const;
  static const std::map<std::string_view, Method>& methods();

  ServerResponse healthz(const ServerRequest& request) const;
  ServerResponse readyz(const ServerRequest& request) const;
  ServerResponse metrics(const ServerRequest& request) const;
  ServerResponse openapi(const ServerRequest& request) const;
  ServerResponse health(const ServerRequest& request) const;
  ServerResponse reasons(const ServerRequest& request) const;
  ServerResponse reload(const ServerRequest& request) const;
  ServerResponse services(const ServerRequest& request) const;
  ServerResponse service(const ServerRequest& request) const;
  ServerResponse series(const ServerRequest& request) const;
  ServerResponse decisions(const ServerRequest& request) const;
  ServerResponse decision(const ServerRequest& request) const;
  ServerResponse notices(const ServerRequest& request) const;
  ServerResponse explain(const ServerRequest& request) const;
  ServerResponse set_override(const ServerRequest& request) const;
  ServerResponse clear_override(const ServerRequest& request) const;
  ServerResponse pause(const ServerRequest& request) const;
  ServerResponse resume(const ServerRequest& request) const;
  ServerResponse restart(const ServerRequest& request) const;
  ServerResponse log(const ServerRequest& request) const;

  [[nodiscard]] Result<const ServiceView*> find(const FleetView& view, const ServerRequest& request) const;
  [[nodiscard]] ServerResponse explain_present(const ServiceView& service, const ServerRequest& request) const;
  [[nodiscard]] Result<JournalDecision> recorded(const ServerRequest& request) const;
  using Steer = std::function<Result<void>(const ServiceView& service)>;
  [[nodiscard]] ServerResponse steered(const ServerRequest& request, bool has_body, const Steer& steer) const;

  ControlPanel& panel_;
  const Clock& clock_;
  const TickCounters& counters_;
  std::string version_;
};

}  // namespace tidegate
