#include "serve/config/yaml_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr std::size_t line_width = 118;

// Words that YAML 1.1, which Kubernetes' tools read, takes for a boolean or for nothing.
bool is_yaml_word(std::string_view text) {
  constexpr std::array<std::string_view, 10> words{"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan"};
  std::string lower;
  for (const char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::find(words, lower) != words.end();
}

// A letter, a slash or an underscore first, then nothing that means something; a colon only inside a word.
bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > 200 || is_yaml_word(text)) return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!is_letter(text.front()) && text.front() != '/' && text.front() != '_') return false;
  if (text.back() == ' ' || text.back() == ':') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool plain = is_letter(c) || (c >= '0' && c <= '9') || std::string_view{"._/-+ ()=@%$;"}.contains(c) ||
                       (c == ':' && text[i + 1] != ' ');
    if (!plain) return false;
  }
  return true;
}

bool is_number_of_seconds(std::string_view text) {
  // "800ms", "2s", "1h30m": begin like a number and are none in any YAML.
  return !text.empty() && text.front() >= '0' && text.front() <= '9' && text.size() < 20 &&
         std::string_view{"smhd"}.contains(text.back()) &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
}

std::string quoted(std::string_view text) {
  return nlohmann::ordered_json(text).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool is_block(std::string_view text) {
  return text.size() > 1 && text.ends_with('\n') && !text.ends_with("\n\n") && text.front() != ' ' &&
         text.front() != '\n' && std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 && c != '\n'; });
}

// `[a, b]`, where all are single words and fit on a line; empty: they are not.
std::string flow_list(const nlohmann::ordered_json& items) {
  std::string flow;
  for (const auto& item : items) {
    if (item.is_structured()) return "";
    const auto word = item.is_string() ? yaml_scalar(item.get<std::string>()) : item.dump();
    flow += fmt::format("{}{}", flow.empty() ? "" : ", ", word);
  }
  return flow.size() < line_width - 20 ? fmt::format("[{}]", flow) : "";
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  return is_plain(text) || is_number_of_seconds(text) ? std::string{text} : quoted(text);
}

void YamlWriter::start_line() {
  CHECK(!open_.empty());
  open_.back().empty = false;
  if (!after_dash_) text_.append(open_.back().indent, ' ');
  after_dash_ = false;
}

YamlWriter& YamlWriter::open(Kind kind) {
  const std::size_t indent = open_.empty() ? 0 : open_.back().indent + 2;
  if (after_key_) {
    text_ += '\n';
    after_key_ = false;
  } else if (!open_.empty()) {
    CHECK(open_.back().kind == Kind::list);
    start_line();
    text_ += "- ";
    after_dash_ = true;
  }
  open_.push_back({.kind = kind, .indent = indent});
  return *this;
}

YamlWriter& YamlWriter::end() {
  CHECK(!open_.empty() && !after_key_);
  const auto closed = open_.back();
  open_.pop_back();
  if (!closed.empty) return *this;
  const auto nothing = closed.kind == Kind::map ? "{}\n" : "[]\n";
  if (text_.ends_with(":\n")) text_.back() = ' ';
  text_ += nothing;
  after_dash_ = false;
  return *this;
}

YamlWriter& YamlWriter::key(std::string_view name) {
  CHECK(!open_.empty() && open_.back().kind == Kind::map && !after_key_);
  start_line();
  text_ += yaml_scalar(name) + ":";
  after_key_ = true;
  return *this;
}

YamlWriter& YamlWriter::raw(std::string_view yaml) {
  if (after_key_) {
    text_ += ' ';
    after_key_ = false;
  } else {
    CHECK(!open_.empty() && open_.back().kind == Kind::list);
    start_line();
    text_ += "- ";
  }
  text_ += yaml;
  text_ += '\n';
  return *this;
}

YamlWriter& YamlWriter::value(std::string_view text) {
  if (!after_key_ || !is_block(text)) return raw(yaml_scalar(text));
  block_text(text);
  return *this;
}

YamlWriter& YamlWriter::value(double number) { return raw(fmt::format("{}", number)); }

void YamlWriter::block_text(std::string_view text) {
  text_ += " |\n";
  after_key_ = false;
  const std::string indent(open_.back().indent + 2, ' ');
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    text_ += fmt::format("{}{}\n", line.empty() ? "" : indent, line);
  }
}

YamlWriter& YamlWriter::comment(std::string_view text) {
  CHECK(!after_key_ && !after_dash_);
  const std::string indent(open_.empty() ? 0 : open_.back().indent, ' ');
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    // What goes on belongs to its list item.
    std::string_view hang = "";
    for (std::string_view rest = line; !rest.empty();) {
      auto cut = rest.size();
      const auto before = indent.size() + hang.size() + 2;
      if (rest.size() + before > line_width) {
        const auto space = rest.rfind(' ', line_width - before);
        if (space != std::string_view::npos && space > 0) cut = space;
      }
      text_ += fmt::format("{}# {}{}\n", indent, hang, rest.substr(0, cut));
      rest.remove_prefix(std::min(rest.size(), cut + 1));
      if (line.starts_with("- ")) hang = "  ";
    }
  }
  return *this;
}

YamlWriter& YamlWriter::json(const nlohmann::ordered_json& tree) {
  if (tree.is_object()) {
    map();
    for (const auto& [name, child] : tree.items()) key(name).json(child);
    return end();
  }
  if (tree.is_array()) {
    if (const auto flow = flow_list(tree); !flow.empty() && after_key_) return raw(flow);
    list();
    for (const auto& child : tree) json(child);
    return end();
  }
  if (tree.is_string()) return value(tree.get<std::string>());
  return raw(tree.dump());
}

std::string YamlWriter::take() {
  CHECK(open_.empty());
  return std::move(text_);
}

std::string yaml_text(const nlohmann::ordered_json& tree) {
  YamlWriter yaml;
  yaml.json(tree);
  return yaml.take();
}

}  // namespace tidegate
