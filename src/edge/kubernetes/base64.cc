#include "edge/kubernetes/base64.h"

#include <yaml-cpp/binary.h>

namespace tidegate {

std::optional<std::string> decode_base64(std::string_view text) {
  const auto bytes = YAML::DecodeBase64(std::string{text});
  if (bytes.empty()) return std::nullopt;
  return std::string{bytes.begin(), bytes.end()};
}

std::string encode_base64(std::string_view bytes) {
  return YAML::EncodeBase64(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

}  // namespace tidegate
