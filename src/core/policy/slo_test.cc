#include "core/policy/slo.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "core/base/archive.h"
#include "core/base/prng.h"
#include "core/forecast/idle_gap.h"
#include "core/policy/candidate.h"
#include "core/policy/need.h"

namespace tidegate {
namespace {

const Instant start = instant_at(1'700'000'000);

TEST(Need, PacksInFlightToTheSlots) {
  const Capacity capacity{.slots = 8, .residence_base = 1, .residence_slope = 0.1};
  EXPECT_NEAR(busy_slots(8, 4, capacity), 12, 1e-9);  // 8 * 1.8 / 1.2
  EXPECT_NEAR(busy_slots(32, 4, capacity), 32, 1e-9);
  EXPECT_NEAR(busy_slots(50, 4, capacity), 50, 1e-9);  // fuller than full is not faster
  EXPECT_EQ(busy_slots(0, 4, capacity), 0);
  EXPECT_NEAR(busy_slots(5, 0, capacity), 5, 1e-9);
}

TEST(Need, StaffsThePresentLoad) {
  // (40 + 2.326 * sqrt(40)) / 16
  EXPECT_NEAR(present_need({.busy = 40, .slots = 16, .residence = 4}, 0.99), 3.4196, 1e-3);
  EXPECT_NEAR(present_need({.busy = 40, .variability = 4, .slots = 16, .residence = 4}, 0.99), 4.3391, 1e-3);
  EXPECT_EQ(present_need({}, 0.99), 0);
  EXPECT_EQ(present_need({.busy = 0.1}, 0.01), 0);
}

TEST(Need, DrainsWhatIsLateInTheTimeGiven) {
  ServiceLoad load{.busy = 40, .queued = 500, .slots = 8, .residence = 2, .slack = 5};
  EXPECT_NEAR(drain_need(load, {.ready = 1, .within = 30}), 9, 1e-9);  // 5 + 480 / (4 * 30)
  load.queued = 20;  // one replica begins them within the slack: no backlog
  EXPECT_EQ(drain_need(load, {.ready = 1, .within = 30}), 0);
  load = {.busy = 8, .queued = 16, .slots = 8, .rate_known = false};
  EXPECT_NEAR(drain_need(load, {.ready = 1}), 3, 1e-9);  // the requests themselves are all that is known
}

TEST(Need, ABacklogIsCheapestWorkedOffWhereReplicasAndLateRequestsCostAlike) {
  const ServiceLoad load{.flow = 32, .queued = 1600, .slots = 8, .residence = 4};
  const double best = recovery_time(load, 600s, 0.01);
  EXPECT_NEAR(best, std::sqrt(50 * 600 * 0.01), 1e-9);
  const auto cost = [&](double within) { return 1600 * 600 / (2 * within) + 32 * within * 100 / 2; };
  EXPECT_LT(cost(best), cost(0.9 * best));
  EXPECT_LT(cost(best), cost(1.1 * best));
  EXPECT_LT(recovery_time(load, 600s, 0.001), best);
  EXPECT_TRUE(std::isinf(recovery_time({.queued = 10}, 600s, 0.01)));
}

TEST(Need, ForecastsOverTheWindowThatSlotsAreFilledIn) {
  RateQuantiles rate;
  rate.rates.fill(4);
  for (std::size_t i = 9; i < quantile_points; ++i) rate.rates[i] = 6;
  EXPECT_NEAR(forecast_need({.slots = 8, .residence = 2}, rate, 0.99), 6 * 2 / 8.0, 1e-9);
  // Window 40 s: 4 + sqrt(4 - 2.16 + 0.54) = 5.54 requests per second.
  EXPECT_NEAR(forecast_need({.slots = 8, .residence = 38}, rate, 0.99), 5.54 * 38 / 8, 0.03);
  EXPECT_NEAR(forecast_need({.slots = 8, .residence = 38}, rate, 0.5), 4 * 38 / 8.0, 1e-9);
}

TEST(Need, PromisesOfWaiting) {
  const Capacity capacity{.slots = 8, .residence_base = 2};
  const auto of = [&](LatencyKind kind, Percentile p, Duration bound) {
    return wait_promise({.objectives = {{kind, p, bound}}}, capacity);
  };
  EXPECT_NEAR(of(LatencyKind::queue_wait, Percentile::p99, 5s).slack, 5, 1e-9);
  EXPECT_NEAR(of(LatencyKind::queue_wait, Percentile::p90, 5s).allowance, 0.1, 1e-9);
  EXPECT_NEAR(of(LatencyKind::ttft, Percentile::p99, 2s).slack, 1.6, 1e-9);
  EXPECT_NEAR(of(LatencyKind::latency, Percentile::p99, 10s).slack, 7, 1e-9);
  EXPECT_NEAR(of(LatencyKind::latency, Percentile::p99, 2s).slack, 0.1, 1e-9);
  EXPECT_NEAR(of(LatencyKind::itl, Percentile::p95, 50ms).slack, 2, 1e-9);
}

TEST(RecentPeak, KeepsForAWindowAndForgets) {
  RecentPeak peak;
  observe(peak, start, 60s, 5);
  for (int i = 1; i <= 60; ++i) observe(peak, start + i * 1s, 60s, 1);
  EXPECT_EQ(peak.value(), 5);
  for (int i = 61; i <= 90; ++i) observe(peak, start + i * 1s, 60s, 1);
  EXPECT_EQ(peak.value(), 1);
  observe(peak, start + 1h, 60s, 2);
  EXPECT_EQ(peak.value(), 2);
}

// A service with its history, stepped a second at a time.
struct Bench {
  SloPolicy policy;
  ServiceSpec spec;
  Observation seen;
  Demand demand{.interval = 1s, .arrivals_known = true, .concurrency_known = true, .has_evidence = true};
  Capacity reference{.slots = 8, .residence_base = 2, .basis = CapacityBasis::hinted};
  DemandHistory history;
  SloMemory memory;
  Duration lead_time = 30s;
  Duration hold_time = 120s;
  double ready = 1;
  double warming = 0;

  Bench() {
    spec.name = "chat";
    spec.guardrails = {.replicas_min = Replicas{0}, .replicas_max = Replicas{100}};
    spec.slo.objectives = {{LatencyKind::queue_wait, Percentile::p99, 5s}};
    seen.now = start;
    seen.queued = Reading::of(0);
  }

  Proposal step() {
    seen.now += 1s;
    if (demand.arrivals_known)
      observe(history, seen.now, 1s, demand.arrivals);
    else
      observe_gap(history, seen.now);
    return answer();
  }
  Proposal answer() {
    const Forecast at_lead = forecast_at(history, seen.now, lead_time);
    const Forecast over_hold = forecast_peak(history, seen.now, hold_time);
    return propose(policy, memory,
                   {.spec = spec,
                    .seen = seen,
                    .demand = demand,
                    .at_lead = at_lead,
                    .over_hold = over_hold,
                    .reference = reference,
                    .history = history,
                    .lead_time = lead_time,
                    .hold_time = hold_time,
                    .ready = ready,
                    .warming = warming});
  }
  // Follows the band at once.
  void follow(const Band& band) {
    const double least = std::ceil(band.floor.value());
    if (least > ready)
      ready = least;
    else
      ready = std::min(ready, std::max(least, std::floor(band.ceiling.value())));
  }
  Proposal play(int steps, double rate, double in_flight) {
    Proposal last;
    for (int i = 0; i < steps; ++i) {
      demand.arrivals = rate;
      demand.in_flight = in_flight;
      last = step();
      follow(last.band);
    }
    return last;
  }
};

TEST(SloPolicy, CoversTheLoad) {
  Bench bench;
  const Proposal last = bench.play(1200, 20, 40);
  EXPECT_GE(last.band.floor.value(), 5);  // 40 busy slots of 8
  EXPECT_LE(last.band.floor.value(), 9);
  EXPECT_LE(last.band.floor, last.band.ceiling);
  EXPECT_FALSE(last.note.empty());
}

TEST(SloPolicy, FollowsAStepWithinTwoSeconds) {
  Bench bench;
  bench.lead_time = 60s;
  const double before = bench.play(1200, 8, 16).band.floor.value();
  const double first = bench.play(2, 40, 16).band.floor.value();
  EXPECT_GT(first, before + 1);
  EXPECT_GT(bench.play(4, 40, 24).band.floor.value(), 8);  // 80 slots of 8 are ten
}

TEST(SloPolicy, RaisesForABacklogWithoutRunningAway) {
  Bench bench;
  bench.play(600, 10, 20);
  bench.demand.queued = 400;
  bench.seen.queued = Reading::of(400);
  const Proposal first = bench.step();
  EXPECT_EQ(first.band.floor_reason, Reason::backlog);
  bench.warming = std::ceil(first.band.floor.value()) - bench.ready;
  EXPECT_LE(bench.step().band.floor.value(), bench.ready + bench.warming + 1);
}

// One replica, ten minutes to a boot, and traffic for ten: the first to come work off what waits, and then go.
TEST(SloPolicy, AtTheBeginningABacklogIsWorkedOffQuicklyAndNoMoreIsKept) {
  Bench bench;
  bench.lead_time = bench.hold_time = 600s;
  bench.demand.queued = 1600;
  bench.seen.queued = Reading::of(1600);
  const auto tick = [&](double in_flight) {
    bench.demand.arrivals = 40;
    bench.demand.in_flight = in_flight;
    return bench.step();
  };
  for (int i = 0; i < 60; ++i) tick(8);
  const Proposal waiting = tick(8);
  EXPECT_EQ(waiting.band.floor_reason, Reason::backlog);
  EXPECT_GT(waiting.band.floor.value(), 25);  // 1600 / (4 * sqrt(40 * 600 * 0.01)) = 26 beside the ten
  EXPECT_LT(waiting.band.floor.value(), 45);
  const auto drain = std::ranges::find(waiting.facts, std::string_view("drain"), &Fact::name);
  ASSERT_NE(drain, waiting.facts.end());
  EXPECT_EQ(drain->value, waiting.band.floor.value());  // the explanation names what was asked for
  for (int i = 0; i < 560; ++i) tick(8);
  bench.ready = 40;
  bench.demand.queued = 0;
  bench.seen.queued = Reading::of(0);
  for (int i = 0; i < 60; ++i) tick(80);
  const Proposal after = tick(80);
  EXPECT_LT(after.band.ceiling.value(), 25);
  EXPECT_GE(after.band.floor.value(), 10);
}

TEST(SloPolicy, WakesOnAWaitingRequest) {
  Bench bench;
  bench.ready = 0;
  EXPECT_EQ(bench.step().band.floor.value(), 0);
  bench.demand.queued = 1;
  const Band band = bench.step().band;
  EXPECT_GE(band.floor.value(), 1);
  EXPECT_EQ(band.floor_reason, Reason::activate_request);
}

TEST(SloPolicy, WithoutAnyGapKnownFallsAsleepAfterTenMinutes) {
  Bench bench;
  bench.play(900, 2, 4);
  EXPECT_GE(bench.play(300, 0, 0).band.ceiling.value(), 1);
  const Band band = bench.play(500, 0, 0).band;
  EXPECT_EQ(band.floor.value(), 0);
  EXPECT_EQ(band.ceiling.value(), 0);
  EXPECT_EQ(band.ceiling_reason, Reason::idle_timeout);
}

TEST(SloPolicy, WhereThePromiseLeavesTimeForAColdStartItFallsAsleepSoon) {
  Bench bench;
  bench.lead_time = 2s;
  bench.spec.slo.objectives = {{LatencyKind::queue_wait, Percentile::p99, 5s}};
  bench.play(900, 2, 4);
  EXPECT_EQ(bench.play(60, 0, 0).band.ceiling.value(), 0);
}

TEST(SloPolicy, TheStricterThePromiseTheLongerItStaysAwake) {
  const auto awake = [](Percentile percentile) {
    Bench bench;
    bench.spec.slo.objectives = {{LatencyKind::queue_wait, percentile, 5s}};
    bench.play(900, 2, 4);
    double seconds = 0;
    for (; bench.ready > 0 && seconds < 7200; ++seconds) bench.play(1, 0, 0);
    return seconds;
  };
  EXPECT_LT(awake(Percentile::p90), 60);
  EXPECT_NEAR(awake(Percentile::p99), 600, 150);
  EXPECT_NEAR(awake(Percentile::p999), 3000, 700);
}

TEST(SloPolicy, WhereACrowdComesAtOnceOneStaysAwakeForLonger) {
  const auto stays = [](double crowd) {
    Bench bench;
    Prng random(1);
    Instant at = start - 1000h;
    for (int i = 0; i < 300; ++i)
      observe_arrivals(bench.history.gaps, at += 1min + from_seconds(random.exponential(2400)), crowd);
    bench.history.gaps.last_known = false;
    bench.play(1, 1, 1);
    bench.play(900, 0, 0);
    return bench.ready > 0;
  };
  EXPECT_FALSE(stays(1));
  EXPECT_TRUE(stays(20));
}

TEST(SloPolicy, WithoutAnyArrivalNothingIsWoken) {
  Bench bench;
  bench.ready = 0;
  for (int i = 0; i < 3600; ++i) ASSERT_EQ(bench.step().band.floor.value(), 0) << i;
}

TEST(SloPolicy, StartsAheadOfARegularArrival) {
  Bench bench;
  bench.hold_time = 60s;
  double warm = 0;
  for (int period = 0; period < 20; ++period) {
    bench.play(1, 1, 1);
    bench.play(599, 0, 0);
    if (period >= 10) warm += bench.ready > 0 ? 1 : 0;
  }
  EXPECT_GE(warm, 9);
  bench.play(1, 1, 1);
  bench.play(300, 0, 0);
  EXPECT_EQ(bench.ready, 0);  // yet not in between
}

TEST(SloPolicy, KeepsWhatIsThereWithoutEvidence) {
  Bench bench;
  bench.play(600, 20, 40);
  bench.demand = {.interval = 1s, .quality = Reason::no_data};
  bench.seen.queued = {};
  const Band band = bench.play(600, 0, 0).band;
  EXPECT_LE(band.floor.value(), bench.ready);
  EXPECT_GE(band.ceiling.value(), bench.ready);
  EXPECT_EQ(band.ceiling_reason, Reason::no_data);
}

TEST(SloPolicy, WorksWithInFlightAlone) {
  Bench bench;
  bench.demand.arrivals_known = false;
  const Proposal high = bench.play(900, 0, 64);
  EXPECT_GE(high.band.floor.value(), 8);
  EXPECT_LE(high.band.floor.value(), 12);
  EXPECT_LE(bench.play(1800, 0, 8).band.ceiling.value(), 4);
}

TEST(SloPolicy, WorksWithArrivalsAlone) {
  Bench bench;
  bench.demand.concurrency_known = false;
  const Proposal last = bench.play(900, 20, 0);
  EXPECT_GE(last.band.floor.value(), 5);
  EXPECT_LE(last.band.floor.value(), 9);
}

TEST(SloPolicy, UnknownCapacityIsWhatAReplicaWasSeenToCarry) {
  Bench bench;
  bench.reference = {};
  bench.ready = 2;
  bench.demand.residence = 2;
  const Proposal last = bench.play(900, 24, 48);
  EXPECT_GE(last.band.floor.value(), 2);
  EXPECT_LE(last.band.floor.value(), 4);
}

TEST(SloPolicy, ABreachUnderLoadAddsALittleOncePerLeadTime) {
  Bench bench;
  bench.play(900, 20, 40);
  bench.ready = 10;
  bench.demand.in_flight = 60;
  bench.seen.latency(LatencyKind::queue_wait, Percentile::p99) = Reading::of(9);
  const Band band = bench.step().band;
  EXPECT_EQ(band.floor_reason, Reason::slo_breach_observed);
  EXPECT_EQ(band.floor.value(), 11);
  bench.warming = 1;
  for (int i = 0; i < 300; ++i) EXPECT_LE(bench.step().band.floor.value(), 11);
}

TEST(SloPolicy, WhereMissesAreCountedAQuantileOfFewRequestsIsNoBreach) {
  Bench bench;
  bench.play(900, 20, 40);
  bench.ready = 10;
  bench.demand.in_flight = 60;
  bench.seen.latency(LatencyKind::queue_wait, Percentile::p99) = Reading::of(9);
  bench.seen.within_slo = Reading::of(99);
  bench.seen.missed_slo = Reading::of(1);
  EXPECT_NE(bench.step().band.floor_reason, Reason::slo_breach_observed);
  bench.seen.missed_slo = Reading::of(30);
  EXPECT_EQ(bench.step().band.floor_reason, Reason::slo_breach_observed);
}

TEST(SloPolicy, ABreachWithoutLoadRaisesNothing) {
  Bench bench;
  bench.play(900, 1, 2);
  bench.ready = 10;
  bench.seen.latency(LatencyKind::queue_wait, Percentile::p99) = Reading::of(9);
  EXPECT_LT(bench.step().band.floor.value(), 10);
}

TEST(SloPolicy, AnExpectedPeakBoundsWhatAShortHistoryForetells) {
  Bench plain;
  Bench told;
  told.policy.peak_rate = 6;  // 12 busy slots, 1.5 replicas
  for (Bench* bench : {&plain, &told})
    for (int i = 0; i < 6; ++i) {
      bench->play(30, 2, 4);
      bench->play(10, 20, 10);  // bursts that a short history takes for what is to come
    }
  const double foretold = plain.play(50, 2, 4).band.floor.value();
  const double bounded = told.play(50, 2, 4).band.floor.value();
  EXPECT_GT(foretold, 2.5);
  EXPECT_LE(bounded, 2);
  // It is no limit: a higher load is served.
  EXPECT_GE(told.play(300, 20, 40).band.floor.value(), 4.99);
}

TEST(SloPolicy, AnIdleServiceIsRememberedInEightKibibytes) {
  Bench bench;
  const auto size = [&] {
    ByteWriter writer;
    writer(bench.history, bench.memory);
    return writer.bytes().size();
  };
  bench.play(7200, 20, 40);
  EXPECT_LT(size(), 60U * 1024);
  EXPECT_GT(size(), 30U * 1024);
  bench.play(3700, 0, 0);
  EXPECT_LE(size(), 8U * 1024);
  EXPECT_GE(bench.play(60, 20, 40).band.floor.value(), 5);
}

TEST(SloPolicy, AnArchiveGivesTheSameMemory) {
  Bench bench;
  bench.play(900, 20, 40);
  ByteWriter writer;
  writer(bench.memory);
  SloMemory copy;
  ByteReader reader{writer.bytes()};
  reader(copy);
  EXPECT_FALSE(reader.failed());
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(copy, bench.memory);
}

TEST(SloPolicy, MoreLoadNeverMeansALowerFloor) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Bench bench;
    Prng prng{seed};
    const double rate = 40 * prng.uniform();
    const int steps = static_cast<int>(prng.below(400));
    for (int i = 0; i < steps; ++i) {
      bench.demand.arrivals = static_cast<double>(prng.poisson(rate));
      bench.demand.in_flight = static_cast<double>(prng.poisson(rate * 2));
      bench.demand.queued = static_cast<double>(prng.poisson(rate / 4));
      bench.follow(bench.step().band);
    }
    bench.seen.now += 1s;
    Bench more = bench;
    more.demand.in_flight += static_cast<double>(prng.below(50));
    more.demand.queued += static_cast<double>(prng.below(50));
    const Band less_band = bench.answer().band;
    const Band more_band = more.answer().band;
    RC_ASSERT(less_band.floor <= less_band.ceiling);
    if (more.memory.tuner.leader != bench.memory.tuner.leader) return;  // that moment a bolder or shyer rule took over
    RC_ASSERT(more_band.floor.value() >= less_band.floor.value());
  }));
}

