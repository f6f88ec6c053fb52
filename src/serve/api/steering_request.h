// What an operator asks for in the body of a request: strictly read. An unknown field, a missing author or comment, a
// number out of bounds: each is refused with the field's name and what would be right. Nothing is guessed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/time.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"

namespace tidegate {

inline constexpr Duration steering_longest = std::chrono::hours{24 * 30};
inline constexpr std::size_t author_max = 100;
inline constexpr std::size_t comment_max = 500;

// {"kind", "replicas", "for_seconds", "author", "comment"}: all of them. A size the limits of the service would
// not let through is refused, since it could not be kept.
[[nodiscard]] Result<Override> read_override(std::string_view body, const ServiceSpec& spec, Instant now);

// {"author", "comment", "for_seconds"?}: without a length it stays until it is resumed.
[[nodiscard]] Result<Pause> read_pause(std::string_view body, Instant now);

// {"author", "comment"}, for the log: who resumes, restarts, clears.
struct Signature {
  std::string author;
  std::string comment;
};
[[nodiscard]] Result<Signature> read_signature(std::string_view body);

}  // namespace tidegate
