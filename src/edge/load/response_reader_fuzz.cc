// Any bytes, in any pieces: the reader ends the same way and has counted the same.
#include <cstddef>
#include <cstdint>

#include "core/base/check.h"
#include "edge/load/response_reader.h"

namespace {

struct Read {
  tidegate::ResponseReader::Progress progress = tidegate::ResponseReader::Progress::more;
  tidegate::ResponseReader reader;
};

Read read_all(std::string_view bytes, std::size_t piece) {
  static tidegate::HeadParser parser;
  Read read;
  while (!bytes.empty() && read.progress == tidegate::ResponseReader::Progress::more) {
    read.progress = read.reader.feed(bytes.substr(0, piece), tidegate::Instant{}, parser);
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const auto whole = read_all(text, text.size() + 1);
  const auto pieces = read_all(text, bytes[0] % 32u + 1);
  CHECK(whole.progress == pieces.progress);
  CHECK(whole.reader.status() == pieces.reader.status() && whole.reader.queue() == pieces.reader.queue());
  if (whole.progress == tidegate::ResponseReader::Progress::malformed) return 0;
  CHECK(whole.reader.tokens() == pieces.reader.tokens() && whole.reader.told_error() == pieces.reader.told_error());
  return 0;
}
