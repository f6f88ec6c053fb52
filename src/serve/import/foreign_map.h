// Reads a map of somebody else's manifest, key by key, and remembers what was read: what nobody asked for can then be
// named as left out, field by field. A value of the wrong form is an error at its place and counts as not given.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "serve/config/yaml_node.h"

namespace tidegate {

// What could not be carried over, and why or what to do.
struct Note {
  TextSpan at;
  std::string field;  // "spec.behavior.scaleDown.policies"
  std::string text;
};

struct ImportLog {
  Diagnostics& problems;
  std::vector<Note> notes;
};

class ForeignMap {
 public:
  // `node` may be null: a map that is not there.
  ForeignMap(const YamlNode* node, std::string path, ImportLog& log);

  [[nodiscard]] bool is_given() const { return node_ != nullptr; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] TextSpan at() const { return node_ ? node_->at : TextSpan{}; }

  // The value of a key; null when it is left out.
  [[nodiscard]] const YamlNode* take(std::string_view key);
  [[nodiscard]] ForeignMap map(std::string_view key);
  [[nodiscard]] std::vector<ForeignMap> maps(std::string_view key);  // the maps of a list
  [[nodiscard]] std::optional<std::string> text(std::string_view key);
  [[nodiscard]] std::optional<double> number(std::string_view key);  // Kubernetes' quantities too: 500m, 1k, 2Gi
  [[nodiscard]] std::optional<std::int32_t> integer(std::string_view key);
  [[nodiscard]] std::optional<bool> boolean(std::string_view key);
  [[nodiscard]] std::optional<Duration> seconds(std::string_view key);  // a number of seconds

  // Whether the key is given, without reading it.
  [[nodiscard]] bool has(std::string_view key) const;
  // Read, and nothing need be said of it.
  void pass_over(std::initializer_list<std::string_view> keys);
  // Says that a key is not carried over. Keys that were not given are not mentioned.
  void leave_out(std::string_view key, std::string_view why);
  // Says it of every key that was not read.
  void leave_out_rest(std::string_view why);
  // A note on this map, or on one of its keys.
  void note(std::string_view key, std::string text);

 private:
  [[nodiscard]] const YamlNode* scalar(std::string_view key);
  void wrong(const YamlNode& node, std::string_view key, std::string_view wanted);
  [[nodiscard]] std::string path_of(std::string_view key) const;

  const YamlNode* node_;
  std::string path_;
  ImportLog* log_;
  std::set<std::string, std::less<>> read_;
};

// "500m" is 0.5, "1k" 1000, "2Gi" 2147483648. Nothing when it is no quantity.
[[nodiscard]] std::optional<double> kubernetes_quantity(std::string_view text);

}  // namespace tidegate
