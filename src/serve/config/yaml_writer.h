// Writes YAML from front to back, in block style, for people to read and for any reader to understand: text is quoted
// wherever some version of YAML would take it for something else (`on`, `1e3`, `~`). Calls out of order are our bug.
//
//   YamlWriter yaml;
//   yaml.map().key("name").value("chat").comment("nobody said").key("slo").raw("{ttft_p99: 2s}").end();
//   yaml.take() == "name: chat\n# nobody said\nslo: {ttft_p99: 2s}\n"
#pragma once

#include <concepts>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

class YamlWriter {
 public:
  YamlWriter& map() { return open(Kind::map); }
  YamlWriter& list() { return open(Kind::list); }
  YamlWriter& end();
  YamlWriter& key(std::string_view name);

  YamlWriter& value(std::string_view text);
  YamlWriter& value(const char* text) { return value(std::string_view{text}); }
  YamlWriter& value(const std::string& text) { return value(std::string_view{text}); }
  YamlWriter& value(double number);
  YamlWriter& value(std::same_as<bool> auto truth) { return raw(truth ? "true" : "false"); }
  YamlWriter& value(std::integral auto number)
    requires(!std::same_as<decltype(number), bool>)
  {
    return raw(std::to_string(number));
  }
  YamlWriter& raw(std::string_view yaml);  // one line of YAML already

  // Lines of their own, wrapped, before the next key or item.
  YamlWriter& comment(std::string_view text);
  // A whole tree in the place of a value.
  YamlWriter& json(const nlohmann::ordered_json& tree);

  [[nodiscard]] std::string take();

 private:
  enum class Kind : std::uint8_t { map, list };
  struct Level {
    Kind kind = Kind::map;
    std::size_t indent = 0;
    bool empty = true;
  };

  YamlWriter& open(Kind kind);
  void start_line();
  void block_text(std::string_view text);

  std::string text_;
  std::vector<Level> open_;
  bool after_key_ = false;
  bool after_dash_ = false;
};

// As it stands in YAML: plain where it cannot be mistaken, else in double quotes.
[[nodiscard]] std::string yaml_scalar(std::string_view text);
[[nodiscard]] std::string yaml_text(const nlohmann::ordered_json& tree);

}  // namespace tidegate
