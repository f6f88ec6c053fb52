// One stream of samples: one signal of one replica (or of the service as a whole) from one origin. It turns
// cumulative values into increments not yet taken, and remembers how good the newest sample was.
//
//   same epoch, not smaller     the difference
//   another epoch, or smaller   what was measured restarted: all of the new value is new
//   the first value ever        a baseline: nobody knows when it began
//
// No increment is ever negative. A sample no newer than the last one is a repetition and changes nothing.
#pragma once

#include <vector>

#include "core/base/time.h"
#include "core/signals/sample.h"

namespace tidegate {

// What came since it was last taken.
struct Increment {
  double count = 0;            // of a counter; of a histogram its observations
  double sum = 0;              // of a histogram
  std::vector<double> bounds;  // of a histogram, with counts per bucket
  std::vector<double> buckets;
  Duration span{};  // between the samples it lies between; 0: nothing new came
};

class Track {
 public:
  // True: a restart of what is measured was seen.
  bool ingest(const Sample& sample);

  // Stale once older than three periods; otherwise as the newest sample said.
  [[nodiscard]] Quality quality(Instant now) const;
  [[nodiscard]] Instant taken() const { return taken_; }  // of the newest sample that carried a value
  [[nodiscard]] Instant heard() const { return heard_; }  // of the newest sample of any quality
  [[nodiscard]] Duration period() const { return period_; }
  [[nodiscard]] double gauge() const { return gauge_; }
  [[nodiscard]] bool is_gauge() const { return kind_ == Kind::gauge; }
  [[nodiscard]] bool is_histogram() const { return kind_ == Kind::histogram; }
  [[nodiscard]] bool has_value() const { return kind_ != Kind::none; }
  // The cumulative value, to see whether anything was ever counted.
  [[nodiscard]] double total() const { return total_; }
  // Two samples at least: increments mean something.
  [[nodiscard]] bool has_interval() const { return has_interval_; }
  [[nodiscard]] const std::string& pool() const { return pool_; }
  [[nodiscard]] const std::string& cause() const { return cause_; }

  // Takes what a reading over `interval` may count.
  //  - A source slower than the ticks (period > 1.5 intervals) gets its increment spread over the ticks until its
  //    next sample is due: 50 requests from a 5 s source are about 10 a tick, not 0, 0, 0, 0, 50.
  //  - After a gap of more than three periods only the newest share counts: what was missed is over, and a minute
  //    of requests in one tick would look like a surge.
  [[nodiscard]] Increment take(Instant now, Duration interval);
  void discard();

 private:
  enum class Kind : std::uint8_t { none, gauge, counter, histogram };

  bool ingest(const Counter& counter);
  bool ingest(const Histogram& histogram);

  Kind kind_ = Kind::none;
  Quality quality_ = Quality::absent;
  Instant taken_{};
  Instant heard_{};
  Duration period_ = 1s;
  std::string pool_;
  std::string cause_;
  double gauge_ = 0;
  double total_ = 0;
  std::uint64_t epoch_ = 0;
  Histogram last_;
  bool has_interval_ = false;
  Increment pending_;
};

}  // namespace tidegate
