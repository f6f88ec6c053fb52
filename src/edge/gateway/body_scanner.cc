#include "edge/gateway/body_scanner.h"

namespace tidegate {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}
constexpr int hex_value(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6), put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12), put(0x80 | (point >> 6 & 0x3f)), put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18), put(0x80 | (point >> 12 & 0x3f)), put(0x80 | (point >> 6 & 0x3f)),
        put(0x80 | (point & 0x3f));
  }
}

}  // namespace

std::string_view BodyScanner::session() const {
  return !session_.empty() ? session_ : !cache_key_.empty() ? cache_key_ : std::string_view{user_};
}

BodyScanner::State BodyScanner::bad(std::string_view reason) {
  reason_ = reason;
  return state_ = State::bad;
}

BodyScanner::State BodyScanner::feed(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (state_ == State::bad) return state_;
    // Most of a body is the inside of long strings: skip to what can end them.
    if (((at_ == At::nested && in_string_) || (at_ == At::string && !capturing_)) && !escaped_) {
      const std::size_t from = i;
      while (i < bytes.size() && bytes[i] != '"' && bytes[i] != '\\') ++i;
      offset_ += i - from;
      if (i == bytes.size()) break;
    }
    if (!step(bytes[i])) return state_ == State::bad ? state_ : bad("broken JSON");
    ++offset_;
  }
  return state_;
}

bool BodyScanner::step(char c) {
  switch (at_) {
    case At::before_object:
      if (is_blank(c)) return true;
      if (c != '{') return bad("the body is no JSON object"), false;
      at_ = At::key_or_end;
      return true;
    case At::key_or_end:
    case At::key_start:
      if (is_blank(c)) return true;
      if (c == '}' && at_ == At::key_or_end) return at_ = At::after, state_ = State::done, true;
      if (c != '"') return false;
      at_ = At::key;
      capturing_ = true;
      text_.clear();
      return true;
    case At::key:
    case At::string:
      return string_byte(c);
    case At::colon:
      if (is_blank(c)) return true;
      if (c != ':') return false;
      at_ = At::value;
      return true;
    case At::value:
      return is_blank(c) || begin_value(c);
    case At::nested:
      return nested_byte(c);
    case At::scalar:
      if (is_scalar(c)) {
        if (text_.size() < capture_max) text_.push_back(c);
        return true;
      }
      if (key_ == Key::stream) stream_ = text_ == "true";
      if (!end_value()) return false;
      return step(c);
    case At::comma_or_end:
      if (is_blank(c)) return true;
      if (c == ',') return at_ = At::key_start, true;
      if (c == '}') return at_ = At::after, state_ = State::done, true;
      return false;
    case At::after:
      return is_blank(c);
  }
  return false;
}

bool BodyScanner::begin_value(char c) {
  if (key_ == Key::prompt) prompt_begin_ = offset_, prompt_end_ = 0;
  if (key_ == Key::model && c != '"') return bad("\"model\" is not a string"), false;
  text_.clear();
  if (c == '"') {
    at_ = At::string;
    capturing_ = key_ == Key::model || key_ == Key::session || key_ == Key::cache_key || key_ == Key::user;
    return true;
  }
  if (c == '{' || c == '[') {
    at_ = At::nested;
    depth_ = 1;
    is_object_[0] = c == '{';
    in_string_ = false;
    return true;
  }
  if (!is_scalar(c)) return false;
  at_ = At::scalar;
  text_.push_back(c);
  return true;
}

void BodyScanner::capture(std::uint32_t point) {
  if (capturing_ && text_.size() < capture_max + 4) append_utf8(text_, point);
}

bool BodyScanner::escape_byte(char c) {
  if (unicode_left_ > 0) {
    const int value = hex_value(c);
    if (value < 0) return false;
    unicode_ = unicode_ * 16 + static_cast<std::uint32_t>(value);
    if (--unicode_left_ > 0) return true;
    escaped_ = false;
    if (unicode_ >= 0xd800 && unicode_ < 0xdc00) return surrogate_ = unicode_, true;
    if (unicode_ >= 0xdc00 && unicode_ < 0xe000)
      capture(surrogate_ ? 0x10000 + ((surrogate_ - 0xd800) << 10) + (unicode_ - 0xdc00) : 0xfffd);
    else
      capture(unicode_);
    surrogate_ = 0;
    return true;
  }
  if (c == 'u') return unicode_left_ = 4, unicode_ = 0, true;
  escaped_ = false;
  switch (c) {
    case '"':
    case '\\':
    case '/':
      capture(static_cast<unsigned char>(c));
      return true;
    case 'b':
      capture('\b');
      return true;
    case 'f':
      capture('\f');
      return true;
    case 'n':
      capture('\n');
      return true;
    case 'r':
      capture('\r');
      return true;
    case 't':
      capture('\t');
      return true;
    default:
      return false;
  }
}

bool BodyScanner::string_byte(char c) {
  if (escaped_) return escape_byte(c);
  if (c == '\\') return escaped_ = true;
  if (c == '"') return end_string();
  if (static_cast<unsigned char>(c) < 0x20) return false;
  if (capturing_ && text_.size() < capture_max + 4) text_.push_back(c);
  return true;
}

bool BodyScanner::end_string() {
  capturing_ = false;
  if (at_ == At::key) {
    at_ = At::colon;
    key_ = text_ == "model"                                               ? Key::model
           : text_ == "stream"                                            ? Key::stream
           : text_ == "session_id"                                        ? Key::session
           : text_ == "prompt_cache_key"                                  ? Key::cache_key
           : text_ == "user"                                              ? Key::user
           : text_ == "messages" || text_ == "prompt" || text_ == "input" ? Key::prompt
                                                                          : Key::other;
    return true;
  }
  if (key_ == Key::model) {
    if (model_) return bad("\"model\" stands twice"), false;
    if (text_.size() > capture_max) return bad("\"model\" is longer than 256 bytes"), false;
    model_ = text_;
  }
  if (key_ == Key::session) session_ = text_;
  if (key_ == Key::cache_key) cache_key_ = text_;
  if (key_ == Key::user) user_ = text_;
  return end_value();
}

bool BodyScanner::nested_byte(char c) {
  if (in_string_) {
    if (escaped_) return escape_byte(c);
    if (c == '\\') return escaped_ = true;
    if (c == '"') in_string_ = false;
    return true;
  }
  switch (c) {
    case '"':
      in_string_ = true;
      return true;
    case '{':
    case '[':
      if (depth_ == depth_max) return bad("the body is nested too deep"), false;
      is_object_[depth_++] = c == '{';
      return true;
    case '}':
    case ']':
      if (is_object_[depth_ - 1] != (c == '}')) return false;
      return --depth_ > 0 || end_value();
    default:
      return is_blank(c) || is_scalar(c) || c == ',' || c == ':';
  }
}

bool BodyScanner::end_value() {
  if (key_ == Key::prompt) prompt_end_ = at_ == At::scalar ? offset_ : offset_ + 1;
  at_ = At::comma_or_end;
  return true;
}

}  // namespace tidegate
