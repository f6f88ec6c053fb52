#include "core/forecast/forecast.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <numbers>

#include "core/base/archive.h"
#include "core/base/prng.h"
#include "core/forecast/idle_gap.h"
#include "core/forecast/rest.h"

namespace tidegate {
namespace {

const Instant start = instant_at(1'700'000'000);

// Plays `rate(t)` (requests per second, t seconds since the start) as Poisson arrivals.
struct Stream {
  DemandHistory history;
  Instant now = start;
  Prng prng{42};

  template <class Rate>
  void play(Duration length, Duration tick, Rate rate) {
    for (const Instant end = now + length; now < end;) {
      now += tick;
      const double mean = rate(seconds(now - start)) * seconds(tick);
      observe(history, now, tick, static_cast<double>(prng.poisson(mean)));
    }
  }
  [[nodiscard]] double at(Duration horizon, double q) const { return forecast_at(history, now, horizon).rate.at(q); }
  [[nodiscard]] double peak(Duration horizon, double q) const {
    return forecast_peak(history, now, horizon).rate.at(q);
  }
};

// The share of 10-second rates, one horizon later, above the quantile predicted.
template <class Rate>
double exceeded(Stream& stream, Duration horizon, double q, Duration length, Rate rate) {
  std::vector<double> predicted;
  std::vector<double> actual;
  const auto lag = static_cast<std::size_t>(horizon / 10s);
  for (Duration t{}; t < length; t += 10s) {
    predicted.push_back(stream.at(horizon, q));
    stream.play(10s, 10s, rate);
    actual.push_back(
        static_cast<double>(stream.history.recent[static_cast<std::size_t>(stream.history.bin - 1) % recent_bins]));
  }
  double above = 0;
  double count = 0;
  for (std::size_t i = 0; i + lag <= actual.size(); ++i, ++count) above += actual[i + lag - 1] > predicted[i] ? 1 : 0;
  return above / count;
}

// Three crowds on the first day, then two quiet days: what comes once in days is still in the highest quantile.
TEST(Forecast, CrowdsOfTheDayBeforeYesterdayAreRemembered) {
  Stream stream;
  const auto rate = [](double t) {
    const double hour = t / 3600;
    const bool crowded = (hour > 6 && hour < 6.2) || (hour > 20 && hour < 20.2) || (hour > 22 && hour < 22.2);
    return crowded ? 20.0 : 1.0;
  };
  stream.play(24h, 10s, rate);
  const double then = stream.at(3min, 0.9995);
  stream.play(48h, 10s, rate);
  EXPECT_GT(stream.at(3min, 0.9995), 4);
  EXPECT_GT(then, 4);
  EXPECT_LT(stream.at(3min, 0.95), 2);
}

TEST(Forecast, HasNoHistoryUntilTheWindowIsFull) {
  Stream stream;
  EXPECT_FALSE(forecast_at(stream.history, stream.now, 60s).has_history);
  stream.play(5s, 1s, [](double) { return 10.0; });
  EXPECT_FALSE(forecast_at(stream.history, stream.now, 60s).has_history);
  EXPECT_GT(stream.at(60s, 0.99), 10);   // wide
  EXPECT_LT(stream.at(60s, 0.99), 100);  // but sane
  stream.play(120s, 1s, [](double) { return 10.0; });
  EXPECT_TRUE(forecast_at(stream.history, stream.now, 60s).has_history);
}

TEST(Forecast, IsCalibratedOnSteadyTraffic) {
  for (const double rate : {2.0, 20.0, 200.0}) {
    Stream stream;
    const auto steady = [rate](double) { return rate; };
    stream.play(2h, 1s, steady);
    for (const Duration horizon : {Duration{10s}, Duration{60s}, Duration{600s}}) {
      const double share = exceeded(stream, horizon, 0.9, 2h, steady);
      EXPECT_GT(share, 0.05) << rate << " " << seconds(horizon);
      EXPECT_LT(share, 0.15) << rate << " " << seconds(horizon);
    }
  }
}

TEST(Forecast, IsCalibratedOnADailySine) {
  Stream stream;
  const auto daily = [](double t) { return 30 + 20 * std::sin(t * 2 * std::numbers::pi / 86400); };
  stream.play(48h, 10s, daily);
  const double share = exceeded(stream, 600s, 0.9, 24h, daily);
  EXPECT_GT(share, 0.05);
  EXPECT_LT(share, 0.15);
}

TEST(Forecast, UpperQuantileHoldsOnARampAndOnOnOffTraffic) {
  Stream ramp;
  const auto rising = [](double t) { return 5 + t / 200; };
  ramp.play(3h, 1s, rising);
  EXPECT_LT(exceeded(ramp, 60s, 0.95, 2h, rising), 0.1);

  Stream bursts;
  const auto on_off = [](double t) { return std::fmod(t, 900.0) < 300 ? 40.0 : 1.0; };
  bursts.play(6h, 1s, on_off);
  EXPECT_LT(exceeded(bursts, 60s, 0.95, 6h, on_off), 0.1);
  EXPECT_GE(bursts.peak(1h, 0.5), 35);  // a burst comes within every hour
}

TEST(Forecast, LearnsTheMinuteOfTheHour) {
  Stream stream;
  const auto clock_driven = [](double t) { return std::fmod(t, 3600.0) < 180 ? 60.0 : 3.0; };
  stream.play(72h, 10s, clock_driven);
  stream.play(50min, 10s, clock_driven);
  const double quiet = stream.at(180s, 0.9);
  stream.play(8min, 10s, clock_driven);  // the surge is two minutes away
  EXPECT_GT(stream.at(180s, 0.9), 3 * quiet);
  EXPECT_EQ(forecast_at(stream.history, stream.now, 180s).trusted, Forecaster::seasonal_hour);
}

TEST(Forecast, LearnsTheDay) {
  Stream stream;
  // Working hours: ten times the night, switched within minutes.
  const auto office = [](double t) { return std::fmod(t, 86400.0) < 43200 ? 5.0 : 50.0; };
  stream.play(96h, 10s, office);
  stream.play(11h + 30min, 10s, office);
  EXPECT_EQ(forecast_at(stream.history, stream.now, 1h).trusted, Forecaster::seasonal_day);
  EXPECT_GT(stream.at(1h, 0.9), 20);  // half an hour after the switch that the level knows nothing of
}

TEST(Forecast, NeverBelowTheRecentMaximumWhenThePatternBreaks) {
  Stream stream;
  stream.play(6h, 1s, [](double) { return 10.0; });
  const double calm = stream.at(60s, 0.99);
  stream.play(60s, 1s, [](double) { return 100.0; });
  stream.play(20s, 1s, [](double) { return 10.0; });
  const Forecast after = forecast_at(stream.history, stream.now, 60s);
  EXPECT_TRUE(after.broken);
  EXPECT_GE(after.rate.at(0.9), 80);
  EXPECT_GE(stream.at(600s, 0.99), 80);
  stream.play(3h, 1s, [](double) { return 10.0; });
  EXPECT_FALSE(forecast_at(stream.history, stream.now, 60s).broken);
  EXPECT_LT(stream.at(60s, 0.99), 3 * calm);
}

TEST(Forecast, SeesASurgeBeforeItsBinIsComplete) {
  Stream stream;
  stream.play(1h, 1s, [](double) { return 2.0; });
  stream.play(3s, 1s, [](double) { return 60.0; });
  EXPECT_GE(stream.at(10s, 0.99), 40);
}

TEST(Forecast, TheLevelFollowsAStepThatChanceDoesNotExplain) {
  Stream stream;
  stream.play(20min, 1s, [](double) { return 8.0; });
  stream.play(20s, 1s, [](double) { return 40.0; });
  EXPECT_GT(stream.history.level.mean, 22);
  stream.play(20s, 1s, [](double) { return 40.0; });
  EXPECT_GT(stream.history.level.mean, 34);
  EXPECT_LT(stream.history.level.mean, 44);
  stream.play(20min, 1s, [](double) { return 40.0; });
  stream.play(40s, 1s, [](double) { return 8.0; });
  EXPECT_LT(stream.history.level.mean, 14);
}

TEST(Forecast, TheLevelOfBurstyArrivalsStaysAMean) {
  // Ten seconds of forty, ten of none: each of them is usual.
  Stream stream;
  stream.play(20min, 1s, [](double t) { return std::fmod(t, 20) < 10 ? 40.0 : 0.0; });
  EXPECT_NEAR(stream.history.level.mean, 20, 5);
}

TEST(Forecast, AShortLookThatMayBeChanceIsNoSurge) {
  Stream stream;
  stream.play(2h, 1s, [](double) { return 2.0; });
  ASSERT_EQ(stream.history.bin_covered, 0);
  const double before = stream.at(60s, 0.99);
  // Nine in two seconds where four are usual: one look of ninety.
  stream.now += 2s;
  observe(stream.history, stream.now, 2s, 9);
  EXPECT_NEAR(stream.at(60s, 0.99), before, 0.1 * before);
}

TEST(Forecast, TimerLikeGapsArePredicted) {
  Stream stream;
  for (int i = 0; i < 60; ++i) {
    stream.play(600s, 1s, [](double) { return 0.0; });
    observe(stream.history, stream.now += 1s, 1s, 1);
  }
  stream.play(300s, 1s, [](double) { return 0.0; });
  EXPECT_LT(arrival_probability_between(stream.history, stream.now, 0, 60), 0.2);
  stream.play(240s, 1s, [](double) { return 0.0; });
  EXPECT_GT(arrival_probability_between(stream.history, stream.now, 0, 120), 0.8);
}

TEST(Forecast, AGapOfADayOutlivesThousandsOfShortOnes) {
  GapHistogram gaps;
  Instant at = instant_at(1'700'000'000);
  for (int night = 0; night < 3; ++night) {
    observe_arrivals(gaps, at += 12h, 1);
    for (int i = 0; i < 2000; ++i) observe_arrivals(gaps, at += 20s, 1);
  }
  // Of those that outlast the first classes all come to half a day; an unknown one would have ended before.
  double quiet = 1;
  for (std::size_t i = gap_class(60); i < gap_class(seconds(Duration{11h})); ++i) quiet *= 1 - ending_chance(gaps, i);
  EXPECT_GT(quiet, 0.05);
  EXPECT_GT(ending_chance(gaps, gap_class(20)), 0.9);
  EXPECT_GT(ending_chance(gaps, gap_class(seconds(Duration{12h}))), 0.5);
}

TEST(Forecast, CountsTheCrowdThatComesWithTheFirstRequest) {
  GapHistogram gaps;
  EXPECT_EQ(crowd_within(gaps, 20), 1);
  Instant at = instant_at(1'700'000'000);
  for (int i = 0; i < 40; ++i) {
    observe_arrivals(gaps, at += 10min, 2);
    for (int more = 0; more < 7; ++more) observe_arrivals(gaps, at += 5s, 4);  // 30 within the minute
    observe_arrivals(gaps, at += 50s, 100);                                    // and some after it
  }
  EXPECT_NEAR(crowd_within(gaps, 60), 30, 1);
  EXPECT_NEAR(crowd_within(gaps, 20), 1 + 29 / 3.0, 1);
  EXPECT_NEAR(crowd_within(gaps, 120), 59, 1);
}

TEST(Forecast, SilenceSaysThatALoadHasEnded) {
  Stream stream;
  stream.play(1h, 1s, [](double) { return 20.0; });
  stream.play(100s, 1s, [](double) { return 0.0; });
  EXPECT_LT(forecast_at(stream.history, stream.now, 60s).level, 1);
  EXPECT_NEAR(arrival_probability_between(stream.history, stream.now, 0, 100), 0.63, 0.02);  // not certain
}

TEST(Forecast, MissingIsNotZero) {
  Stream stream;
  stream.play(1h, 1s, [](double) { return 20.0; });
  const double before = forecast_at(stream.history, stream.now, 60s).level;
  for (int i = 0; i < 600; ++i) observe_gap(stream.history, stream.now += 1s);
  EXPECT_EQ(forecast_at(stream.history, stream.now, 60s).level, before);
  EXPECT_GT(stream.at(60s, 0.5), 10);
}

TEST(Forecast, IrregularTicksAgree) {
  for (const Duration tick : {Duration{100ms}, Duration{1s}, Duration{7s}, Duration{60s}, Duration{300s}}) {
    Stream stream;
    stream.play(2h, tick, [](double) { return 20.0; });
    EXPECT_NEAR(forecast_at(stream.history, stream.now, 60s).level, 20, 2.5) << seconds(tick);
    EXPECT_NEAR(stream.at(60s, 0.5), 20, 3) << seconds(tick);
  }
}

TEST(Forecast, ALeapAheadIsBounded) {
  Stream stream;
  stream.play(1h, 1s, [](double) { return 20.0; });
  stream.now += 24h * 365;
  stream.play(10min, 1s, [](double) { return 20.0; });
  EXPECT_NEAR(stream.at(60s, 0.5), 20, 4);
}

TEST(Forecast, SurvivesARoundTripWithinItsSize) {
  Stream stream;
  stream.play(24h, 10s, [](double t) { return 5 + 4 * std::sin(t / 7000); });
  ByteWriter writer;
  writer(stream.history);
  EXPECT_LE(writer.bytes().size(), 40U * 1024);
  Stream copy = stream;
  copy.history = {};
  ByteReader reader{writer.bytes()};
  reader(copy.history);
  ASSERT_FALSE(reader.failed());
  EXPECT_EQ(copy.history, stream.history);
  stream.play(1h, 1s, [](double) { return 8.0; });
  copy.play(1h, 1s, [](double) { return 8.0; });
  EXPECT_EQ(copy.history, stream.history);
}

TEST(Forecast, RefusesAnArchiveOfTheWrongSize) {
  Stream stream;
  stream.play(60s, 1s, [](double) { return 8.0; });
  stream.history.pending.pop_back();
  ByteWriter writer;
  writer(stream.history);
  ByteReader reader{writer.bytes()};
  DemandHistory read;
  reader(read);
  EXPECT_TRUE(reader.failed());
}

TEST(ForecastProperty, QuantilesAreFiniteMonotoneAndPeaksAboveValues) {
  EXPECT_TRUE(rc::check([] {
    Stream stream;
    const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(1, 400'000), rc::gen::inRange(0, 2000)));
    for (const auto& [milliseconds, arrivals] : steps) {
      const Duration interval = std::chrono::milliseconds{milliseconds};
      stream.now += interval;
      if (arrivals % 13 == 0)
        observe_gap(stream.history, stream.now);
      else
        observe(stream.history, stream.now, interval, arrivals);
    }
    for (const Duration horizon : {Duration{1s}, Duration{45s}, Duration{600s}, Duration{2h}, Duration{24h}}) {
      double previous = 0;
      for (double q = 0.01; q < 1; q += 0.01) {
        const double rate = stream.at(horizon, q);
        RC_ASSERT(std::isfinite(rate));
        RC_ASSERT(rate >= previous);
        previous = rate;
        RC_ASSERT(stream.peak(horizon, q) >= rate * (1 - 1e-6));
      }
    }
  }));
}

// A multiple: what is added unevenly is burstier besides, and proves less.
TEST(ForecastProperty, AMultipleOfTheArrivalsNeverLowersTheLevel) {
  EXPECT_TRUE(rc::check([](const std::vector<std::uint8_t>& counts, std::uint8_t more) {
    Stream low;
    Stream high;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      low.now += 1s;
      observe(low.history, low.now, 1s, counts[i]);
      observe(high.history, low.now, 1s, counts[i] * (1 + more % 4));
    }
    RC_ASSERT(high.history.level.mean >= low.history.level.mean - 1e-9);
  }));
}

std::size_t archived(const DemandHistory& history) {
  ByteWriter writer;
  writer(history);
  DemandHistory copy;
  ByteReader reader{writer.bytes()};
  reader(copy);
  EXPECT_FALSE(reader.failed());
  EXPECT_EQ(copy, history);
  return writer.bytes().size();
}

// What the jump taught was relative to the level before it.
TEST(Forecast, AJumpIsNotExpectedAgainFromWhereItLed) {
  Stream stream;
  stream.play(30min, 10s, [](double) { return 1.0; });
  stream.play(1min, 10s, [](double) { return 20.0; });
  float highest = 0;
  for (const float rate : stream.history.recent) highest = std::max(highest, rate);
  EXPECT_LE(stream.at(60s, 0.9995), static_cast<double>(highest) * 1.25);
  EXPECT_GE(stream.at(60s, 0.95), 15);
}

// A first start: one request, then many.
TEST(Forecast, TheFirstRampOfAServiceIsNotMultiplied) {
  Stream stream;
  stream.play(10s, 1s, [](double) { return 0.5; });
  stream.play(30s, 1s, [](double t) { return t / 3; });
  EXPECT_LE(stream.at(20s, 0.95), 25);
  EXPECT_GE(stream.at(20s, 0.95), 9);
}

TEST(ForecastRest, AnIdleHourShrinksTheHistoryAndTrafficRestoresIt) {
  Stream stream;
  stream.play(2h, 5s, [](double) { return 5.0; });
  EXPECT_GT(archived(stream.history), 25'000U);
  stream.play(59min, 5s, [](double) { return 0.0; });
  EXPECT_FALSE(is_resting(stream.history));
  stream.play(2min, 5s, [](double) { return 0.0; });
  EXPECT_TRUE(is_resting(stream.history));
  EXPECT_LT(archived(stream.history), 6'200U);
  EXPECT_EQ(stream.at(60s, 0.99), 0);
  stream.play(30min, 5s, [](double) { return 0.0; });
  EXPECT_TRUE(is_resting(stream.history));
  stream.play(10min, 5s, [](double) { return 5.0; });
  EXPECT_FALSE(is_resting(stream.history));
  EXPECT_NEAR(stream.at(60s, 0.5), 5, 1.5);
  EXPECT_GT(archived(stream.history), 25'000U);
}

TEST(ForecastRest, ADailyOpeningEndsTheRestAhead) {
  Stream stream;
  const auto office = [](double t) { return std::fmod(t, 86400) < 4 * 3600 ? 10.0 : 0.0; };
  stream.play(22h, 10s, office);
  EXPECT_TRUE(is_resting(stream.history));
  stream.play(24h, 10s, office);
  EXPECT_TRUE(is_resting(stream.history));
  stream.play(24h + 2h - 20min, 10s, office);  // 20 minutes before the third opening
  EXPECT_FALSE(is_resting(stream.history));
  EXPECT_LT(seconds(stream.now - stream.history.gaps.last_arrival), 24 * 3600);
}

TEST(ForecastRest, AnOpeningOfEarlierDaysIsKnownAhead) {
  Stream stream;
  const auto office = [](double t) { return std::fmod(t, 86400) < 4 * 3600 ? 10.0 : 0.0; };
  stream.play(46h, 10s, office);
  const Instant opening = start + 48h;
  const Instant slot = opening - std::chrono::seconds(static_cast<std::int64_t>(seconds(opening)) % 600);
  EXPECT_TRUE(opens_between(stream.history, slot - 1s, slot));
  EXPECT_TRUE(opens_between(stream.history, slot - 5min, slot + 20min));
  EXPECT_FALSE(opens_between(stream.history, slot - 1h, slot - 1s));
  EXPECT_FALSE(opens_between(stream.history, slot, slot + 2h));  // busy, but open already
  EXPECT_FALSE(opens_between(DemandHistory{}, slot - 1s, slot));
}

TEST(ForecastRest, GapsWhileRestingAreNotQuiet) {
  Stream stream;
  stream.play(2h, 10s, [](double) { return 0.0; });
  ASSERT_TRUE(is_resting(stream.history));
  stream.now += 6h;
  observe_gap(stream.history, stream.now);
  stream.play(10min, 10s, [](double) { return 3.0; });
  EXPECT_NEAR(stream.at(10s, 0.5), 3, 1);
  EXPECT_TRUE(stream.history.is_consistent());
}

TEST(Forecast, AnEarlyJumpIsNotExtrapolated) {
  Stream stream;
  stream.play(5min, 1s, [](double) { return 1.0; });
  stream.play(2min, 1s, [](double) { return 12.0; });
  EXPECT_GT(stream.at(120s, 0.95), 10);
  EXPECT_LT(stream.at(120s, 0.95), 30);
}

TEST(ForecastProperty, NonsenseIsIgnored) {
  Stream stream;
  stream.play(60s, 1s, [](double) { return 8.0; });
  const DemandHistory before = stream.history;
  observe(stream.history, stream.now + 1s, 1s, std::nan(""));
  observe(stream.history, stream.now + 1s, 1s, -3);
  observe(stream.history, stream.now, 1s, 3);
  observe(stream.history, stream.now + 1s, 0s, 3);
  EXPECT_EQ(stream.history, before);
}

}  // namespace
}  // namespace tidegate
