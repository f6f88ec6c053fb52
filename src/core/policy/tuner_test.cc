#include "core/policy/tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/archive.h"
#include "core/base/prng.h"

namespace tidegate {
namespace {

const Instant start_at = instant_at(1'700'006'400);

// A service of 8 slots and 2 s, so 4 requests per second a replica, whose arrivals are given.
struct World {
  DemandHistory history;
  Tuner tuner;
  Instant now = start_at;
  Capacity capacity{.slots = 8, .residence_base = 2, .basis = CapacityBasis::learned};
  ServiceLoad load{.slots = 8, .residence = 2, .slack = 5};
  Duration lead_time = 60s;
  Duration hold_time = 120s;
  double committed = 1;
  double replicas_max = 100;

  World() { start(tuner, "chat"); }

  void step(double arrivals, Duration tick = 1s) {
    now += tick;
    tidegate::observe(history, now, tick, arrivals);
    const Forecast at_lead = forecast_at(history, now, lead_time);
    const Forecast over_hold = forecast_peak(history, now, hold_time);
    load.busy = at_lead.level * load.residence;
    observe(tuner, {.interval = tick, .arrivals = arrivals},
            {.load = load,
             .at_lead = at_lead,
             .over_hold = over_hold,
             .capacity = capacity,
             .lead_time = lead_time,
             .hold_time = hold_time,
             .ready = committed,
             .committed = committed,
             .replicas_min = 1,
             .replicas_max = replicas_max});
  }
};

TEST(Candidates, AreAllDifferentAndTheirBandsAreBands) {
  World world;
  for (int i = 0; i < 1000; ++i) world.step(20);
  const Forecast at_lead = forecast_at(world.history, world.now, 60s);
  const Forecast over_hold = forecast_peak(world.history, world.now, 120s);
  std::size_t same = 0;
  for (std::size_t k = 0; k < candidate_count; ++k) {
    const Candidate& one = candidates()[k];
    const CandidateBand band =
        band_of(one, {.load = world.load, .at_lead = at_lead, .over_hold = over_hold, .busiest = {40, 44, 48}});
    EXPECT_GE(band.ceiling, band.floor()) << k;
    EXPECT_GE(band.floor(), 0) << k;
    EXPECT_FALSE(rule_name(one).empty());
    for (std::size_t other = 0; other < k; ++other) {
      const Candidate& two = candidates()[other];
      same += one.rule == two.rule && one.eager == two.eager && one.floor_quantile == two.floor_quantile &&
              one.window == two.window && one.ceiling_quantile == two.ceiling_quantile &&
              one.headroom == two.headroom && one.hold_share == two.hold_share;
    }
  }
  EXPECT_EQ(same, 0);
}

std::size_t index_of(bool (*matches)(const Candidate&)) {
  const auto& all = candidates();
  return static_cast<std::size_t>(std::ranges::find_if(all, matches) - all.begin());
}

TEST(Candidates, AnEagerOneWorksABacklogOffAsIfHelpCameAtOnce) {
  const ServiceLoad load{.busy = 16, .queued = 100, .slots = 8, .residence = 2, .slack = 5};
  const Backlog backlog{.ready = 2, .within = 60};
  const std::size_t eager = index_of([](const Candidate& one) { return one.eager; });
  EXPECT_NEAR(drain_of(candidates()[cautious], load, backlog), 2.25, 1e-9);  // 2 + 60 / (4 * 60)
  EXPECT_NEAR(drain_of(candidates()[eager], load, backlog), 5, 1e-9);        // 2 + 60 / (4 * 5)
}

TEST(Candidates, HeadroomOverThePresentForgetsWhatWas) {
  const ServiceLoad load{.busy = 8, .slots = 8, .residence = 2};
  const Candidate& one =
      candidates()[index_of([](const Candidate& c) { return c.window == Window::now && c.headroom == 0.6; })];
  EXPECT_NEAR(band_of(one, {.load = load, .at_lead = {}, .over_hold = {}, .busiest = {40, 44, 48}}).ceiling, 1.6, 1e-9);
}

// A burst of seconds, which the smoothed load hardly shows, wakes a replica where one more would be twice as many.
TEST(Candidates, HeadroomOverTheMomentSeesABurst) {
  const ServiceLoad load{.busy = 2, .momentary = 6, .slots = 8, .residence = 2};
  const CandidateInput input{.load = load, .at_lead = {}, .over_hold = {}};
  const auto floor_of = [&](std::size_t k) { return band_of(candidates()[k], input).floor(); };
  EXPECT_NEAR(floor_of(index_of([](const Candidate& c) { return c.window == Window::now && c.headroom == 0.6; })), 0.4,
              1e-9);
  EXPECT_NEAR(floor_of(index_of([](const Candidate& c) { return c.window == Window::moment && c.headroom == 0.6; })),
              1.2, 1e-9);
}

// Every twenty minutes the rate goes from a half to twelve within two minutes, and back. One that is eager is late less
// often than one that differs in nothing else, and dearer: which of them leads is a matter of the promise.
TEST(Tuner, OnARampAnEagerCandidateIsLateLessOften) {
  World world;
  for (int second = 0; second < 4 * 3600; ++second) {
    const int at = second % 1200;
    world.step(at < 120 ? 0.5 + 0.1 * at : at < 180 ? 12.5 : 0.5);
  }
  static constexpr auto is_bold = [](const Candidate& one) { return one.floor_quantile == 0.2 && one.is_quick(); };
  const std::size_t steady = index_of([](const Candidate& one) { return is_bold(one) && !one.eager; });
  const std::size_t eager = index_of([](const Candidate& one) { return is_bold(one) && one.eager; });
  EXPECT_LT(late_share(world.tuner, eager), 0.9 * late_share(world.tuner, steady));
  EXPECT_GT(mean_replicas(world.tuner, eager), mean_replicas(world.tuner, steady));
}

TEST(Tuner, APlantCountsEachLateRequestOnce) {
  // One replica ends 4 of 8 requests a second, and nothing bought comes in time: who comes after t seconds waits t.
  // Those of the seconds 5 to 95 are late by second 100: 90 * 8.
  World world;
  world.lead_time = 600s;
  world.replicas_max = 1;
  world.tuner.open_count = 0;
  for (int i = 0; i < 670; ++i) world.step(0);  // nothing counts before what is ordered can come
  for (int i = 0; i < 100; ++i) world.step(8);
  EXPECT_NEAR(static_cast<double>(world.tuner.late[cautious]), 720, 40);
  EXPECT_NEAR(world.tuner.arrivals, 800, 12);  // a hundred seconds of an hour are forgotten
  EXPECT_NEAR(mean_replicas(world.tuner, cautious), 1, 1e-3);
}

TEST(Tuner, APlantWithEnoughReplicasIsNeverLate) {
  World world;
  world.committed = 4;
  for (int i = 0; i < 600; ++i) world.step(8);
  EXPECT_EQ(world.tuner.late[cautious], 0);
}

TEST(Tuner, ReplicasHelpAfterTheLeadTime) {
  const auto late_with = [](Duration lead_time) {
    World world;
    world.lead_time = lead_time;
    for (int i = 0; i < 300; ++i) world.step(1);
    for (int i = 0; i < 600; ++i) world.step(20);
    return static_cast<double>(world.tuner.late[cautious]);
  };
  const double quick = late_with(20s);
  const double slow = late_with(200s);
  EXPECT_GT(quick, 0);
  EXPECT_GT(slow, quick + 150 * 15);  // about 16 of 20 a second wait in vain for 180 s longer
}

TEST(Tuner, TicksOfAnyLengthAreTheSameSeconds) {
  World quick;
  World slow;
  for (int i = 0; i < 6000; ++i) quick.step(0.8, 100ms);
  for (int i = 0; i < 60; ++i) slow.step(80, 10s);
  EXPECT_NEAR(quick.tuner.arrivals, slow.tuner.arrivals, 20);
  EXPECT_NEAR(static_cast<double>(quick.tuner.late[3]), static_cast<double>(slow.tuner.late[3]), 60);
}

TEST(Tuner, StaggersServicesByName) {
  Tuner one;
  Tuner two;
  start(one, "chat");
  start(two, "code");
  EXPECT_NE(std::pair(one.open_count, one.phase), std::pair(two.open_count, two.phase));
  Tuner again;
  start(again, "chat");
  EXPECT_EQ(one, again);
}

TEST(Tuner, FindsACheaperCandidateThatKeepsTheAllowance) {
  // Poisson arrivals around a daily cycle of 8 to 40 requests per second (2 to 10 replicas).
  World world;
  world.committed = 8;
  Prng prng{3};
  for (int i = 0; i < 30 * 3600 / 2; ++i) {
    const double day = 2 * std::numbers::pi * seconds(world.now - start_at) / 86400;
    world.step(static_cast<double>(prng.poisson(2 * (24 + 16 * std::sin(day)))), 2s);
  }
  EXPECT_NE(world.tuner.leader, cautious);
  EXPECT_LT(mean_replicas(world.tuner, world.tuner.leader), 0.95 * mean_replicas(world.tuner, cautious));
  EXPECT_LE(late_share(world.tuner, world.tuner.leader), 0.01);
}

TEST(Tuner, StaysCautiousUntilSomethingIsKnown) {
  World world;
  for (int i = 0; i < 290; ++i) {
    world.step(20);
    EXPECT_EQ(world.tuner.leader, cautious);
  }
}

TEST(Tuner, WhatLowersAtOnceIsWatchedForHalfADayFirst) {
  Tuner tuner;
  tuner.arrivals = 1e6;
  tuner.time = 3600;
  for (std::size_t k = 0; k < candidate_count; ++k)
    tuner.billed[k] = candidates()[k].is_quick() ? 3600.0F : 2 * 3600.0F;
  tuner.observed = 11 * 3600;
  EXPECT_FALSE(candidates()[choose(tuner, 0.01)].is_quick());
  tuner.observed = 13 * 3600;
  EXPECT_TRUE(candidates()[choose(tuner, 0.01)].is_quick());
}

TEST(Tuner, AimsLowerWhenMoreIsMissedThanPredicted) {
  Tuner tuner;
  tuner.arrivals = tuner.met = 100'000;
  tuner.predicted = 500;
  tuner.missed = 500;
  EXPECT_NEAR(target_share(tuner, 0.01), 1.5 * 0.008, 1e-4);  // half of the budget is unspent
  tuner.predicted = tuner.missed = 1000;
  EXPECT_NEAR(target_share(tuner, 0.01), 0.008, 2e-4);
  tuner.predicted = 500;
  tuner.missed = 2000;
  EXPECT_LT(target_share(tuner, 0.01), 0.003);
  EXPECT_GT(target_share(tuner, 0.01), 0.0015);
  tuner.missed = 50'000;  // not the size's fault alone: bounded
  EXPECT_NEAR(target_share(tuner, 0.01), 0.0016, 1e-4);
}

TEST(Tuner, WhatCannotBeMadeUpForIsNotBoughtBack) {
  Tuner tuner;
  const auto at = [&](double allowances) {
    tuner.predicted = tuner.missed = 1000 * allowances;
    tuner.met = tuner.arrivals = 100'000 - tuner.missed;
    return target_share(tuner, 0.01);
  };
  EXPECT_LT(at(1.9), 0.2 * 0.01);     // being made up for
  EXPECT_GT(at(3), 2 * at(1.9));      // half given up
  EXPECT_NEAR(at(4.1), 0.008, 1e-4);  // as if nothing had been
  EXPECT_NEAR(at(20), 0.008, 1e-4);
}

// Surges that met everyone: cheap and late, dearer and less late, at sixteen times the price never late.
TEST(Tuner, ALateRequestCostsAsMuchWithADearCandidate) {
  Tuner tuner;
  tuner.arrivals = 1e6;
  tuner.time = tuner.observed = 1e6;
  const auto is_dear = [](std::size_t k) { return candidates()[k].rule == Rule::fixed; };
  const auto is_between = [](std::size_t k) { return candidates()[k].window == Window::hour; };
  for (std::size_t k = 0; k < candidate_count; ++k) {
    tuner.billed[k] = (is_dear(k) ? 21.0F : is_between(k) ? 3.2F : 1.3F) * 1e6F;
    tuner.late[k] = is_dear(k) ? 0 : is_between(k) ? 51'000 : 139'000;
    tuner.late_squares[k] = tuner.late[k];
  }
  EXPECT_TRUE(is_between(choose(tuner, 0.01)));
  EXPECT_TRUE(is_dear(choose(tuner, 0.001)));
  EXPECT_FALSE(is_dear(choose(tuner, 0.1)) || is_between(choose(tuner, 0.1)));
}

// One cluster of 500 late requests; only what costs eight times as much was not late.
TEST(Tuner, OneClusterOnTheFirstDayBuysNoMoreThanTwice) {
  Tuner tuner;
  tuner.arrivals = 20'000;
  tuner.time = tuner.observed = 3 * 3600;
  tuner.leader = 8;
  for (std::size_t k = 0; k < candidate_count; ++k) {
    tuner.billed[k] = (k < 48 ? 1 : 8) * 3 * 3600.0F;
    tuner.late[k] = k < 48 ? 500 : 0;
    tuner.late_squares[k] = tuner.late[k] * tuner.late[k];
  }
  EXPECT_LT(choose(tuner, 0.0025), 48);
  for (float& squares : tuner.late_squares) squares /= 4;  // as four clusters
  EXPECT_GE(choose(tuner, 0.0025), 48);
}

TEST(Tuner, OnTheFirstDayLessCountsAsAllowed) {
  World world;
  EXPECT_DOUBLE_EQ(early_allowance(world.tuner, 0.01, 20s), 0.005);
  EXPECT_DOUBLE_EQ(early_allowance(world.tuner, 0.01, 60s), 0.0025);
  EXPECT_DOUBLE_EQ(early_allowance(world.tuner, 0.01, 600s), 0.00025);
  world.tuner.observed = 86400;
  EXPECT_DOUBLE_EQ(early_allowance(world.tuner, 0.01, 600s), 0.01);
}

TEST(Tuner, AClusterOfLateRequestsIsLessCertainThanAsManyScattered) {
  Tuner tuner;
  tuner.arrivals = 100'000;
  tuner.time = tuner.observed = 1e6;
  tuner.late.fill(900);
  tuner.late_squares.fill(900);
  const double scattered = believed_shares(tuner)[cautious];
  EXPECT_NEAR(scattered, 0.0093, 1e-4);
  tuner.late_squares.fill(900 * 900);
  EXPECT_NEAR(believed_shares(tuner)[cautious], 0.018, 1e-4);
}

constexpr std::size_t next_quantile = 4;  // from a candidate to the next less bold one that keeps as long

TEST(Tuner, WhatIsSeldomLateIsJudgedByItsNeighbour) {
  Tuner tuner;
  tuner.arrivals = 100'000;
  tuner.time = tuner.observed = 1e6;
  tuner.late[0] = 10'000;  // q = 0.2, and nothing else was ever late
  const auto shares = believed_shares(tuner);
  ASSERT_EQ(candidates()[next_quantile].bolder, 0U);
  EXPECT_NEAR(shares[next_quantile], 0.1 * std::pow(0.65 / 0.8, 2.5), 1e-3);
  EXPECT_LT(shares[2 * next_quantile], shares[next_quantile]);
}

TEST(Tuner, WhatWasSparedManyClustersIsBelieved) {
  Tuner tuner;
  tuner.arrivals = 100'000;
  tuner.time = tuner.observed = 1e6;
  tuner.late[0] = 10'000;
  tuner.late_squares[0] = 10'000 * 100;  // as a hundred clusters of a hundred
  const auto shares = believed_shares(tuner);
  EXPECT_NEAR(shares[next_quantile], shares[0] * 3 / 100, 1e-4);
  tuner.late_squares[0] = 10'000 * 5'000;  // as two: they tell little
  const auto doubted = believed_shares(tuner);
  EXPECT_NEAR(doubted[next_quantile], doubted[0] * std::pow(0.65 / 0.8, 2.5), 1e-3);
}

TEST(Tuner, SleepKeepsWhatWasLearnedInLittleSpace) {
  World world;
  for (int i = 0; i < 2000; ++i) world.step(20);
  const auto size = [](const Tuner& tuner) {
    ByteWriter writer;
    writer(tuner);
    return writer.bytes().size();
  };
  EXPECT_LT(size(world.tuner), 18 * 1024);
  const double share = late_share(world.tuner, 5);
  sleep(world.tuner);
  EXPECT_LT(size(world.tuner), 1500);
  EXPECT_EQ(late_share(world.tuner, 5), share);
  for (int i = 0; i < 20; ++i) world.step(20);
  EXPECT_EQ(world.tuner.plants.size(), 1);
}

TEST(Tuner, AnImpossibleArchiveIsRefused) {
  Tuner tuner;
  tuner.leader = candidate_count;
  ByteWriter writer;
  writer(tuner);
  Tuner copy;
  ByteReader reader{writer.bytes()};
  reader(copy);
  EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace tidegate
