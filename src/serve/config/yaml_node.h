// A configuration text as a tree that knows where everything stands. The only way in is parse_yaml; after it no
// part of tidegate knows YAML.
//
// Refused, each with one clear error: texts over 1 MiB, more than 50,000 values (aliases count each time they are
// used), nesting deeper than 32, bytes that are not UTF-8, tabs in the indentation, several documents, duplicate
// keys, keys that are not plain text, tags, and merge keys. Aliases of anchors are copied.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/config/diagnostic.h"

namespace tidegate {

enum class YamlKind : std::uint8_t { null, scalar, list, map };

struct YamlKey {
  std::string text;
  TextSpan at;
};

struct YamlNode {
  YamlKind kind = YamlKind::null;
  TextSpan at;
  std::string text;             // of a scalar
  bool quoted = false;          // a scalar that can only be text
  std::vector<YamlKey> keys;    // of a map; keys[i] belongs to items[i]
  std::vector<YamlNode> items;  // of a list or map

  // The value of a key; null when the map lacks it.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

// Nothing when the text cannot be read as YAML at all; duplicate keys alone still give a tree (the first one counts).
[[nodiscard]] std::optional<YamlNode> parse_yaml(std::string_view text, Diagnostics& problems);

// Where "services.0.hold.max_age" stands: the key if it is there, else the nearest thing around it.
[[nodiscard]] TextSpan place_of(const YamlNode& root, std::string_view path);

}  // namespace tidegate
