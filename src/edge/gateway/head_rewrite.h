// Heads as they are passed on: field lines byte for byte, without those that belong to one hop, with
// X-Forwarded-For and X-Forwarded-Proto appended.
#pragma once

#include <string>
#include <string_view>

#include "edge/net/framing.h"

namespace tidegate {

struct RequestRewrite {
  std::string_view peer;         // the client's address
  bool trust_forwarded = false;  // keep what the client says of whom it forwards for
};
// Appends the head for the replica. Framing fields and Authorization pass unchanged.
void append_request_head(std::string& out, const Head& head, const RequestRewrite& rewrite);

struct ResponseRewrite {
  bool close = false;           // the client's connection ends with this response
  bool upgrade = false;         // 101: the upgrade fields pass
  std::string_view added = {};  // field lines of our own, each with its CRLF
};
// True when the head can go out as it came.
[[nodiscard]] bool passes_unchanged(const Head& head, const ResponseRewrite& rewrite);
void append_response_head(std::string& out, const Head& head, const ResponseRewrite& rewrite);

}  // namespace tidegate
