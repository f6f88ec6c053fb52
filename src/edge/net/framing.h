// HTTP/1.1 heads and bodies as far as a forwarder needs them: where they end, and whether anybody could
// disagree about it. Raw bytes are forwarded; what is ambiguous is refused, never repaired.
//
// Refused in a request head: bare CR or LF, NUL and other controls, obs-fold, space before a colon, empty or
// non-token names, underscores in names (servers map them to "-"), Content-Length that is empty, signed,
// repeated or beside Transfer-Encoding, Transfer-Encoding that is anything but exactly "chunked", a missing or
// repeated Host, a Host that differs from an absolute target, more than 100 fields, more than 16 KiB (RFC 9112).
// Views point into the bytes given and die with them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidegate {

inline constexpr std::size_t head_bytes_max = 16 * 1024;
inline constexpr std::size_t head_fields_max = 100;

enum class Field : std::uint8_t {
  other,
  connection,
  keep_alive,
  proxy_connection,
  proxy_authorization,
  te,
  upgrade,
  expect,
  host,
  content_length,
  transfer_encoding,
  content_type,
  x_forwarded,
  x_session_id,
  retry_count,
  tidegate_retry,
  tidegate_timing,
  timeout_seconds,
};

struct HeadField {
  std::string_view name;
  std::string_view value;  // without surrounding blanks
  std::string_view line;   // the whole line with its CRLF
  Field field = Field::other;
};

enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

// A parsed head, request or response.
struct Head {
  std::string_view method;
  std::string_view target;
  std::string_view start_line;  // with its CRLF
  int status = 0;
  bool is_http_10 = false;
  std::array<HeadField, head_fields_max> fields;
  std::size_t count = 0;

  std::string_view host;
  std::string_view content_type;
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool wants_upgrade = false;
  bool expects_continue = false;
  bool has_hop_by_hop = false;  // some field must not be forwarded as it is

  [[nodiscard]] std::span<const HeadField> all() const { return {fields.data(), count}; }
  // The first value of a field, empty when there is none.
  [[nodiscard]] std::string_view value(Field field) const;
};

enum class Parse : std::uint8_t { complete, incomplete, bad };

struct HeadParse {
  Parse parse = Parse::incomplete;
  std::size_t consumed = 0;   // of a complete head
  int status = 400;           // what to answer to a bad one
  std::string_view reason{};  // a literal
};

// Reusable, so that a head costs no allocation. `head()` is valid after `complete`.
class HeadParser {
 public:
  [[nodiscard]] HeadParse request(std::string_view bytes);
  // `head_request`: the response answers a HEAD and has no body whatever its fields say.
  [[nodiscard]] HeadParse response(std::string_view bytes, bool head_request);
  [[nodiscard]] const Head& head() const { return head_; }

 private:
  [[nodiscard]] HeadParse fields(std::string_view bytes, std::size_t from);
  [[nodiscard]] std::string_view frame(bool is_request);
  Head head_;
};

// Whether the token is in the comma-separated list, letters of either case.
[[nodiscard]] bool lists_token(std::string_view list, std::string_view token);
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

// Follows one body through the bytes as they pass. Chunked bodies: strict CRLF, sizes of at most 15 digits,
// extensions of at most 256 bytes a chunk, trailers of at most 4 KiB.
class BodyFraming {
 public:
  BodyFraming() = default;
  BodyFraming(BodyKind kind, std::uint64_t length) : kind_(kind), left_(length), done_(is_empty()) {}

  struct Step {
    std::size_t consumed = 0;
    bool bad = false;
  };
  // Advances over `bytes`; calls payload(std::string_view) for each stretch of content.
  template <class Payload>
  Step advance(std::string_view bytes, Payload&& payload);

  [[nodiscard]] bool is_done() const { return done_; }
  [[nodiscard]] BodyKind kind() const { return kind_; }

 private:
  enum class At : std::uint8_t {
    size,
    extension,
    size_lf,
    content,
    content_cr,
    content_lf,
    trailer,
    trailer_lf,
    end_lf
  };
  [[nodiscard]] bool is_empty() const { return kind_ == BodyKind::none || (kind_ == BodyKind::length && left_ == 0); }
  // One byte of chunk syntax; false when it is not allowed there.
  [[nodiscard]] bool syntax(unsigned char byte);

  BodyKind kind_ = BodyKind::none;
  At at_ = At::size;
  bool line_empty_ = true;
  std::uint16_t digits_ = 0;
  std::uint16_t extra_ = 0;  // bytes of extension or trailer so far
  std::uint64_t left_ = 0;
  bool done_ = true;
};

template <class Payload>
BodyFraming::Step BodyFraming::advance(std::string_view bytes, Payload&& payload) {
  std::size_t at = 0;
  while (at < bytes.size() && !done_) {
    if (kind_ == BodyKind::until_close) {
      payload(bytes.substr(at));
      return {bytes.size(), false};
    }
    if (kind_ == BodyKind::length || at_ == At::content) {
      const std::size_t take = left_ < bytes.size() - at ? static_cast<std::size_t>(left_) : bytes.size() - at;
      payload(bytes.substr(at, take));
      at += take;
      left_ -= take;
      if (left_ > 0) break;
      if (kind_ == BodyKind::length)
        done_ = true;
      else
        at_ = At::content_cr;
      continue;
    }
    if (!syntax(static_cast<unsigned char>(bytes[at]))) return {at, true};
    ++at;
  }
  return {at, false};
}

// The reason phrase of a status that we answer with ourselves; "Error" for others.
[[nodiscard]] std::string_view status_text(int status);

}  // namespace tidegate
