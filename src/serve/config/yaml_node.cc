// The only file that knows yaml-cpp.
#include "serve/config/yaml_node.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <spanstream>
#include <utility>

namespace tidegate {
namespace {

constexpr std::size_t text_limit = 1 << 20;
constexpr std::size_t nodes_limit = 50'000;
constexpr std::size_t depth_limit = 32;

// Thrown through yaml-cpp to end the parse; never leaves parse_yaml.
struct Stop {};

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const auto& item : node.items) count += count_nodes(item);
  return count;
}

// Turns yaml-cpp's byte positions into lines and columns of characters.
class Text {
 public:
  explicit Text(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') starts_.push_back(i + 1);
  }

  [[nodiscard]] TextSpan span(const YAML::Mark& mark, std::int32_t width = 1) const {
    if (mark.line < 0) return {};
    const auto line = std::min(static_cast<std::size_t>(mark.line), starts_.size() - 1);
    const auto end = std::min(text_.size(), starts_[line] + static_cast<std::size_t>(std::max(mark.column, 0)));
    return {static_cast<std::int32_t>(line) + 1, characters(starts_[line], end) + 1, std::max(width, 1)};
  }

  [[nodiscard]] std::string_view from(const YAML::Mark& mark) const { return text_.substr(offset(mark)); }