TEST(Candidates, MoreLoadNeverMeansALowerBand) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Prng prng{seed};
    ServiceLoad load{.busy = 100 * prng.uniform(),
                     .variability = 0.5 + 4 * prng.uniform(),
                     .slots = 1 + 20 * prng.uniform(),
                     .residence = 0.1 + 60 * prng.uniform()};
    Forecast at_lead;
    Forecast over_hold;
    double sum = 0;
    for (std::size_t i = 0; i < quantile_points; ++i) {
      at_lead.rate.rates[i] = sum += prng.exponential(1);
      over_hold.rate.rates[i] = sum * 1.5;
    }
    const double times = 1 + prng.uniform();
    ServiceLoad more = load;
    more.busy *= times;
    Forecast more_at_lead = at_lead;
    Forecast more_over_hold = over_hold;
    for (double& rate : more_at_lead.rate.rates) rate *= times;
    for (double& rate : more_over_hold.rate.rates) rate *= times;
    for (const Candidate& candidate : candidates()) {
      const CandidateBand less_band = band_of(candidate, {.load = load, .at_lead = at_lead, .over_hold = over_hold});
      const CandidateBand more_band =
          band_of(candidate, {.load = more, .at_lead = more_at_lead, .over_hold = more_over_hold});
      RC_ASSERT(less_band.floor() <= less_band.ceiling);
      RC_ASSERT(more_band.floor() >= less_band.floor() - 1e-9);
    }
  }));
}

