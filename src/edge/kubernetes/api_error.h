// What the API server's refusal means: the typed form of its Status answers, and of answers that never came. Decides
// nothing about trying again (edge/kubernetes/retry.h does).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/error.h"
#include "core/base/time.h"
#include "edge/net/http_client.h"

namespace tidegate {

enum class ApiReason : std::uint8_t {
  unreachable,        // no answer: no connection, cut off, too late
  untrusted,          // the server's certificate, or ours, is not accepted
  unauthorized,       // 401: who we are is not known, or no longer
  forbidden,          // 403: known, and not allowed to
  not_found,          // 404
  already_exists,     // 409 on creation
  conflict,           // 409: the object changed since it was read, or a field has another owner
  expired,            // 410: a resourceVersion or a page that is too old; begin anew
  invalid,            // 400, 415, 422: the object or the request breaks a rule; `causes` names fields
  too_many_requests,  // 429: wait `retry_after`
  unavailable,        // 500, 502, 503, 504 and server time-outs: the server's own trouble
  too_large,          // beyond a bound of ours or of the server
  garbled,            // what came is nothing an API server says
  other,
};
template <>
inline constexpr auto enum_texts<ApiReason> = std::to_array<EnumText<ApiReason>>({
    {ApiReason::unreachable, "unreachable"},
    {ApiReason::untrusted, "untrusted"},
    {ApiReason::unauthorized, "unauthorized"},
    {ApiReason::forbidden, "forbidden"},
    {ApiReason::not_found, "not_found"},
    {ApiReason::already_exists, "already_exists"},
    {ApiReason::conflict, "conflict"},
    {ApiReason::expired, "expired"},
    {ApiReason::invalid, "invalid"},
    {ApiReason::too_many_requests, "too_many_requests"},
    {ApiReason::unavailable, "unavailable"},
    {ApiReason::too_large, "too_large"},
    {ApiReason::garbled, "garbled"},
    {ApiReason::other, "other"},
});

// One thing that is wrong with an object: "spec.replicas", "must be greater than or equal to 0".
struct FieldCause {
  std::string field;
  std::string message;
  friend bool operator==(const FieldCause&, const FieldCause&) = default;
};

struct ApiError {
  ApiReason reason = ApiReason::other;
  int status = 0;       // HTTP; 0: no answer came
  std::string message;  // fit for a person: what was asked, and the server's own words
  std::vector<FieldCause> causes = {};
  std::optional<Duration> retry_after = {};
  friend bool operator==(const ApiError&, const ApiError&) = default;
};

template <class T>
using ApiResult = std::expected<T, ApiError>;

// Of an answer that is no 2xx. `asked` begins the message: "PUT /apis/apps/v1/...".
[[nodiscard]] ApiError api_error_of(const HttpResponse& answer, std::string_view asked);
// Of a Status object as text, as it also stands in a watch.
[[nodiscard]] ApiError api_error_of_status(std::string_view status_json, int http_status, std::string_view asked);
// Of an answer that did not come.
[[nodiscard]] ApiError api_error_of(const Error& error, std::string_view asked);
[[nodiscard]] ApiError garbled(std::string_view asked, std::string_view what);

// For those who know only Error.
[[nodiscard]] Error to_error(const ApiError& error);

}  // namespace tidegate