  // Whether the quoted text that begins here ends at all; yaml-cpp takes the end of the file for a quote.
  [[nodiscard]] bool is_closed_quote(const YAML::Mark& mark) const {
    const auto rest = from(mark);
    const bool escapes = rest.starts_with('"');
    if (!escapes && !rest.starts_with('\'')) return true;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (escapes && rest[i] == '\\')
        ++i;
      else if (rest[i] == rest[0])
        return true;
    }
    return false;
  }

  // The innermost `{` or `[` that nothing closes; quotes and comments are understood, block texts are not.
  [[nodiscard]] std::optional<std::pair<char, TextSpan>> unclosed_bracket() const {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const char c = text_[i];
      const bool begins_word = i == 0 || std::string_view{" \n\t[{,:("}.contains(text_[i - 1]);
      if ((c == '"' || c == '\'') && begins_word) {
        i = std::min(text_.size(), text_.find(c, i + 1));
      } else if (c == '#' && begins_word) {
        i = std::min(text_.size(), text_.find('\n', i));
      } else if (c == '{' || c == '[') {
        open.push_back(i);
      } else if ((c == '}' || c == ']') && !open.empty()) {
        open.pop_back();
      }
    }
    if (open.empty()) return std::nullopt;
    const auto line =
        static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), open.back()) - starts_.begin());
    return std::pair{text_[open.back()],
                     TextSpan{static_cast<std::int32_t>(line), characters(starts_[line - 1], open.back()) + 1, 1}};
  }

  // The scalar's own width: as written, quotes included, up to the end of its line.
  [[nodiscard]] TextSpan scalar_span(const YAML::Mark& mark, const std::string& value) const {
    auto span_of = span(mark);
    const auto start = offset(mark);
    const auto rest = text_.substr(start, text_.substr(start).find('\n'));
    std::size_t length = 1;
    if (!value.empty() && rest.starts_with(value)) length = value.size();
    if (rest.starts_with('"') || rest.starts_with('\'')) {
      const auto closing = rest.find(rest[0], 1);
      length = closing == std::string_view::npos ? rest.size() : closing + 1;
    }
    span_of.width = std::max(1, characters(start, start + length));
    return span_of;
  }

 private:
  [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const {
    const auto line = std::min(static_cast<std::size_t>(std::max(mark.line, 0)), starts_.size() - 1);
    return std::min(text_.size(), starts_[line] + static_cast<std::size_t>(std::max(mark.column, 0)));
  }
  [[nodiscard]] std::int32_t characters(std::size_t from, std::size_t to) const {
    std::int32_t count = 0;
    for (std::size_t i = from; i < to; ++i) count += (static_cast<unsigned char>(text_[i]) & 0xc0) != 0x80;
    return count;
  }

  std::string_view text_;
  std::vector<std::size_t> starts_;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Text& text, Diagnostics& problems) : text_(text), problems_(problems) {}

  std::optional<YamlNode> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      stop("several_documents", text_.span(mark), "a configuration is one YAML document, and here a second one begins",
           "remove the `---` line, or keep the documents in files of their own");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    close({.kind = YamlKind::null, .at = text_.span(mark)}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      stop("alias_of_itself", text_.span(mark), "this alias stands inside what it names, and so would never end",
           "write the value out");
    nodes_ += count_nodes(found->second);
    check_size(text_.span(mark));
    close(YamlNode{found->second}, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const auto at = text_.scalar_span(mark, value);
    check_tag(tag, at);
    if (tag == "!" && !text_.is_closed_quote(mark))
      stop("yaml", at, "a quoted text is not closed", "add the missing quote");
    close({.kind = YamlKind::scalar, .at = at, .text = value, .quoted = tag == "!"}, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlKind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlKind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool wants_key = false;    // a map whose next event is a key
    bool drops_value = false;  // the key was a duplicate
  };

  [[noreturn]] void stop(std::string code, TextSpan at, std::string message, std::string help) {
    problems_.error(std::move(code), at, std::move(message), std::move(help));
    throw Stop{};
  }

  void check_tag(const std::string& tag, TextSpan at) {
    if (!tag.empty() && tag != "?" && tag != "!")
      stop("tag", at, fmt::format("the YAML tag `{}` means nothing in a configuration", tag), "remove the tag");
  }

  void check_size(TextSpan at) {
    if (nodes_ > nodes_limit)
      stop("too_many_values", at, fmt::format("the configuration holds more than {} values", nodes_limit),
           "aliases count each time they are used; split the fleet into several files");
  }

  void open(YamlKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const auto at = text_.span(mark);
    check_tag(tag, at);
    if (!open_.empty() && open_.back().wants_key) refuse_key(at);
    if (open_.size() >= depth_limit)
      stop("too_deep", at, fmt::format("values are nested more than {} deep", depth_limit), "flatten the file");
    open_.push_back({.node = {.kind = kind, .at = at}, .anchor = anchor, .wants_key = kind == YamlKind::map});
  }

  [[noreturn]] void refuse_key(TextSpan at) {
    if (const auto bracket = text_.unclosed_bracket())
      stop("yaml", bracket->second, fmt::format("this `{}` is not closed", bracket->first),
           fmt::format("add the missing `{}`", bracket->first == '{' ? '}' : ']'));
    stop("bad_key", at, "a key must be plain text, and this one is a list, a map or nothing",
         "to write braces as text, put them in quotes: \"{port}\"");
  }

  void end() {
    auto done = std::move(open_.back());
    open_.pop_back();
    close(std::move(done.node), done.anchor);
  }

  // A value is complete: it becomes a key, an item, or the root.
  void close(YamlNode node, YAML::anchor_t anchor) {
    ++nodes_;
    check_size(node.at);
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& parent = open_.back();
    if (parent.node.kind == YamlKind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.wants_key) {
      take_key(parent, node);
    } else {
      if (!parent.drops_value) parent.node.items.push_back(std::move(node));
      parent.wants_key = true;
    }
  }

  void take_key(Open& parent, const YamlNode& key) {
    if (key.kind != YamlKind::scalar) refuse_key(key.at);
    if (key.text == "<<" && !key.quoted)
      stop("merge_key", key.at, "merge keys (`<<`) are not part of this format", "write the settings out");
    parent.wants_key = false;
    parent.drops_value = false;
    for (const auto& earlier : parent.node.keys) {
      if (earlier.text != key.text) continue;
      problems_.error("duplicate_key", key.at,
                      fmt::format("`{}` is given twice; the first time in line {}", key.text, earlier.at.line),
                      "keep one of them");
      parent.drops_value = true;
      return;
    }
    parent.node.keys.push_back({key.text, key.at});
  }

  const Text& text_;
  Diagnostics& problems_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::optional<YamlNode> root_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

std::size_t utf8_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

// Whether the bytes from `at` on begin with one well-formed character (no surrogates, no overlong forms).
std::size_t character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto length = utf8_length(byte(0));
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (length == 3 && ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f))) return 0;
  if (length == 4 && ((byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) > 0x8f))) return 0;
  return length;
}