TEST(SloPolicy, ConstantLoadDoesNotFlap) {
  for (const double rate : {2.0, 7.0, 20.0}) {
    Bench bench;
    bench.spec.guardrails.replicas_min = Replicas{1};
    Prng prng{5};
    int changes = 0;
    for (int i = 0; i < 3 * 3600; ++i) {
      bench.demand.arrivals = static_cast<double>(prng.poisson(rate));
      bench.demand.in_flight = static_cast<double>(prng.poisson(rate * 2));
      const double before = bench.ready;
      bench.follow(bench.step().band);
      changes += i > 3600 && bench.ready != before ? 1 : 0;
    }
    EXPECT_LE(changes, 30) << rate;  // in two hours of noise; a start and its end are two
  }
}

double fact(const Proposal& proposal, std::string_view name) {
  for (const Fact& fact : proposal.facts)
    if (fact.name == name) return fact.value;
  return -1;
}

TEST(SloPolicy, RequestsThatTakeLongerThanModelledNeedMore) {
  Bench bench;
  bench.seen.completions = Reading::of(4);
  EXPECT_NEAR(fact(bench.play(900, 4, 8), "busy"), 8, 1);
  bench.demand.in_flight = 16;  // twice as many in service for the same rate
  EXPECT_NEAR(fact(bench.play(900, 4, 16), "busy"), 16, 1);
}

