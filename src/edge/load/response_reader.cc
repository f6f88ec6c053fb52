#include "edge/load/response_reader.h"

#include <charconv>

namespace tidegate {

void SseScanner::end_line(Seen& seen) {
  std::string_view text = start_;
  if (!text.empty() && text != "\r") {
    if (text.starts_with("data:")) {
      text.remove_prefix(5);
      if (text.starts_with(' ')) text.remove_prefix(1);
      has_data_ = true;
      is_done_ |= text.starts_with("[DONE]");
      is_error_ |= text.starts_with("{\"error\"");
    }
  } else if (has_data_) {
    // A blank line ends the event.
    if (!is_done_) ++seen.tokens;
    seen.error |= is_error_;
    has_data_ = is_done_ = is_error_ = false;
  }
  start_.clear();
}

SseScanner::Seen SseScanner::scan(std::string_view bytes) {
  Seen seen;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (start_.size() < start_max) start_.append(piece.substr(0, start_max - start_.size()));
    if (end == std::string_view::npos) break;
    end_line(seen);
    bytes.remove_prefix(end + 1);
  }
  return seen;
}

ResponseReader::Progress ResponseReader::feed(std::string_view bytes, Instant now, HeadParser& parser) {
  if (bytes.empty()) return Progress::more;
  begun_ = true;
  return in_body_ ? body_bytes(bytes, now) : head_bytes(bytes, now, parser);
}

ResponseReader::Progress ResponseReader::head_bytes(std::string_view bytes, Instant now, HeadParser& parser) {
  std::string joined;
  if (!head_.empty()) {
    joined.swap(head_);
    joined.append(bytes);
    bytes = joined;
  }
  for (;;) {
    const HeadParse parse = parser.response(bytes, false);
    if (parse.parse == Parse::bad) return Progress::malformed;
    if (parse.parse == Parse::incomplete) {
      head_.assign(bytes);
      return Progress::more;
    }
    bytes.remove_prefix(parse.consumed);
    if (parser.head().status == 101) return Progress::malformed;  // nobody asked for it
    if (parser.head().status >= 200) break;
    if (bytes.empty()) return Progress::more;
  }
  begin_body(parser.head());
  return body_bytes(bytes, now);
}

void ResponseReader::begin_body(const Head& head) {
  in_body_ = true;
  status_ = head.status;
  body_ = BodyFraming(head.body, head.content_length);
  is_sse_ = head.content_type.starts_with("text/event-stream");
  keep_alive_ = head.keep_alive && head.body != BodyKind::until_close;
  for (const auto& field : head.all())
    if (equals_ignoring_case(field.name, "server-timing")) queue_ = queue_of(field.value);
}

ResponseReader::Progress ResponseReader::body_bytes(std::string_view bytes, Instant now) {
  const auto step = body_.advance(bytes, [&](std::string_view payload) {
    if (!is_sse_) {
      if (!first_ && !payload.empty()) first_ = now;
      last_ = now;
      return;
    }
    const auto seen = sse_.scan(payload);
    told_error_ |= seen.error;
    if (seen.tokens == 0) return;
    if (!first_) first_ = now;
    last_ = now;
    tokens_ += seen.tokens;
  });
  if (step.bad) return Progress::malformed;
  if (!body_.is_done()) return Progress::more;
  junk_ = step.consumed < bytes.size();
  if (!first_ && !is_sse_) first_ = last_ = now;  // an empty body: its end is all there is
  return Progress::complete;
}

ResponseReader::Progress ResponseReader::closed(Instant now) {
  if (!in_body_ || body_.kind() != BodyKind::until_close) return Progress::malformed;
  if (!first_ && !is_sse_) first_ = last_ = now;
  return Progress::complete;
}

std::optional<Duration> queue_of(std::string_view value) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    std::string_view entry = value.substr(0, comma);
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    constexpr std::string_view wanted = "queue;dur=";
    double ms = 0;
    if (entry.starts_with(wanted)) {
      entry.remove_prefix(wanted.size());
      const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), ms);
      if (error == std::errc{} && ms >= 0 && ms < 1e9) return from_seconds(ms * 1e-3);
      return std::nullopt;
    }
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
  }
  return std::nullopt;
}

}  // namespace tidegate
