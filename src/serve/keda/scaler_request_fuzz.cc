// Metadata of a ScaledObject comes from whoever may write one: pairs of lines, key and value.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "serve/keda/scaler_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  tidegate::ScaledObject object{.name = "chat", .name_space = "team-a"};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t key_end = std::min(text.find('\n', at), text.size());
    const std::size_t value_at = std::min(key_end + 1, text.size());
    const std::size_t value_end = std::min(text.find('\n', value_at), text.size());
    object.metadata[text.substr(at, key_end - at)] = text.substr(value_at, value_end - value_at);
    at = value_end + 1;
  }
  const auto request = tidegate::scaler_request(object);
  if (request ? !(request->target > 0) || !std::isfinite(request->target) || request->service.empty()
              : request.error().message.size() > 1000)
    std::abort();
  return 0;
}