// Requests are slow in a crowd, and that is no news: what is left after it is not held against the quiet of now.
TEST(SloPolicy, ACrowdOfAMinuteAgoTellsNothingOfTheQuietNow) {
  Bench bench;
  bench.reference = {.slots = 256, .residence_base = 1.5, .residence_slope = 0.04, .basis = CapacityBasis::hinted};
  const double full = bench.reference.residence(256);
  const auto play = [&](int steps, double in_flight) {
    bench.demand.in_flight = in_flight;
    bench.demand.arrivals = in_flight / bench.reference.residence(in_flight);
    bench.seen.completions = Reading::of(bench.demand.arrivals);
    Proposal last;
    for (int i = 0; i < steps; ++i) last = bench.step();
    return fact(last, "busy");
  };
  const double crowded = 240 / bench.reference.residence(240) * full;
  EXPECT_NEAR(play(600, 240), crowded, 0.1 * crowded);
  bench.demand.residence = bench.reference.residence(240);  // a mean still tells of the crowd
  const double quiet = 20 / bench.reference.residence(20) * full;
  EXPECT_NEAR(play(60, 20), quiet, 0.2 * quiet);
}

TEST(SloPolicy, WhoMetAStartFromZeroIsNoBreach) {
  Bench bench;
  bench.play(900, 20, 40);
  bench.ready = 0;
  bench.step();
  bench.ready = 10;
  bench.demand.in_flight = 60;
  bench.seen.within_slo = Reading::of(1);
  bench.seen.missed_slo = Reading::of(30);
  for (int second = 0; second < 60; ++second) EXPECT_NE(bench.step().band.floor_reason, Reason::slo_breach_observed);
  EXPECT_EQ(bench.step().band.floor_reason, Reason::slo_breach_observed);
}

}  // namespace
}  // namespace tidegate
