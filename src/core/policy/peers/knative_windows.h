// The windows Knative Serving's autoscaler measures with (knative/serving, pkg/autoscaler/aggregation, 98e5ef90).
//
//   bucket window   one sum per `granularity`, the newest `window / granularity` of them; later records of a bucket add
//                   up, gaps are zero, what is older than the window is dropped
//     linear        sum / n, n = buckets since the first record, at most all; the buckets that are stale at `now` count
//                   neither in the sum nor in n; after a whole silent window 0; rounded to six digits
//     weighted exponential   sum of bucket[-k] m (1 - m)^k, k buckets before `now`, m = max(1 - (1 - 0.9999)^(1/n),
//     0.2)
//                   with n all buckets of the window; the weights do not add up to one
//   sliding max     the highest of the last `size` slots; entries at newest - size are gone
//
// Worked (5 s of 1 s): 1, 2, 3, 4, 5 at 1000..1004: average 3; at 1006 the first two are stale: (3 + 4 + 5) / 3 = 4.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/time.h"
#include "core/model/policy_spec.h"

namespace tidegate {

// A power that falls to 1/10000 over the window; never slower than 0.2 a bucket.
[[nodiscard]] double smoothing_coefficient(double buckets);

class BucketWindow {
 public:
  BucketWindow() = default;
  // At least one bucket; more than an hour of seconds is cut to that.
  BucketWindow(Duration window, Duration granularity);

  void record(Instant at, double value);
  void resize(Duration window);
  [[nodiscard]] double average(Instant now, KnativeAggregation algorithm) const;
  // Of the buckets still inside the window at `now`.
  [[nodiscard]] double sum(Instant now) const;
  // Nothing was recorded within the window before `now`.
  [[nodiscard]] bool is_empty(Instant now) const;
  [[nodiscard]] std::size_t size() const { return buckets_.size(); }

  struct Bucket {
    Instant start{};
    double sum = 0;
  };
  // Those that are not zero, oldest first.
  [[nodiscard]] std::vector<Bucket> nonzero() const;

  friend bool operator==(const BucketWindow&, const BucketWindow&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(granularity_, buckets_, first_, last_);
    // Damaged bytes must not divide by zero.
    if (granularity_ <= Duration::zero()) granularity_ = 1s;
  }

 private:
  // The newest so many buckets, in order of time: the ring from where they begin, and what has wrapped around.
  struct Parts {
    std::span<const double> older;
    std::span<const double> newer;
  };
  [[nodiscard]] Parts kept(std::int64_t newest) const;
  [[nodiscard]] std::int64_t index(Instant at) const;
  [[nodiscard]] std::size_t place(std::int64_t index) const;
  [[nodiscard]] double bucket(std::int64_t index) const { return buckets_[place(index)]; }
  [[nodiscard]] double& bucket(std::int64_t index) { return buckets_[place(index)]; }
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(buckets_.size()); }

  Duration granularity_ = 1s;
  std::vector<double> buckets_;        // a ring by index
  std::optional<std::int64_t> first_;  // bucket of the first record
  std::optional<std::int64_t> last_;
};

struct SlidingMax {
  struct Entry {
    std::int64_t index = 0;
    double value = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(index, value);
    }
  };
  std::int64_t size = 1;
  std::vector<Entry> entries;  // oldest first, values falling

  friend bool operator==(const SlidingMax&, const SlidingMax&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(size, entries);
  }
};

// The highest after it; an index already recorded keeps the larger value.
double record(SlidingMax& window, std::int64_t index, double value);

// ceil(window / granularity) slots, and the slot of an instant.
[[nodiscard]] std::int64_t slots_of(Duration window, Duration granularity);
[[nodiscard]] std::int64_t slot_of(Instant at, Duration granularity);

}  // namespace tidegate
