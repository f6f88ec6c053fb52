#include "edge/gateway/error_response.h"

#include <fmt/format.h>

#include "edge/net/framing.h"

namespace tidegate {
namespace {

std::string response(int status, std::string_view extra, std::string_view body, bool keep_alive, bool with_body) {
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}{}\r\n{}", status,
                     status_text(status), body.size(), extra, keep_alive ? "" : "Connection: close\r\n",
                     with_body ? body : "");
}

}  // namespace

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

std::string error_json(const OwnAnswer& answer) {
  return fmt::format(R"({{"error":{{"message":{},"type":"{}","code":"{}"}}}})", json_quoted(answer.message),
                     answer.status < 500 ? "invalid_request_error" : "server_error", answer.code);
}

std::string error_response(const OwnAnswer& answer, bool keep_alive, bool with_body) {
  const std::string extra =
      answer.retry_after_seconds > 0 ? fmt::format("Retry-After: {}\r\n", answer.retry_after_seconds) : "";
  return response(answer.status, extra, error_json(answer), keep_alive, with_body);
}

std::string model_json(std::string_view model) {
  return fmt::format(R"({{"id":{},"object":"model","created":0,"owned_by":"tidegate"}})", json_quoted(model));
}

std::string models_json(const std::vector<std::string>& models) {
  std::string out = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (i > 0) out.push_back(',');
    out += model_json(models[i]);
  }
  return out + "]}";
}

std::string json_response(int status, std::string_view body, bool keep_alive, bool with_body) {
  return response(status, "", body, keep_alive, with_body);
}

}  // namespace tidegate
