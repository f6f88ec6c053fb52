// One metrics page of one replica into the signals of a preset. Of each signal's names the first one that is on
// the page counts; a signal whose names are all missing is absent. Series of one name are combined by the preset's
// rule (core/signals/presets.h). `process_start_time_seconds`, where there, is the counters' epoch, so that a restart
// shows even when the new count has overtaken the old one. Timestamps on the page are passed over: replicas' pages
// are made when they are asked for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/signals/presets.h"
#include "core/signals/sample.h"
#include "edge/ports/source.h"
#include "edge/sources/exposition.h"

namespace tidegate {

// One signal as found on a page.
struct SignalFinding {
  const PresetMetric* metric = nullptr;
  std::string_view name;  // which of the metric's names; empty: none was there
  std::variant<std::monostate, Gauge, Counter, Histogram> value;
  Quality quality = Quality::absent;
};

class PageReader {
 public:
  explicit PageReader(const Preset& preset, ExpositionLimits limits = {});
  PageReader(const PageReader&) = delete;
  PageReader& operator=(const PageReader&) = delete;
  ~PageReader();

  // One finding per metric of the preset, in its order.
  [[nodiscard]] Result<std::vector<SignalFinding>> read(std::string_view page);
  [[nodiscard]] const Preset& preset() const { return preset_; }

 private:
  class Columns;
  const Preset& preset_;
  std::unique_ptr<Columns> columns_;
  NameSet names_;
  ExpositionScanner scanner_;
};

struct SampleStamp {
  Instant taken{};
  Duration period = 1s;
};

[[nodiscard]] std::vector<Sample> samples_of(const std::vector<SignalFinding>& findings, const ScrapeTarget& replica,
                                             const SampleStamp& stamp);
// The page could not be read: every signal of the preset is an error with this cause.
[[nodiscard]] std::vector<Sample> samples_of_error(const Preset& preset, const Error& error,
                                                   const ScrapeTarget& replica, const SampleStamp& stamp);

// A report for people: each signal with the name found or the names looked for, one line each.
[[nodiscard]] std::string findings_text(const std::vector<SignalFinding>& findings);

}  // namespace tidegate
