#include "core/signals/track.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace tidegate {
namespace {

const Instant start = instant_at(1000);

Sample counter(double at, double total, std::uint64_t epoch = 1, Duration period = 1s) {
  return {.signal = Signal::completions,
          .value = Counter{total, epoch},
          .taken = start + from_seconds(at),
          .period = period};
}

TEST(Track, CountsDifferencesAndRestarts) {
  Track track;
  EXPECT_FALSE(track.ingest(counter(0, 100)));
  EXPECT_FALSE(track.has_interval());
  EXPECT_EQ(track.take(start, 1s).count, 0) << "the first value is a baseline";
  track.ingest(counter(1, 104));
  EXPECT_EQ(track.take(start + 1s, 1s).count, 4);
  EXPECT_TRUE(track.ingest(counter(2, 3))) << "smaller: it restarted";
  EXPECT_EQ(track.take(start + 2s, 1s).count, 3);
  EXPECT_TRUE(track.ingest(counter(3, 50, 2))) << "another epoch, though larger";
  EXPECT_EQ(track.take(start + 3s, 1s).count, 50);
}

TEST(Track, RepetitionChangesNothing) {
  Track track;
  track.ingest(counter(0, 10));
  track.ingest(counter(1, 12));
  track.ingest(counter(1, 12));
  track.ingest(counter(0.5, 11));
  EXPECT_EQ(track.take(start + 1s, 1s).count, 2);
  EXPECT_EQ(track.take(start + 1s, 1s).count, 0);
}

TEST(Track, StaleAfterThreePeriodsAndErrorsStayErrors) {
  Track track;
  track.ingest(counter(0, 10));
  EXPECT_EQ(track.quality(start + 3s), Quality::fresh);
  EXPECT_EQ(track.quality(start + 3001ms), Quality::stale);
  track.ingest({.signal = Signal::completions, .quality = Quality::error, .taken = start + 4s, .cause = "refused"});
  EXPECT_EQ(track.quality(start + 1h), Quality::error);
  EXPECT_EQ(track.cause(), "refused");
}

TEST(Track, NotANumberIsNeitherZeroNorFresh) {
  for (double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Track track;
    track.ingest({.signal = Signal::in_flight, .value = Gauge{bad}, .taken = start});
    EXPECT_EQ(track.quality(start), Quality::nan);
    EXPECT_FALSE(track.has_value());
    track.ingest(counter(1, bad));
    EXPECT_EQ(track.quality(start + 1s), Quality::nan);
  }
}

TEST(Track, SlowSourceIsSpreadOverTicksAndConserved) {
  Track track;
  track.ingest(counter(0, 0, 1, 5s));
  (void)track.take(start, 1s);
  double total = 0;
  double most = 0;
  for (int t = 1; t <= 60; ++t) {
    if (t % 5 == 0) track.ingest(counter(t, t * 10.0, 1, 5s));
    const double count = track.take(start + t * 1s, 1s).count;
    EXPECT_GE(count, 0);
    total += count;
    most = std::max(most, count);
  }
  EXPECT_LT(most, 20) << "ten a second, not fifty at once";
  EXPECT_NEAR(total, 600, 50);
  for (int t = 61; t < 70; ++t) total += track.take(start + t * 1s, 1s).count;
  EXPECT_NEAR(total, 600, 1e-6) << "nothing is lost, nothing invented";
}

TEST(Track, AfterAGapOnlyTheNewestShareCounts) {
  Track track;
  track.ingest(counter(0, 0));
  (void)track.take(start, 1s);
  track.ingest(counter(60, 600));
  EXPECT_NEAR(track.take(start + 60s, 1s).count, 10, 1e-9) << "a minute of requests is no surge";
}

Histogram histogram(std::vector<double> cumulative, std::uint64_t epoch = 1) {
  Histogram made{.sum = 0, .epoch = epoch};
  for (std::size_t i = 0; i < cumulative.size(); ++i)
    made.buckets.push_back(
        {i + 1 == cumulative.size() ? std::numeric_limits<double>::infinity() : 1.0 + double(i), cumulative[i]});
  return made;
}

TEST(Track, HistogramIncrementsPerBucket) {
  Track track;
  track.ingest({.signal = Signal::ttft, .value = histogram({1, 2, 3}), .taken = start});
  track.ingest({.signal = Signal::ttft, .value = histogram({1, 5, 7}), .taken = start + 1s});
  Increment taken = track.take(start + 1s, 1s);
  EXPECT_EQ(taken.buckets, (std::vector<double>{0, 3, 1}));
  EXPECT_EQ(taken.count, 4);
  track.ingest({.signal = Signal::ttft, .value = histogram({1, 1, 2}), .taken = start + 2s});
  taken = track.take(start + 2s, 1s);
  EXPECT_EQ(taken.buckets, (std::vector<double>{1, 0, 1})) << "restarted: all of it is new";
  track.ingest({.signal = Signal::ttft, .value = histogram({5, 4, 9}), .taken = start + 3s});
  EXPECT_EQ(track.quality(start + 3s), Quality::nan) << "cumulative counts that fall";
}

RC_GTEST_PROP(Track, NeverNegativeAndNeverMoreThanWasCounted, (std::vector<std::pair<unsigned char, bool>> steps)) {
  Track track;
  double total = 0, counted = 0, seen = 0;
  std::uint64_t epoch = 1;
  track.ingest(counter(0, 0, epoch));
  int t = 0;
  for (auto [amount, restart] : steps) {
    ++t;
    if (restart) {
      total = 0;
      if (amount % 2 == 0) ++epoch;
    }
    const double before = total;
    total += amount;
    counted += amount;
    track.ingest(counter(t, total, epoch));
    const double part = track.take(start + t * 1s, 1s).count;
    RC_ASSERT(part >= 0);
    seen += part;
    (void)before;
  }
  // A restart that overtakes the old value within one epoch cannot be seen: never more, sometimes less.
  RC_ASSERT(seen <= counted + 1e-9);
}

}  // namespace
}  // namespace tidegate
