#include "edge/net/framing.h"

#include <algorithm>
#include <cstring>

namespace tidegate {
namespace {

constexpr std::uint16_t chunk_extension_max = 256;
constexpr std::uint16_t trailer_bytes_max = 4096;
constexpr std::uint16_t chunk_digits_max = 15;

// RFC 9110 tchar, without "_".
constexpr auto token_chars = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view{"!#$%&'*+-.^`|~"}) table[static_cast<std::size_t>(c)] = true;
  return table;
}();

// What a field value may hold: HT, visible ASCII, space, obs-text.
constexpr auto value_chars = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 256; ++c) table[c] = c != 0x7f;
  table['\t'] = true;
  return table;
}();

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return token_chars[static_cast<unsigned char>(c)]; });
}

bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return value_chars[static_cast<unsigned char>(c)]; });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Known names by length first, so that most fields cost one switch.
Field field_of(std::string_view name) {
  const auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
  switch (name.size()) {
    case 2:
      return is("te") ? Field::te : Field::other;
    case 4:
      return is("host") ? Field::host : Field::other;
    case 6:
      return is("expect") ? Field::expect : Field::other;
    case 7:
      return is("upgrade") ? Field::upgrade : Field::other;
    case 9:
      return is("forwarded") ? Field::x_forwarded : Field::other;
    case 10:
      return is("connection") ? Field::connection : is("keep-alive") ? Field::keep_alive : Field::other;
    case 12:
      return is("content-type") ? Field::content_type : is("x-session-id") ? Field::x_session_id : Field::other;
    case 14:
      return is("content-length") ? Field::content_length : Field::other;
    case 15:
      return is("x-forwarded-for") ? Field::x_forwarded : Field::other;
    case 16:
      return is("proxy-connection")   ? Field::proxy_connection
             : is("x-forwarded-host") ? Field::x_forwarded
             : is("x-forwarded-port") ? Field::x_forwarded
             : is("x-tidegate-retry") ? Field::tidegate_retry
                                      : Field::other;
    case 17:
      return is("transfer-encoding")   ? Field::transfer_encoding
             : is("x-forwarded-proto") ? Field::x_forwarded
             : is("x-tidegate-timing") ? Field::tidegate_timing
                                       : Field::other;
    case 18:
      return is("x-tidegate-timeout") ? Field::timeout_seconds : Field::other;
    case 19:
      return is("x-stainless-timeout")   ? Field::timeout_seconds
             : is("proxy-authorization") ? Field::proxy_authorization
                                         : Field::other;
    case 23:
      return is("x-stainless-retry-count") ? Field::retry_count : Field::other;
    default:
      return Field::other;
  }
}

constexpr bool is_hop_by_hop(Field field) {
  switch (field) {
    case Field::connection:
    case Field::keep_alive:
    case Field::proxy_connection:
    case Field::proxy_authorization:
    case Field::te:
    case Field::upgrade:
      return true;
    default:
      return false;
  }
}

HeadParse bad(std::string_view reason, int status = 400) { return {Parse::bad, 0, status, reason}; }

// The line that starts at `from`, without CRLF. Incomplete: no LF yet. Bad: LF without CR.
struct Line {
  Parse parse = Parse::incomplete;
  std::string_view text{};
  std::size_t next = 0;
};
Line line_at(std::string_view bytes, std::size_t from) {
  const void* found = std::memchr(bytes.data() + from, '\n', bytes.size() - from);
  if (!found) return {};
  const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
  if (end == from || bytes[end - 1] != '\r') return {Parse::bad, {}, 0};
  return {Parse::complete, bytes.substr(from, end - 1 - from), end + 1};
}

