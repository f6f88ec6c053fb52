#include "serve/api/steering_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <vector>

#include "serve/config/schema.h"

namespace tidegate {
namespace {

using Json = nlohmann::json;
using Names = std::initializer_list<std::string_view>;

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::invalid, std::move(message)); }

// A JSON object with no fields but these.
Result<Json> read_object(std::string_view body, Names names) {
  auto json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) return refuse("the body is not JSON");
  if (!json.is_object()) return refuse("the body has to be a JSON object");
  const std::vector<std::string_view> known(names);
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto meant = nearest_word(name, known);
    return refuse(fmt::format("unknown field '{}': {}", name.substr(0, 64),
                              meant.empty() ? fmt::format("the fields are {}", fmt::join(known, ", "))
                                            : fmt::format("did you mean '{}'?", meant)));
  }
  return json;
}

Result<std::string> read_text(const Json& json, const char* name, std::size_t bytes_max) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
    return refuse(fmt::format("'{}' is missing: a text, so that others know who did it and why", name));
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > bytes_max) return refuse(fmt::format("'{}' is longer than {} bytes", name, bytes_max));
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return refuse(fmt::format("'{}' holds control characters: one line of text is wanted", name));
  return text;
}

Result<std::optional<Duration>> read_length(const Json& json) {
  const auto found = json.find("for_seconds");
  if (found == json.end()) return std::optional<Duration>{};
  const double length = found->is_number() ? found->get<double>() : std::nan("");
  if (!(length >= 1 && length <= seconds(steering_longest)))
    return refuse(
        fmt::format("'for_seconds' has to be a number from 1 to {:.0f} (30 days)", seconds(steering_longest)));
  return std::optional{from_seconds(length)};
}

Result<OverrideKind> read_kind(const Json& json) {
  const auto found = json.find("kind");
  const auto kind = found != json.end() && found->is_string()
                        ? from_text<OverrideKind>(found->get_ref<const std::string&>())
                        : std::nullopt;
  if (!kind) return refuse("'kind' has to be pin, floor or ceiling");
  return *kind;
}

Result<Replicas> read_replicas(const Json& json, const Guardrails& limits) {
  const auto found = json.find("replicas");
  const bool is_count = found != json.end() && found->is_number_integer();
  const auto low = limits.replicas_min.value(), high = limits.replicas_max.value();
  if (!is_count) return refuse(fmt::format("'replicas' has to be a whole number from {} to {}", low, high));
  // Beyond what the type holds, any number is beyond the limits as well.
  const double count = found->get<double>();
  if (count < low) return refuse(fmt::format("'replicas' {:.0f} is below the service's replicas.min {}", count, low));
  if (count > high) return refuse(fmt::format("'replicas' {:.0f} is above the service's replicas.max {}", count, high));
  return Replicas{found->get<std::int32_t>()};
}

Result<Signature> signature_of(const Json& json) {
  auto author = read_text(json, "author", author_max);
  if (!author) return std::unexpected(author.error());
  auto comment = read_text(json, "comment", comment_max);
  if (!comment) return std::unexpected(comment.error());
  return Signature{*std::move(author), *std::move(comment)};
}

}  // namespace

Result<Override> read_override(std::string_view body, const ServiceSpec& spec, Instant now) {
  const auto json = read_object(body, {"kind", "replicas", "for_seconds", "author", "comment"});
  if (!json) return std::unexpected(json.error());
  const auto kind = read_kind(*json);
  if (!kind) return std::unexpected(kind.error());
  const auto replicas = read_replicas(*json, spec.guardrails);
  if (!replicas) return std::unexpected(replicas.error());
  const auto length = read_length(*json);
  if (!length) return std::unexpected(length.error());
  if (!*length) return refuse("'for_seconds' is missing: an override has to end by itself");
  auto signature = signature_of(*json);
  if (!signature) return std::unexpected(signature.error());
  return Override{.kind = *kind,
                  .replicas = *replicas,
                  .expires = now + **length,
                  .author = std::move(signature->author),
                  .comment = std::move(signature->comment)};
}

Result<Pause> read_pause(std::string_view body, Instant now) {
  const auto json = read_object(body, {"author", "comment", "for_seconds"});
  if (!json) return std::unexpected(json.error());
  const auto length = read_length(*json);
  if (!length) return std::unexpected(length.error());
  auto signature = signature_of(*json);
  if (!signature) return std::unexpected(signature.error());
  Pause pause{.author = std::move(signature->author), .comment = std::move(signature->comment)};
  if (*length) pause.expires = now + **length;
  return pause;
}

Result<Signature> read_signature(std::string_view body) {
  const auto json = read_object(body, {"author", "comment"});
  if (!json) return std::unexpected(json.error());
  return signature_of(*json);
}

}  // namespace tidegate