// Looks at the bytes before YAML does, since its own errors for these are hard to understand.
bool bytes_are_fine(std::string_view text, Diagnostics& problems) {
  TextSpan at;
  bool in_indentation = true;
  std::optional<TextSpan> tab;
  for (std::size_t i = 0; i < text.size();) {
    const auto length = character_at(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0) {
      problems.error("not_utf8", at, fmt::format("the byte 0x{:02x} does not belong to UTF-8 text", byte),
                     "save the file as UTF-8");
      return false;
    }
    if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f) {
      problems.error("control_character", at, fmt::format("the control character 0x{:02x} is not text", byte),
                     "remove it");
      return false;
    }
    if (byte == '\t' && in_indentation && !tab) tab = at;
    if (byte == '\n') {
      at = {at.line + 1, 1, 1};
      in_indentation = true;
      tab.reset();
    } else {
      if (byte != ' ' && byte != '\t' && byte != '\r' && byte != '#' && in_indentation) {
        if (tab) {
          problems.error("tab", *tab, "a tab indents this line, and YAML wants spaces", "replace the tab with spaces");
          return false;
        }
        in_indentation = false;
      }
      if (byte == '#') in_indentation = false;
      ++at.column;
    }
    i += length;
  }
  return true;
}

// yaml-cpp speaks of its own tables; a person wants to know what to write.
std::pair<std::string, std::string> plain_words(std::string_view said) {
  static constexpr std::pair<std::string_view, std::pair<std::string_view, std::string_view>> known[] = {
      {"end of map not found",
       {"the lines before this do not form `key: value` pairs at one indentation",
        "indent keys of one map alike, and put a space after the colon"}},
      {"end of map flow not found", {"a `{` is not closed", "add the missing `}`"}},
      {"end of sequence not found",
       {"the items before this do not form one list", "begin every item with `- ` at the same indentation"}},
      {"end of sequence flow not found", {"a `[` is not closed", "add the missing `]`"}},
      {"illegal map value", {"a `:` stands where no value can begin", "put text with a colon in quotes"}},
      {"illegal block entry",
       {"a list item (`- `) stands where none can begin", "put the list on lines of its own under its key"}},
      {"illegal EOF in scalar", {"a quoted text is not closed", "add the missing quote"}},
      {"illegal document indicator in scalar",
       {"a quoted text is not closed before the document ends", "add the missing quote"}},
      {"illegal flow end", {"a `}` or `]` closes nothing", "remove it, or put the text in quotes"}},
      {"unknown token", {"this character cannot begin a value", "put the text in quotes"}},
      {"the referenced anchor is not defined",
       {"this alias names an anchor that does not exist", "define it before with `&`, or put the text in quotes"}},
      {"unknown escape character: ", {"this backslash sequence is unknown", "use single quotes for text with \\"}},
  };
  for (const auto& [theirs, ours] : known)
    if (said.starts_with(theirs)) return {std::string{ours.first}, std::string{ours.second}};
  return {fmt::format("this is not YAML: {}", said), "check the indentation, colons and quotes around here"};
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].text == key) return &items[i];
  return nullptr;
}

std::optional<YamlNode> parse_yaml(std::string_view text, Diagnostics& problems) {
  if (text.size() > text_limit) {
    problems.error("too_large", {}, fmt::format("the configuration is larger than 1 MiB ({} bytes)", text.size()),
                   "check that this is the right file");
    return std::nullopt;
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!bytes_are_fine(text, problems)) return std::nullopt;
  const Text places(text);
  TreeBuilder builder(places, problems);
  try {
    std::ispanstream stream{std::span{text.data(), text.size()}};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    if (const auto bracket = places.unclosed_bracket()) {
      problems.error("yaml", bracket->second, fmt::format("this `{}` is not closed", bracket->first),
                     fmt::format("add the missing `{}`", bracket->first == '{' ? '}' : ']'));
      return std::nullopt;
    }
    auto [message, help] = plain_words(error.msg);
    problems.error("yaml", places.span(error.mark), std::move(message), std::move(help));
    return std::nullopt;
  }
  auto root = builder.take();
  if (!root || root->kind == YamlKind::null) {
    problems.error("empty", {}, "the configuration is empty",
                   "`tidegate init` writes a first one; the least is a list of `services:`");
    return std::nullopt;
  }
  return root;
}

TextSpan place_of(const YamlNode& root, std::string_view path) {
  const YamlNode* node = &root;
  TextSpan at = root.at;
  while (!path.empty()) {
    const auto step = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), step.size() + 1));
    if (node->kind == YamlKind::list) {
      std::size_t index = 0;
      std::from_chars(step.data(), step.data() + step.size(), index);
      if (index >= node->items.size()) return at;
      node = &node->items[index];
      at = node->at;
      continue;
    }
    const auto* found = node->find(step);
    if (!found) return at;
    at = node->keys[static_cast<std::size_t>(found - node->items.data())].at;
    node = found;
  }
  // The value says more than its key, where it is one word.
  return node->kind == YamlKind::scalar ? node->at : at;
}

}  // namespace tidegate
