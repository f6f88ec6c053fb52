#include "edge/sources/prometheus_form.h"

#include <fmt/format.h>

#include <utility>

#include "edge/machine/secret_value.h"

namespace tidegate {
namespace {

constexpr std::size_t answer_bytes_max = 10 * 1024 * 1024;

// So begins what Prometheus itself has to say about a query.
bool is_explanation(std::string_view body) { return body.starts_with("{\"status\":\"error\""); }

}  // namespace

Result<HttpRequest> prometheus_form(const PrometheusServerSpec& server, std::string_view call, std::string form) {
  auto url = resolve(server.url);
  if (!url) return std::unexpected(url.error());
  while (url->ends_with('/')) url->pop_back();
  HttpRequest request{.method = "POST",
                      .url = fmt::format("{}/api/v1/{}", *url, call),
                      .timeout = server.timeout,
                      .body_max = answer_bytes_max};
  // A form, not a URL: long queries would hit some proxy's limit.
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.body = std::move(form);
  if (server.bearer_token) {
    auto token = resolve(*server.bearer_token);
    if (!token) return std::unexpected(token.error());
    request.bearer = *token;
  }
  return request;
}

Result<std::string> prometheus_reply(Result<HttpResponse> answer, const PrometheusServerSpec& server) {
  if (!answer) return std::unexpected(answer.error());
  if ((answer->status >= 200 && answer->status < 300) || is_explanation(answer->body)) return std::move(answer->body);
  const auto url = resolve(server.url);
  auto judged = require_ok(std::move(answer), url.value_or("Prometheus"));
  return judged ? Result<std::string>{std::move(judged->body)} : std::unexpected(judged.error());
}

}  // namespace tidegate
