// The rows of a traffic file, whichever of the known formats it is in. The format is told from the first line:
//
//   requests      CSV t_seconds,input_tokens,output_tokens   one row a request; extra column prefix_hash_ids
//   rate          CSV t_seconds,requests                     one row a bin, its start and the count in it
//   token_rate    CSV t_seconds,tokens                       one row a bin, input and output tokens in it
//   per_function  CSV function,t_seconds,requests            one row a function and bin; empty bins left out
//   mooncake      JSONL {"timestamp": ms, "input_length", "output_length", "hash_ids": [...]}
//   azure_llm     CSV TIMESTAMP,ContextTokens,GeneratedTokens      wall-clock times, UTC
//   burstgpt      CSV Timestamp,...,Request tokens,Response tokens seconds; extra column Session ID
//
// Columns may come in any order and others may stand between them. Rows come in order of time (per_function:
// within each function); a row that goes back, a number that is none, a field that is missing or negative is an
// error with line and column. Nothing is skipped in silence. Read as a stream; memory is one line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/time.h"
#include "lab/sim/traffic_lines.h"

namespace tidegate {

enum class TrafficFormat : std::uint8_t { requests, rate, token_rate, per_function, mooncake, azure_llm, burstgpt };

template <>
inline constexpr auto enum_texts<TrafficFormat> = std::to_array<EnumText<TrafficFormat>>({
    {TrafficFormat::requests, "requests"},
    {TrafficFormat::rate, "rate"},
    {TrafficFormat::token_rate, "token_rate"},
    {TrafficFormat::per_function, "per_function"},
    {TrafficFormat::mooncake, "mooncake"},
    {TrafficFormat::azure_llm, "azure_llm"},
    {TrafficFormat::burstgpt, "burstgpt"},
});

// Whether a row is a bin with a count, not a single request.
[[nodiscard]] constexpr bool has_bins(TrafficFormat format) {
  return format == TrafficFormat::rate || format == TrafficFormat::token_rate || format == TrafficFormat::per_function;
}

struct TrafficRow {
  Duration at{};                      // since the zero of the file; a bin's start
  double count = 1;                   // requests (token_rate: tokens) in the bin
  std::int64_t input_tokens = 0;      // of one request
  std::int64_t output_tokens = 0;     // 0: the file says it produced none
  std::string function;               // per_function
  std::string session;                // where the format names one
  std::vector<std::uint64_t> prefix;  // ids of the prompt's blocks: equal ids, equal beginning

  friend bool operator==(const TrafficRow&, const TrafficRow&) = default;
};

class TrafficRows {
 public:
  static constexpr double count_max = 1e9;                 // requests in a bin
  static constexpr std::int64_t tokens_max = 100'000'000;  // of a request
  static constexpr std::size_t prefix_max = 16'384;        // blocks of a prompt

  // Reads the first line and tells the format from it. `name` is for messages.
  [[nodiscard]] static Result<TrafficRows> open(ByteSource bytes, std::string name);

  // The next row into `row`, whose memory is used again; false at the end.
  [[nodiscard]] Result<bool> next(TrafficRow& row);

  [[nodiscard]] TrafficFormat format() const { return format_; }
  [[nodiscard]] const LineReader& lines() const { return lines_; }

 private:
  // Where in the line each thing stands; -1: nowhere.
  struct Columns {
    int at = -1, count = -1, input = -1, output = -1, prefix = -1, session = -1, function = -1;
    int last = -1;
    friend bool operator==(const Columns&, const Columns&) = default;
  };

  explicit TrafficRows(LineReader lines) : lines_(std::move(lines)) {}
  [[nodiscard]] Result<void> read_header();
  [[nodiscard]] Result<void> csv_row(TrafficRow& row);
  [[nodiscard]] Result<void> csv_field(TrafficRow& row, int column, std::string_view field, std::size_t offset);
  [[nodiscard]] Result<void> check_order(const TrafficRow& row);

  LineReader lines_;
  TrafficFormat format_ = TrafficFormat::requests;
  Columns columns_;
  bool first_is_row_ = false;  // a format without a header: the first line is read again
  std::optional<Duration> before_;
  std::string function_before_;
  std::optional<std::int64_t> zero_;  // azure_llm: the first row's time
};

}  // namespace tidegate
