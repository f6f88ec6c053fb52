#include "lab/sim/recorded_load.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
const Instant noon{std::chrono::sys_days{std::chrono::year{2026} / 3 / 2} + 12h};

RecordedLoad load_of(std::vector<double> rates, std::vector<double> sizes) {
  return {.start = noon, .rates = std::move(rates), .pools = {{"default", std::move(sizes)}}};
}

std::vector<SimulatedRequest> all_of(RequestFeed feed) {
  std::vector<SimulatedRequest> all;
  std::array<SimulatedRequest, 64> batch;
  for (;;) {
    const auto count = feed(batch);
    EXPECT_TRUE(count);
    if (!count || *count == 0) return all;
    all.insert(all.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

TEST(RecordedLoad, WhatIsNotKnownAtTheEndsIsCutOff) {
  auto load = load_of({none, 1, 2, 3, 4, none}, {none, none, 2, 2, 3, 3});
  load.ready = {0, 1, 2, 3, 4, 5};
  const auto gaps = settle(load);
  EXPECT_EQ(gaps.before, 2min);
  EXPECT_EQ(gaps.after, 1min);
  EXPECT_EQ(load.start, noon + 2min);
  EXPECT_EQ(load.rates, (std::vector<double>{2, 3, 4}));
  EXPECT_EQ(load.pools.front().sizes, (std::vector<double>{2, 2, 3}));
  EXPECT_EQ(load.ready, (std::vector<double>{2, 3, 4}));
  EXPECT_EQ(gaps.bridged, Duration::zero());
}

TEST(RecordedLoad, AGapIsBridgedAndNotTakenForALull) {
  auto load = load_of({3, none, none, 6}, {2, none, 4, 4});
  const auto gaps = settle(load);
  EXPECT_EQ(load.rates, (std::vector<double>{3, 4, 5, 6}));
  EXPECT_EQ(load.pools.front().sizes, (std::vector<double>{2, 2, 4, 4}));
  EXPECT_EQ(gaps.bridged, 2min);
  EXPECT_EQ(gaps.longest, 2min);
  EXPECT_EQ(gaps.asleep, Duration::zero());
}

TEST(RecordedLoad, WithoutReplicasNobodyCountedAndNothingCame) {
  auto load = load_of({3, none, none, 6}, {2, 0, 0, 1});
  const auto gaps = settle(load);
  EXPECT_EQ(load.rates, (std::vector<double>{3, 0, 0, 6}));
  EXPECT_EQ(gaps.asleep, 2min);
  EXPECT_EQ(gaps.bridged, Duration::zero());
}

TEST(RecordedLoad, OfNothingNothingIsLeft) {
  for (auto load :
       {load_of({none, none}, {1, 1}), load_of({1, 1}, {none, none}), load_of({1, none}, {none, 1}), load_of({}, {})}) {
    (void)settle(load);
    EXPECT_EQ(load.steps(), 0U);
  }
}

TEST(RecordedLoad, EveryRequestComesInItsStep) {
  auto load = load_of({0.5, 0, 2}, {1, 1, 1});
  (void)settle(load);
  const auto shared = std::make_shared<const RecordedLoad>(std::move(load));
  const auto requests = all_of(recorded_feed(shared, 1, TokenSizes{}, 7));
  ASSERT_NEAR(static_cast<double>(requests.size()), 150, 1);
  for (const auto& one : requests) EXPECT_TRUE(one.at < 1min || (one.at >= 2min && one.at < 3min)) << to_text(one.at);
  EXPECT_EQ(requests, all_of(recorded_feed(shared, 1, TokenSizes{}, 7)));
  EXPECT_NE(requests, all_of(recorded_feed(shared, 1, TokenSizes{}, 8)));
}

TEST(RecordedLoad, TheSizesThatWereAreOrdered) {
  RecordedLoad load{.start = noon, .rates = {1, 1, 1}, .pools = {{"spot", {0, 2, 1}}, {"h100", {3, 3, 4}}}};
  ServiceSpec service{.name = "chat"};
  for (const char* name : {"h100", "spot", "new"}) service.pools.push_back({.name = name});
  auto decide = recorded_decider(std::make_shared<const RecordedLoad>(load), service);
  const auto sizes_at = [&](Duration at) {
    std::vector<std::int32_t> sizes;
    for (const auto& pool : decide({.now = noon + at, .service = "chat"}).pools) sizes.push_back(pool.replicas.value());
    return sizes;
  };
  EXPECT_EQ(sizes_at(0s), (std::vector<std::int32_t>{3, 0, 0}));
  EXPECT_EQ(sizes_at(60s), (std::vector<std::int32_t>{3, 2, 0}));
  EXPECT_EQ(sizes_at(179s), (std::vector<std::int32_t>{4, 1, 0}));
  EXPECT_EQ(sizes_at(1h), (std::vector<std::int32_t>{4, 1, 0})) << "the last ones stay";
}

TEST(RecordedLoad, FiguresOfWhatReallyHappened) {
  auto load = load_of({1, 1, 1, 1}, {6, 6, 12, 9});
  EXPECT_FALSE(recorded_figures(load, 0s).attainment) << "nobody recorded it";
  load.ended = {1, none, 2, 2};
  load.within = {0, 1, 2, 1};
  const auto all = recorded_figures(load, 0s);
  EXPECT_DOUBLE_EQ(all.replica_hours, 33.0 / 60);
  EXPECT_EQ(all.scale_events, 2U);
  EXPECT_DOUBLE_EQ(*all.attainment, 3.0 / 5);
  const auto later = recorded_figures(load, 2min);
  EXPECT_DOUBLE_EQ(later.replica_hours, 21.0 / 60);
  EXPECT_EQ(later.scale_events, 1U);
  EXPECT_DOUBLE_EQ(*later.attainment, 3.0 / 4);
}

TEST(RecordedLoad, ShowsHowAReplicaIs) {
  auto load = load_of({2, 2, none, 4}, {1, 3, 4, 4});
  EXPECT_FALSE(recorded_replica(load).service);
  EXPECT_FALSE(recorded_replica(load).slots);
  EXPECT_FALSE(recorded_replica(load).cold_start);
  load.in_flight = {6, 6, 9, 12};
  load.ready = {1, 1, 2, 4};
  const auto shown = recorded_replica(load);
  EXPECT_EQ(shown.service, 3s) << "24 in service for 8 a second";
  EXPECT_EQ(shown.slots, 6);
  EXPECT_EQ(shown.cold_start, 80s) << "4 minutes not ready for 3 replicas added";
  load.pools.front().sizes = {3, 3, 4, 4};
  EXPECT_FALSE(recorded_replica(load).cold_start) << "one start does not tell";
  load.cold_starts = 2, load.cold_starts_took = 70s;
  EXPECT_EQ(recorded_replica(load).cold_start, 35s) << "but those that were timed do";
}

}  // namespace
}  // namespace tidegate
