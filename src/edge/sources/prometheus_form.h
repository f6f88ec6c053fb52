// One call of Prometheus' HTTP API, there and back: a form that is posted, and the body that came.
#pragma once

#include <string>
#include <string_view>

#include "core/model/source_spec.h"
#include "edge/net/http_client.h"

namespace tidegate {

// To URL/api/v1/CALL, within the server's time-out. URL and token are resolved anew each time, so that a rotated secret
// needs no restart.
[[nodiscard]] Result<HttpRequest> prometheus_form(const PrometheusServerSpec& server, std::string_view call,
                                                  std::string form);

// The body, also that of a 400 or 422 in which Prometheus explains what is wrong with the query. What is not its own is
// judged by the status.
[[nodiscard]] Result<std::string> prometheus_reply(Result<HttpResponse> answer, const PrometheusServerSpec& server);

}  // namespace tidegate
