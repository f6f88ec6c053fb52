#include "edge/kubernetes/api_error.h"

#include <fmt/format.h>

#include <charconv>

#include "edge/kubernetes/json_fields.h"

namespace tidegate {
namespace {

constexpr std::size_t message_max = 2000;
constexpr std::size_t causes_max = 20;
constexpr std::int64_t retry_after_max_s = 24 * 3600;

struct ReasonOfServer {
  std::string_view word;
  ApiReason reason;
};
constexpr ReasonOfServer reasons_of_server[] = {
    {"Unauthorized", ApiReason::unauthorized},
    {"Forbidden", ApiReason::forbidden},
    {"NotFound", ApiReason::not_found},
    {"AlreadyExists", ApiReason::already_exists},
    {"Conflict", ApiReason::conflict},
    {"Gone", ApiReason::expired},
    {"Expired", ApiReason::expired},
    {"Invalid", ApiReason::invalid},
    {"BadRequest", ApiReason::invalid},
    {"MethodNotAllowed", ApiReason::invalid},
    {"NotAcceptable", ApiReason::invalid},
    {"UnsupportedMediaType", ApiReason::invalid},
    {"TooManyRequests", ApiReason::too_many_requests},
    {"RequestEntityTooLarge", ApiReason::too_large},
    {"ServerTimeout", ApiReason::unavailable},
    {"Timeout", ApiReason::unavailable},
    {"InternalError", ApiReason::unavailable},
    {"ServiceUnavailable", ApiReason::unavailable},
    {"StoreReadError", ApiReason::unavailable},
};

ApiReason reason_of_status(int status) {
  switch (status) {
    case 401:
      return ApiReason::unauthorized;
    case 403:
      return ApiReason::forbidden;
    case 404:
      return ApiReason::not_found;
    case 409:
      return ApiReason::conflict;
    case 410:
      return ApiReason::expired;
    case 413:
      return ApiReason::too_large;
    case 429:
      return ApiReason::too_many_requests;
    case 400:
    case 405:
    case 406:
    case 415:
    case 422:
      return ApiReason::invalid;
    case 408:
      return ApiReason::unavailable;
    default:
      return status >= 500 ? ApiReason::unavailable : ApiReason::other;
  }
}

// How the message ends when a person can do something about it.
std::string_view advice_of(ApiReason reason) {
  switch (reason) {
    case ApiReason::unauthorized:
      return "; check the credentials of the kubeconfig or of the service account";
    case ApiReason::forbidden:
      return "; grant it to the account that tidegate runs as";
    default:
      return "";
  }
}

}  // namespace

ApiError api_error_of_status(std::string_view status_json, int http_status, std::string_view asked) {
  ApiError error{.status = http_status};
  std::string said;
  const auto parsed = parse_json(status_json);
  if (parsed && text_field(*parsed, {"kind"}) == "Status") {
    if (const auto code = integer_field(*parsed, {"code"}); http_status == 0 && code)
      error.status = static_cast<int>(*code);
    error.reason = reason_of_status(error.status);
    const std::string word = text_field(*parsed, {"reason"});
    for (const ReasonOfServer& known : reasons_of_server)
      if (known.word == word) error.reason = known.reason;
    said = text_field(*parsed, {"message"});
    if (const auto wait = integer_field(*parsed, {"details", "retryAfterSeconds"});
        wait && *wait > 0 && *wait <= retry_after_max_s)
      error.retry_after = std::chrono::seconds{*wait};
    if (const Json* causes = field(*parsed, {"details", "causes"}); causes != nullptr && causes->is_array())
      for (const Json& cause : *causes)
        if (error.causes.size() < causes_max)
          error.causes.push_back({.field = text_field(cause, {"field"}), .message = text_field(cause, {"message"})});
  } else {
    error.reason = reason_of_status(error.status);
    said = status_json;
  }
  error.message = fmt::format("{}: answered {}: {}{}", asked, error.status, printable_excerpt(said, message_max),
                              advice_of(error.reason));
  return error;
}

ApiError api_error_of(const HttpResponse& answer, std::string_view asked) {
  ApiError error = api_error_of_status(answer.body, answer.status, asked);
  // The header's word counts; a date there is not worth reading, since the Status says it too.
  if (const auto header = answer.header("retry-after")) {
    std::int64_t seconds = 0;
    const auto [end, code] = std::from_chars(header->data(), header->data() + header->size(), seconds);
    if (code == std::errc{} && end == header->data() + header->size() && seconds >= 0 && seconds <= retry_after_max_s)
      error.retry_after = std::chrono::seconds{seconds};
  }
  return error;
}

ApiError api_error_of(const Error& error, std::string_view asked) {
  ApiReason reason = ApiReason::unreachable;
  if (error.kind == ErrorKind::denied) reason = ApiReason::untrusted;
  if (error.kind == ErrorKind::too_large) reason = ApiReason::too_large;
  if (error.kind == ErrorKind::invalid) reason = ApiReason::untrusted;
  return {.reason = reason, .message = fmt::format("{}: {}", asked, error.message)};
}

ApiError garbled(std::string_view asked, std::string_view what) {
  return {.reason = ApiReason::garbled,
          .message = fmt::format("{}: {}; does the address lead to a Kubernetes API server?", asked, what)};
}

Error to_error(const ApiError& error) {
  switch (error.reason) {
    case ApiReason::unreachable:
    case ApiReason::unavailable:
    case ApiReason::too_many_requests:
      return {ErrorKind::unreachable, error.message};
    case ApiReason::untrusted:
    case ApiReason::unauthorized:
    case ApiReason::forbidden:
      return {ErrorKind::denied, error.message};
    case ApiReason::not_found:
      return {ErrorKind::not_found, error.message};
    case ApiReason::invalid:
      return {ErrorKind::invalid, error.message};
    case ApiReason::too_large:
      return {ErrorKind::too_large, error.message};
    default:
      return {ErrorKind::failed, error.message};
  }
}

}  // namespace tidegate
