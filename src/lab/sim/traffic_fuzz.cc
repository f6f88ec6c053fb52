// Any bytes are either requests in order of time or an error that names the file; the pieces they come in change
// nothing. The first byte chooses the piece size. Seeds: the texts of traffic_test.cc.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "lab/sim/testing/traffic_text.h"

namespace {

constexpr std::size_t requests_max = 10'000;

std::vector<tidegate::TrafficRequest> some_of(const std::string& text, std::size_t piece, std::string& error) {
  std::vector<tidegate::TrafficRequest> all;
  auto reader =
      tidegate::TrafficReader::open(tidegate::bytes_of(text, piece), "trace", {.scale = 1.5, .burstiness = 2});
  if (!reader) {
    error = reader.error().message;
    return all;
  }
  while (all.size() < requests_max) {
    auto next = reader->next();
    if (!next) {
      error = next.error().message;
      return all;
    }
    if (!*next) return all;
    CHECK(all.empty() || all.back().at <= (*next)->at);
    all.push_back(std::move(**next));
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  std::string error, error_of_pieces;
  const auto whole = some_of(text, 1 << 16, error);
  CHECK(error.empty() || error.starts_with("trace:"));
  // One bin of a billion requests would keep the fuzzer from other inputs.
  if (whole.size() < requests_max) CHECK(some_of(text, bytes[0] % 16u + 1, error_of_pieces) == whole);
  return 0;
}
