// The gateway's own answers, as OpenAI clients expect them: {"error": {"message", "type", "code"}}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

struct OwnAnswer {
  int status = 500;
  std::string_view code;        // "model_not_found"
  std::string message;          // for a person
  int retry_after_seconds = 0;  // 0: none
};

// The JSON object alone.
[[nodiscard]] std::string error_json(const OwnAnswer& answer);
// A whole response. `with_body` false answers a HEAD.
[[nodiscard]] std::string error_response(const OwnAnswer& answer, bool keep_alive, bool with_body);
// GET /v1/models: every model, also those at zero replicas.
[[nodiscard]] std::string models_json(const std::vector<std::string>& models);
[[nodiscard]] std::string model_json(std::string_view model);
[[nodiscard]] std::string json_response(int status, std::string_view body, bool keep_alive, bool with_body);
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace tidegate
