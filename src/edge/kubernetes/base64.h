// Base64 as it stands in kubeconfigs and secrets.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

// Nothing: it is no base64 (line breaks and spaces are passed over), or it is empty.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace tidegate