bool parse_length(std::string_view text, std::uint64_t& length) {
  if (text.empty() || text.size() > 18) return false;
  length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

bool is_target(std::string_view target) {
  return !target.empty() && std::all_of(target.begin(), target.end(),
                                        [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

bool lists_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trim(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

std::string_view Head::value(Field wanted) const {
  for (const auto& one : all())
    if (one.field == wanted) return one.value;
  return {};
}

HeadParse HeadParser::fields(std::string_view bytes, std::size_t from) {
  head_.count = 0;
  while (true) {
    const Line line = line_at(bytes, from);
    if (line.parse == Parse::bad) return bad("a line of the head does not end in CRLF");
    if (line.parse == Parse::incomplete) {
      if (bytes.size() >= head_bytes_max) return bad("the head is larger than 16 KiB", 431);
      return {};
    }
    if (line.next > head_bytes_max) return bad("the head is larger than 16 KiB", 431);
    if (line.text.empty()) return {Parse::complete, line.next, 0, {}};
    if (line.text.front() == ' ' || line.text.front() == '\t') return bad("a folded field line");
    const std::size_t colon = line.text.find(':');
    if (colon == std::string_view::npos) return bad("a field line without a colon");
    const std::string_view name = line.text.substr(0, colon);
    if (!is_token(name)) return bad("a field name that is not a token");
    const std::string_view value = trim(line.text.substr(colon + 1));
    if (!is_value(value)) return bad("a control character in a field value");
    if (head_.count == head_fields_max) return bad("more than 100 fields", 431);
    head_.fields[head_.count++] = {name, value, bytes.substr(from, line.next - from), field_of(name)};
    from = line.next;
  }
}

// Derives framing and connection handling from the fields; answers why not, or nothing.
std::string_view HeadParser::frame(bool is_request) {
  head_.host = head_.content_type = {};
  head_.body = BodyKind::none;
  head_.content_length = 0;
  head_.keep_alive = !head_.is_http_10;
  head_.wants_upgrade = head_.expects_continue = head_.has_hop_by_hop = false;
  int lengths = 0, encodings = 0, hosts = 0;
  bool upgrade_named = false, upgrade_listed = false;
  for (const auto& one : head_.all()) {
    if (is_hop_by_hop(one.field)) head_.has_hop_by_hop = true;
    switch (one.field) {
      case Field::content_length:
        ++lengths;
        if (!parse_length(one.value, head_.content_length)) return "Content-Length is not a plain number";
        break;
      case Field::transfer_encoding:
        ++encodings;
        if (!equals_ignoring_case(one.value, "chunked")) return "Transfer-Encoding is not exactly chunked";
        break;
      case Field::host:
        ++hosts;
        head_.host = one.value;
        break;
      case Field::connection:
        if (lists_token(one.value, "close")) head_.keep_alive = false;
        if (lists_token(one.value, "upgrade")) upgrade_listed = true;
        break;
      case Field::upgrade:
        upgrade_named = true;
        break;
      case Field::expect:
        if (!equals_ignoring_case(one.value, "100-continue")) return "an unknown expectation";
        head_.expects_continue = true;
        break;
      case Field::content_type:
        head_.content_type = one.value;
        break;
      default:
        break;
    }
  }
  if (lengths > 1) return "more than one Content-Length";
  if (encodings > 1) return "more than one Transfer-Encoding";
  if (lengths && encodings) return "both Content-Length and Transfer-Encoding";
  if (encodings && head_.is_http_10) return "Transfer-Encoding in HTTP/1.0";
  if (is_request && hosts != 1 && !(head_.is_http_10 && hosts == 0)) return "not exactly one Host";
  head_.body = encodings ? BodyKind::chunked : lengths ? BodyKind::length : BodyKind::none;
  head_.wants_upgrade = upgrade_named && upgrade_listed;
  return {};
}

HeadParse HeadParser::request(std::string_view bytes) {
  // One empty line before a request is a known habit of old clients (RFC 9112, 2.2).
  const std::size_t start = bytes.starts_with("\r\n") ? 2 : 0;
  const Line line = line_at(bytes, start);
  if (line.parse == Parse::bad) return bad("the request line does not end in CRLF");
  if (line.parse == Parse::incomplete)
    return bytes.size() >= head_bytes_max ? bad("the request line is larger than 16 KiB", 414) : HeadParse{};
  const std::size_t first = line.text.find(' ');
  const std::size_t last = line.text.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad("not a request line");
  head_.method = line.text.substr(0, first);
  head_.target = line.text.substr(first + 1, last - first - 1);
  const std::string_view version = line.text.substr(last + 1);
  if (!is_token(head_.method)) return bad("the method is not a token");
  if (!is_target(head_.target)) return bad("the target holds a blank or a control character");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return version.starts_with("HTTP/") ? bad("only HTTP/1.1 and HTTP/1.0 are spoken here", 505)
                                        : bad("not a request line");
  head_.is_http_10 = version == "HTTP/1.0";
  head_.start_line = bytes.substr(start, line.next - start);
  head_.status = 0;
  HeadParse parse = fields(bytes, line.next);
  if (parse.parse != Parse::complete) return parse;
  if (const auto reason = frame(true); !reason.empty())
    return bad(reason, reason == "an unknown expectation" ? 417 : 400);
  if (head_.target.starts_with("http://") || head_.target.starts_with("https://")) {
    const std::size_t authority = head_.target.find("//") + 2;
    const std::size_t path = std::min(head_.target.find_first_of("/?", authority), head_.target.size());
    if (!equals_ignoring_case(head_.target.substr(authority, path - authority), head_.host))
      return bad("the target and Host name different hosts");
    head_.target.remove_prefix(path);
    if (!head_.target.starts_with('/')) return bad("an absolute target without a path");
  } else if (head_.target.front() != '/' && !(head_.target == "*" && head_.method == "OPTIONS")) {
    return bad("a target that is no path");
  }
  return parse;
}

HeadParse HeadParser::response(std::string_view bytes, bool head_request) {
  const Line line = line_at(bytes, 0);
  if (line.parse == Parse::bad) return bad("the status line does not end in CRLF");
  if (line.parse == Parse::incomplete)
    return bytes.size() >= head_bytes_max ? bad("the status line is larger than 16 KiB") : HeadParse{};
  const std::string_view text = line.text;
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() < 12 || !(text.starts_with("HTTP/1.1 ") || text.starts_with("HTTP/1.0 ")) || !digit(9) ||
      !digit(10) || !digit(11) || (text.size() > 12 && text[12] != ' ') || !is_value(text))
    return bad("not a status line of HTTP/1.1");
  head_.is_http_10 = text[7] == '0';
  head_.status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
  if (head_.status < 100) return bad("not a status line of HTTP/1.1");
  head_.start_line = bytes.substr(0, line.next);
  head_.method = head_.target = {};
  HeadParse parse = fields(bytes, line.next);
  if (parse.parse != Parse::complete) return parse;
  if (const auto reason = frame(false); !reason.empty()) return bad(reason);
  if (head_request || head_.status < 200 || head_.status == 204 || head_.status == 304)
    head_.body = BodyKind::none;
  else if (head_.body == BodyKind::none)
    head_.body = BodyKind::until_close;
  return parse;
}

bool BodyFraming::syntax(unsigned char byte) {
  switch (at_) {
    case At::size: {
      const int value = byte >= '0' && byte <= '9'   ? byte - '0'
                        : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                        : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                     : -1;
      if (value >= 0) {
        if (++digits_ > chunk_digits_max) return false;
        left_ = left_ * 16 + static_cast<std::uint64_t>(value);
        return true;
      }
      if (digits_ == 0) return false;
      extra_ = 0;
      if (byte == '\r') return at_ = At::size_lf, true;
      return byte == ';' ? (at_ = At::extension, true) : false;
    }
    case At::extension:
      if (byte == '\r') return at_ = At::size_lf, true;
      return value_chars[byte] && ++extra_ <= chunk_extension_max;
    case At::size_lf:
      if (byte != '\n') return false;
      digits_ = extra_ = 0;
      line_empty_ = true;
      at_ = left_ == 0 ? At::trailer : At::content;
      return true;
    case At::content:
      return false;
    case At::content_cr:
      return byte == '\r' ? (at_ = At::content_lf, true) : false;
    case At::content_lf:
      return byte == '\n' ? (at_ = At::size, true) : false;
    case At::trailer:
      if (byte == '\r') return at_ = line_empty_ ? At::end_lf : At::trailer_lf, true;
      line_empty_ = false;
      return value_chars[byte] && ++extra_ <= trailer_bytes_max;
    case At::trailer_lf:
      line_empty_ = true;
      return byte == '\n' ? (at_ = At::trailer, true) : false;
    case At::end_lf:
      return byte == '\n' ? (done_ = true) : false;
  }
  return false;
}

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

}  // namespace tidegate
