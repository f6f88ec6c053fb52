// Heads and bodies of any bytes. What one pass over the whole accepts, any split must accept alike: a parser
// that depends on how bytes arrive can be made to disagree with itself.
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "edge/net/framing.h"

namespace {

using namespace tidegate;

struct Followed {
  std::string payload;
  std::size_t consumed = 0;
  bool bad = false;
};

Followed follow(BodyFraming framing, std::string_view bytes, std::size_t piece) {
  Followed all;
  while (!bytes.empty() && !framing.is_done()) {
    const auto part = bytes.substr(0, piece);
    const auto step = framing.advance(part, [&](std::string_view stretch) { all.payload += stretch; });
    all.consumed += step.consumed;
    if (step.bad) return all.bad = true, all;
    CHECK(step.consumed == part.size() || framing.is_done());
    bytes.remove_prefix(step.consumed);
  }
  return all;
}

void follow_both(BodyKind kind, std::uint64_t length, std::string_view bytes) {
  const Followed whole = follow({kind, length}, bytes, bytes.size() + 1);
  const Followed split = follow({kind, length}, bytes, 1);
  CHECK(whole.payload == split.payload && whole.consumed == split.consumed && whole.bad == split.bad);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HeadParser parser;
  const HeadParse request = parser.request(bytes);
  if (request.parse == Parse::complete) {
    CHECK(request.consumed <= size && parser.head().count <= head_fields_max);
    // No shorter prefix may have been a whole head.
    HeadParser again;
    CHECK(again.request(bytes.substr(0, request.consumed - 1)).parse == Parse::incomplete);
    follow_both(parser.head().body, parser.head().content_length, bytes.substr(request.consumed));
  }
  if (parser.response(bytes, false).parse == Parse::complete) CHECK(parser.head().status >= 100);
  follow_both(BodyKind::chunked, 0, bytes);
  return 0;
}
