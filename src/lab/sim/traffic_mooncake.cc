// Mooncake's JSON lines: one flat object a line, as strict as we need it and no more of JSON than that.
#include <charconv>

#include "lab/sim/traffic_fields.h"

namespace tidegate {
namespace {

constexpr int depth_max = 32;

using Outcome = std::expected<void, FieldError>;

class ObjectReader {
 public:
  ObjectReader(std::string_view line, TrafficRow& row) : line_(line), row_(row) {}

  Outcome read() {
    if (!take('{')) return wrong("expected '{'");
    if (!take('}')) {
      do {
        if (const auto done = member(); !done) return done;
      } while (take(','));
      if (!take('}')) return wrong("expected ',' or '}'");
    }
    blanks();
    if (at_ != line_.size()) return wrong("something stands behind the object");
    if (!seen_timestamp_) return wrong("no \"timestamp\" (milliseconds) in this object");
    if (!seen_input_) return wrong("no \"input_length\" in this object");
    if (!seen_output_) return wrong("no \"output_length\" in this object");
    return {};
  }

 private:
  [[nodiscard]] Outcome wrong(const char* message) const { return std::unexpected(FieldError{at_, message}); }

  void blanks() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
  }
  [[nodiscard]] bool take(char wanted) {
    blanks();
    if (at_ >= line_.size() || line_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  // The bytes between the quotes, escapes left as they are; none when it is no string.
  std::optional<std::string_view> text() {
    if (!take('"')) return std::nullopt;
    const std::size_t begin = at_;
    for (; at_ < line_.size(); ++at_) {
      if (line_[at_] == '"') return line_.substr(begin, at_++ - begin);
      if (line_[at_] == '\\' && ++at_ >= line_.size()) break;
    }
    return std::nullopt;
  }

  // A number's or literal's bytes.
  std::string_view scalar() {
    blanks();
    const std::size_t begin = at_;
    while (at_ < line_.size() && std::string_view{" \t,]}"}.find(line_[at_]) == std::string_view::npos) ++at_;
    return line_.substr(begin, at_ - begin);
  }

  Outcome member() {
    const auto key = text();
    if (!key) return wrong("expected a key in quotes");
    if (!take(':')) return wrong("expected ':'");
    if (*key == "timestamp") return timestamp();
    if (*key == "input_length") return tokens(row_.input_tokens, seen_input_);
    if (*key == "output_length") return tokens(row_.output_tokens, seen_output_);
    if (*key == "hash_ids") return ids();
    if (*key == "session_id") return session();
    return skip(0);
  }

  Outcome timestamp() {
    blanks();
    const std::size_t begin = at_;
    const auto ms = read_amount(scalar());
    if (!ms || *ms > 4e12) return std::unexpected(FieldError{begin, "\"timestamp\" is not milliseconds from 0 on"});
    row_.at = from_seconds(*ms * 1e-3);
    seen_timestamp_ = true;
    return {};
  }

  Outcome tokens(std::int64_t& into, bool& seen) {
    blanks();
    const std::size_t begin = at_;
    const auto number = read_tokens(scalar());
    if (!number) return std::unexpected(FieldError{begin, "not a number of tokens"});
    into = *number;
    seen = true;
    return {};
  }

  Outcome ids() {
    if (!take('[')) return wrong("\"hash_ids\" is not a list");
    row_.prefix.clear();
    if (take(']')) return {};
    do {
      blanks();
      const std::size_t begin = at_;
      const std::string_view field = scalar();
      std::uint64_t id = 0;
      const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), id);
      if (field.empty() || error != std::errc{} || end != field.data() + field.size())
        return std::unexpected(FieldError{begin, "an id in \"hash_ids\" is not a whole number"});
      if (row_.prefix.size() == TrafficRows::prefix_max)
        return std::unexpected(FieldError{begin, "more than 16384 ids in \"hash_ids\""});
      row_.prefix.push_back(id);
    } while (take(','));
    return take(']') ? Outcome{} : wrong("expected ',' or ']'");
  }

  Outcome session() {
    blanks();
    if (at_ < line_.size() && line_[at_] == '"') {
      const auto name = text();
      if (!name) return wrong("the text does not end");
      row_.session = name->substr(0, 256);
      return {};
    }
    const auto name = scalar();
    if (name.empty()) return wrong("expected a value");
    if (name != "null") row_.session = name.substr(0, 256);
    return {};
  }

  // A value of a key we do not know.
  Outcome skip(int depth) {
    if (depth > depth_max) return wrong("nested too deep");
    if (take('[')) return skip_list(']', depth);
    if (take('{')) return skip_list('}', depth);
    if (at_ < line_.size() && line_[at_] == '"') return text() ? Outcome{} : wrong("the text does not end");
    return scalar().empty() ? wrong("expected a value") : Outcome{};
  }

  Outcome skip_list(char end, int depth) {
    if (take(end)) return {};
    do {
      if (end == '}' && (!text() || !take(':'))) return wrong("expected a key and ':'");
      if (const auto done = skip(depth + 1); !done) return done;
    } while (take(','));
    return take(end) ? Outcome{} : wrong("a list or object does not end");
  }

  std::string_view line_;
  TrafficRow& row_;
  std::size_t at_ = 0;
  bool seen_timestamp_ = false;
  bool seen_input_ = false;
  bool seen_output_ = false;
};

}  // namespace

std::expected<void, FieldError> read_mooncake(std::string_view line, TrafficRow& row) {
  return ObjectReader(line, row).read();
}

}  // namespace tidegate
