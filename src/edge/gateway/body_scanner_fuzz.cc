// Any bytes, in one piece and byte by byte, must be understood alike.
#include <string_view>

#include "core/base/check.h"
#include "edge/gateway/body_scanner.h"
#include "edge/gateway/sse_counter.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace tidegate;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  BodyScanner whole, split;
  whole.feed(bytes);
  for (std::size_t i = 0; i < size; ++i) split.feed(bytes.substr(i, 1));
  CHECK(whole.state() == split.state());
  CHECK(whole.model() == split.model() && whole.stream() == split.stream() && whole.session() == split.session());
  CHECK(whole.prompt_begin() == split.prompt_begin() && whole.prompt_end() == split.prompt_end());
  CHECK(whole.prompt_end() <= size);
  if (whole.model()) CHECK(whole.model()->size() <= 256);
  SseCounter at_once, by_byte;
  std::uint32_t events = 0;
  for (std::size_t i = 0; i < size; ++i) events += by_byte.count(bytes.substr(i, 1));
  CHECK(at_once.count(bytes) == events);
  return 0;
}
