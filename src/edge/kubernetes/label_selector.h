// Which labels a selector picks. Read from both of its forms: the object that workloads have (matchLabels and
// matchExpressions) and the text that a scale's status has ("app=chat,tier in (a, b),!canary"). What cannot be read is
// no selector, never one that picks everything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/kubernetes/json_fields.h"

namespace tidegate {

// Sorted by key.
using Labels = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] Labels labels_of(JsonView object, JsonPath path);
// None: there is no such label.
[[nodiscard]] const std::string* label(const Labels& labels, std::string_view key);

enum class LabelRule : std::uint8_t { in, not_in, exists, does_not_exist };

struct LabelRequirement {
  std::string key;
  LabelRule rule = LabelRule::in;
  std::vector<std::string> values = {};  // of `in` and `not_in`; at least one

  friend bool operator==(const LabelRequirement&, const LabelRequirement&) = default;
};

struct LabelSelector {
  std::vector<LabelRequirement> requirements;  // all of them; at least one

  [[nodiscard]] bool picks(const Labels& labels) const;
  // A label that whatever is picked has; none: there is no such one.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> anchor() const;

  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};

[[nodiscard]] std::optional<LabelSelector> parse_label_selector(std::string_view text);
[[nodiscard]] std::optional<LabelSelector> label_selector_of(JsonView object, JsonPath path);

}  // namespace tidegate
