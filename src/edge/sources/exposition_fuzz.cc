// Any bytes: no crash, and a page fed in pieces reads like the page at once.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "edge/sources/exposition.h"
#include "edge/sources/page_reader.h"

using namespace tidegate;

namespace {

struct Seen {
  std::string trace;
  bool failed = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen read(const NameSet& wanted, std::string_view page, std::size_t piece) {
  ExpositionScanner scanner{wanted};
  scanner.begin();
  Seen seen;
  const auto sink = [&](int name, const SeriesSample& sample) {
    char bits[sizeof sample.value];
    std::memcpy(bits, &sample.value, sizeof bits);
    seen.trace += static_cast<char>(name);
    seen.trace.append(bits, sizeof bits);
    seen.trace += sample.labels;
    LabelCursor cursor{sample.labels};
    while (const auto label = cursor.next()) seen.trace += unescaped(label->value);
  };
  for (std::size_t at = 0; at < page.size() && !seen.failed; at += piece)
    seen.failed = !scanner.feed(page.substr(at, piece), sink);
  if (!seen.failed) seen.failed = !scanner.finish();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view page{reinterpret_cast<const char*>(bytes), size};
  static const NameSet wanted{{"a", "up", "x_bucket", "vllm:num_requests_running"}};
  CHECK(read(wanted, page, page.size() + 1) == read(wanted, page, 3));
  static PageReader reader{*find_preset("vllm")};
  (void)reader.read(page);
  return 0;
}
