#include "lab/sim/traffic_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/sim/traffic_fields.h"

namespace tidegate {
namespace {

constexpr double seconds_max = 4e9;  // 127 years: two such times still add up in 64 bits of nanoseconds

// A header is of the first format all of whose columns it names.
struct Header {
  TrafficFormat format;
  std::vector<std::string_view> needs;
};
const std::vector<Header>& headers() {
  static const std::vector<Header> all{
      {TrafficFormat::per_function, {"function", "t_seconds", "requests"}},
      {TrafficFormat::requests, {"t_seconds", "input_tokens", "output_tokens"}},
      {TrafficFormat::rate, {"t_seconds", "requests"}},
      {TrafficFormat::token_rate, {"t_seconds", "tokens"}},
      {TrafficFormat::azure_llm, {"TIMESTAMP", "ContextTokens", "GeneratedTokens"}},
      {TrafficFormat::burstgpt, {"Timestamp", "Request tokens", "Response tokens"}},
  };
  return all;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

int column_of(const std::vector<std::string_view>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

}  // namespace

Result<TrafficRows> TrafficRows::open(ByteSource bytes, std::string name) {
  TrafficRows rows(LineReader(std::move(bytes), std::move(name)));
  const auto first = rows.lines_.next();
  if (!first) return std::unexpected(first.error());
  if (!*first) return fail(ErrorKind::invalid, fmt::format("{}: the file is empty", rows.lines_.name()));
  if (auto read = rows.read_header(); !read) return std::unexpected(read.error());
  return rows;
}

Result<void> TrafficRows::read_header() {
  if (lines_.line().find_first_not_of(" \t") == lines_.line().find('{')) {
    format_ = TrafficFormat::mooncake;
    first_is_row_ = true;
    return {};
  }
  const auto names = fields_of(lines_.line());
  const auto header = std::ranges::find_if(headers(), [&](const Header& one) {
    return std::ranges::all_of(one.needs, [&](std::string_view need) { return column_of(names, need) >= 0; });
  });
  if (header == headers().end())
    return lines_.fail_at(0, fmt::format("not the header of a known traffic file: '{:.120}'; known are "
                                         "'t_seconds,input_tokens,output_tokens', 't_seconds,requests', "
                                         "'function,t_seconds,requests', Azure LLM, BurstGPT and Mooncake JSON lines",
                                         lines_.line()));
  format_ = header->format;
  const auto need = [&](std::size_t index) { return column_of(names, header->needs[index]); };
  switch (format_) {
    case TrafficFormat::per_function:
      columns_ = {.at = need(1), .count = need(2), .function = need(0)};
      break;
    case TrafficFormat::rate:
    case TrafficFormat::token_rate:
      columns_ = {.at = need(0), .count = need(1)};
      break;
    default:
      columns_ = {.at = need(0),
                  .input = need(1),
                  .output = need(2),
                  .prefix = column_of(names, "prefix_hash_ids"),
                  .session = column_of(names, "Session ID")};
  }
  columns_.last = std::max({columns_.at, columns_.count, columns_.input, columns_.output, columns_.prefix,
                            columns_.session, columns_.function});
  return {};
}

Result<bool> TrafficRows::next(TrafficRow& row) {
  if (!std::exchange(first_is_row_, false)) {
    const auto found = lines_.next();
    if (!found || !*found) return found;
  }
  row.count = 1;
  row.prefix.clear();
  row.session.clear();
  if (format_ == TrafficFormat::mooncake) {
    if (const auto read = read_mooncake(lines_.line(), row); !read)
      return lines_.fail_at(read.error().offset, read.error().message);
  } else if (auto read = csv_row(row); !read) {
    return std::unexpected(read.error());
  }
  if (auto ordered = check_order(row); !ordered) return std::unexpected(ordered.error());
  return true;
}

Result<void> TrafficRows::csv_row(TrafficRow& row) {
  const std::string_view line = lines_.line();
  std::size_t begin = 0;
  for (int column = 0; column <= columns_.last; ++column) {
    if (begin > line.size())
      return lines_.fail_at(line.size(), fmt::format("the row ends after {} fields; the header has more", column));
    const std::size_t end = std::min(line.find(',', begin), line.size());
    if (auto read = csv_field(row, column, line.substr(begin, end - begin), begin); !read) return read;
    begin = end + 1;
  }
  return {};
}

Result<void> TrafficRows::csv_field(TrafficRow& row, int column, std::string_view field, std::size_t offset) {
  const auto wrong = [&](std::string_view expected) {
    return lines_.fail_at(offset, fmt::format("expected {}, not '{:.60}'", expected, field));
  };
  if (column == columns_.at && format_ == TrafficFormat::azure_llm) {
    const auto at = read_utc_nanoseconds(field);
    if (!at) return wrong("a time like 2023-11-16 18:15:46.6805900");
    if (!zero_) zero_ = *at;
    row.at = Duration{*at - *zero_};
  } else if (column == columns_.at) {
    const auto at = read_amount(field);
    if (!at || *at > seconds_max) return wrong("seconds from 0 on");
    row.at = from_seconds(*at);
  } else if (column == columns_.count) {
    const auto count = read_amount(field);
    const double most = format_ == TrafficFormat::token_rate ? 1e12 : count_max;
    if (!count || *count > most) return wrong("a count from 0 to 1e9");
    row.count = *count;
  } else if (column == columns_.input || column == columns_.output) {
    const auto tokens = read_tokens(field);
    if (!tokens) return wrong("a number of tokens");
    (column == columns_.input ? row.input_tokens : row.output_tokens) = *tokens;
  } else if (column == columns_.prefix) {
    if (!read_ids(field, row.prefix)) return wrong("at most 16384 block ids with blanks between them");
  } else if (column == columns_.session) {
    row.session = field.substr(0, 256);
  } else if (column == columns_.function) {
    if (field.empty() || field.size() > 256) return wrong("a function's name of at most 256 bytes");
    row.function = field;
  }
  return {};
}

Result<void> TrafficRows::check_order(const TrafficRow& row) {
  const bool same_function = format_ != TrafficFormat::per_function || function_before_ == row.function;
  if (before_ && same_function && row.at < *before_)
    return lines_.fail_at(0, fmt::format("the row's time, {:.9g} s, is before that of the row above it, {:.9g} s; sort "
                                         "the file by time",
                                         seconds(row.at), seconds(*before_)));
  before_ = row.at;
  if (!same_function) function_before_ = row.function;
  return {};
}

}  // namespace tidegate
