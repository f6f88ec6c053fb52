// A watch of any bytes: what arrives whole and what arrives in pieces must be the same events and the same end.
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "edge/kubernetes/watch_decoder.h"

namespace {

using namespace tidegate;

struct Outcome {
  std::string events;
  ApiResult<void> how;
};

Outcome decode_in_pieces(std::string_view text, std::size_t piece) {
  Outcome outcome;
  WatchDecoder decoder;
  while (!text.empty() && outcome.how) {
    outcome.how = decoder.push(text.substr(0, piece), [&](const WatchEvent& event) {
      CHECK(!event.resource_version.empty());
      CHECK(event.kind == WatchKind::bookmark || !event.name.empty());
      outcome.events +=
          std::string{event.space} + '/' + std::string{event.name} + '@' + std::string{event.resource_version} + ';';
    });
    text.remove_prefix(std::min(piece, text.size()));
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = decode_in_pieces(bytes, bytes.size() + 1);
  const Outcome split = decode_in_pieces(bytes, 3);
  CHECK(whole.events == split.events && whole.how == split.how);
  if (!whole.how) CHECK(!whole.how.error().message.empty());
  return 0;
}
