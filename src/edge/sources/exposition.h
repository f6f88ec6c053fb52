// Reads a metrics page in the Prometheus text format or OpenMetrics, as it arrives, and hands over the samples of
// the wanted names: no allocation per sample, and lines of other names are passed over after their name.
//
//   name{label="value",...} 1.5 [timestamp in ms] [# {exemplar labels} value [timestamp]]
//
// Decided here: what is a sample, its name, its raw labels, its value. Not decided: what it means (page_reader.h).
// Escapes in label values (\\ \" \n) stay as they are in `labels`; LabelCursor undoes them. HELP, TYPE and UNIT
// lines and other comments are passed over; after OpenMetrics' "# EOF" nothing may follow. A sample whose name and
// labels were there already is a duplicate: the first counts, as in Prometheus, and summary().duplicates says so.
//
// Bounds: page 10 MiB, line 64 KiB, 50,000 wanted series. Errors name the line. A page that ends within a line is
// an error: a cut page would otherwise show half a fleet's load.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace tidegate {

struct SeriesSample {
  std::string_view labels;  // what stands between the braces, as written; valid during the call only
  double value = 0;
  std::optional<std::int64_t> timestamp_ms;
};

// Goes through raw labels: while (auto label = cursor.next()) ...
class LabelCursor {
 public:
  struct Label {
    std::string_view name;
    std::string_view value;  // escaped as on the page
  };
  explicit LabelCursor(std::string_view labels) : rest_(labels) {}
  [[nodiscard]] std::optional<Label> next();
  // The text was not well formed: what next() gave so far is all there is.
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  std::string_view rest_;
  bool is_broken_ = false;
};

[[nodiscard]] std::string unescaped(std::string_view label_value);
// The value of one label as written, if it is there.
[[nodiscard]] std::optional<std::string_view> find_label(std::string_view labels, std::string_view name);
// A number as the format spells it: 1, 1.5e3, NaN, +Inf, -Inf.
[[nodiscard]] std::optional<double> parse_sample_value(std::string_view text);

// A fixed set of names, asked once per line.
class NameSet {
 public:
  explicit NameSet(std::vector<std::string> names);
  // The index of the name as given, or -1.
  [[nodiscard]] int find(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  [[nodiscard]] static std::size_t slot_of(std::string_view name, std::size_t mask);

  std::vector<std::string> names_;
  std::vector<std::int16_t> slots_;  // open addressing, -1 empty
};

struct ExpositionLimits {
  std::size_t page_bytes_max = 10 * 1024 * 1024;
  std::size_t line_bytes_max = 64 * 1024;
  std::size_t series_max = 50'000;
};

struct ExpositionSummary {
  std::size_t lines = 0;
  std::size_t samples = 0;  // of wanted names
  std::size_t duplicates = 0;
  bool ended = false;  // "# EOF" was there
};

// One scanner reads many pages, one after the other, and keeps its memory between them.
class ExpositionScanner {
 public:
  // Called for each wanted sample with the index of its name.
  using Sink = std::function<void(int name, const SeriesSample& sample)>;

  explicit ExpositionScanner(const NameSet& wanted, ExpositionLimits limits = {});

  void begin();
  [[nodiscard]] Result<void> feed(std::string_view bytes, const Sink& sink);
  [[nodiscard]] Result<ExpositionSummary> finish();
  // A whole page at once.
  [[nodiscard]] Result<ExpositionSummary> scan(std::string_view page, const Sink& sink);

 private:
  enum class Fault : std::uint8_t {
    none,
    no_name,
    no_value,
    open_labels,
    bad_value,
    bad_timestamp,
    trailing,
    after_end,
    line_too_long,
    page_too_large,
    too_many_series,
  };

  [[nodiscard]] Fault scan_line(std::string_view line, const Sink& sink);
  [[nodiscard]] Fault scan_sample(std::string_view line, std::size_t name_end, int name, const Sink& sink);
  [[nodiscard]] Fault scan_tail(std::string_view tail, SeriesSample& sample) const;
  [[nodiscard]] Fault scan_comment(std::string_view line);
  [[nodiscard]] bool is_new_series(std::string_view key);
  [[nodiscard]] Error error_of(Fault fault) const;

  const NameSet& wanted_;
  ExpositionLimits limits_;
  ExpositionSummary summary_;
  std::size_t bytes_ = 0;
  std::string carry_;      // a line whose end has not come yet
  std::string last_name_;  // lines of a family stand together
  int last_index_ = -1;
  std::vector<std::uint64_t> series_;  // hashes of this page's keys, open addressing; 0 empty
  std::size_t series_count_ = 0;
};

}  // namespace tidegate
