// The bounds against every schedule there is, on cases small enough to try them all.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/base/prng.h"
#include "lab/bounds/clairvoyant.h"
#include "lab/bounds/online_bounds.h"

namespace tidegate {
namespace {

constexpr std::int32_t most = 3;
constexpr double rounding = 1e-6;

struct Case {
  NeedSeries needs{.step = 1s, .load = {}};
  BoundTerms terms;
};

Case drawn_case(std::uint32_t seed, std::size_t steps) {
  Prng random{seed};
  Case one;
  one.terms = {.boot = std::chrono::seconds{random.below(5)},
               .replicas_initial = static_cast<std::int32_t>(random.below(most + 1)),
               .replicas_max = most};
  if (random.below(3) == 0) one.terms.replicas_min = 1;
  if (random.below(3) == 0) one.terms.scored_from = random.below(steps);
  const bool whole = random.below(2) == 0;
  for (std::size_t i = 0; i < steps; ++i) {
    const double load = random.below(3) == 0 ? 0 : random.uniform() * most;
    one.needs.load.push_back(static_cast<float>(whole ? std::floor(load) : load));
  }
  return one;
}

void for_every_schedule(const Case& one, const std::function<void(const ReplicaSchedule&)>& visit) {
  ReplicaSchedule schedule(one.needs.load.size(), one.terms.replicas_min);
  for (;;) {
    visit(schedule);
    std::size_t i = 0;
    while (i < schedule.size() && schedule[i] == most) schedule[i++] = one.terms.replicas_min;
    if (i == schedule.size()) return;
    ++schedule[i];
  }
}

double total(const Case& one, const ReplicaSchedule& schedule, double price) {
  BoundTerms all = one.terms;
  all.scored_from = 0;
  double work = 0;
  for (const float load : one.needs.load) work += load;
  return replica_hours(schedule, one.needs, all) * 3600 + price * unserved_share(schedule, one.needs, all) * work;
}

TEST(BoundsProperty, TheProgrammeFindsTheCheapestOfAllSchedules) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    const Case one = drawn_case(seed, 6);
    const double price = 1 + Prng{seed}.split(1).uniform() * 8;
    double cheapest = std::numeric_limits<double>::infinity();
    for_every_schedule(one, [&](const auto& each) { cheapest = std::min(cheapest, total(one, each, price)); });
    const auto found = cheapest_schedule(one.needs, one.terms, {price});
    for (const auto replicas : found) RC_ASSERT(replicas >= one.terms.replicas_min && replicas <= most);
    RC_ASSERT(std::abs(total(one, found, price) - cheapest) < rounding);
  }));
}

TEST(BoundsProperty, NoScheduleThatServesAsMuchCostsLessThanTheClairvoyant) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Case one = drawn_case(seed, 5);
    one.terms.scored_from = 0;
    const double allowed = Prng{seed}.split(2).uniform() * 0.3;
    const auto found = clairvoyant(one.needs, one.terms, allowed);
    RC_ASSERT(found.unserved <= allowed + rounding);
    RC_ASSERT(std::abs(found.hours - replica_hours(found.schedule, one.needs, one.terms)) < rounding);
    RC_ASSERT(found.hours_least <= found.hours + rounding);
    for_every_schedule(one, [&](const auto& each) {
      if (unserved_share(each, one.needs, one.terms) > allowed) return;
      RC_ASSERT(replica_hours(each, one.needs, one.terms) >= found.hours_least - rounding);
      // Whoever is cheaper than the schedule found serves less than it.
      if (replica_hours(each, one.needs, one.terms) < found.hours - rounding)
        RC_ASSERT(unserved_share(each, one.needs, one.terms) > found.unserved - rounding);
    });
  }));
}

TEST(BoundsProperty, TheCoverServesEverythingAndIsTheCheapestToDoSo) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    const Case one = drawn_case(seed, 6);
    BoundTerms all = one.terms;
    all.scored_from = 0;
    const auto found = cheapest_cover(one.needs, one.terms);
    RC_ASSERT(unserved_share(found, one.needs, all) < 1e-3);
    double cheapest = std::numeric_limits<double>::infinity();
    for_every_schedule(one, [&](const auto& each) {
      for (std::size_t i = 0; i < each.size(); ++i)
        if (static_cast<float>(each[i]) < one.needs.load[i] - 1e-4F) return;
      cheapest = std::min(cheapest, replica_hours(each, one.needs, all));
    });
    RC_ASSERT(std::abs(replica_hours(found, one.needs, all) - cheapest) < rounding);
  }));
}

TEST(BoundsProperty, LazyCapacityCostsAtMostThreeTimesTheOptimum) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Case one = drawn_case(seed, 40);
    one.terms.replicas_initial = one.terms.replicas_min = 0;
    const double price = 1 + Prng{seed}.split(3).uniform() * 8;
    const double lazy = total(one, lazy_capacity(one.needs, one.terms, {price}), price);
    const double best = total(one, cheapest_schedule(one.needs, one.terms, {price}), price);
    RC_ASSERT(lazy >= best - rounding);
    RC_ASSERT(lazy <= 3 * best + rounding);
  }));
}

TEST(BoundsProperty, LazyCapacityMeetsTheShareAllowed) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    const Case one = drawn_case(seed, 60);
    RC_ASSERT(lazy_capacity_within(one.needs, one.terms, 0.05).unserved <= 0.05);
  }));
}

// One replica, used in the first and last step of each gap.
TEST(BoundsProperty, SkiRentalCostsAtMostTwiceTheOptimumInEveryGap) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Prng random{seed};
    const auto gap = static_cast<std::size_t>(random.below(30));
    const BoundTerms terms{.boot = std::chrono::seconds{random.below(12)}, .replicas_initial = 1};
    NeedSeries needs{.step = 1s, .load = std::vector<float>(gap + 2, 0)};
    needs.load.front() = needs.load.back() = 1;
    const double busy = 2.0 / 3600;
    const double rented = replica_hours(ski_rental(needs, terms), needs, terms) - busy;
    const double best = replica_hours(cheapest_cover(needs, terms), needs, terms) - busy;
    RC_ASSERT(rented <= 2 * best + rounding);
  }));
}

TEST(BoundsProperty, SkiRentalServesEverythingWithinTwiceTheOptimum) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Case one = drawn_case(seed, 60);
    one.terms.scored_from = 0;
    one.terms.replicas_initial = 0;
    const auto rented = ski_rental(one.needs, one.terms);
    RC_ASSERT(unserved_share(rented, one.needs, one.terms) < 1e-3);
    const double best = replica_hours(cheapest_cover(one.needs, one.terms), one.needs, one.terms);
    RC_ASSERT(replica_hours(rented, one.needs, one.terms) <= 2 * best + rounding);
  }));
}

TEST(Clairvoyant, WorkedExample) {
  const NeedSeries needs{.step = 1s, .load = {1, 0, 0, 0, 1}};
  const BoundTerms terms{.boot = 2s, .replicas_initial = 1};
  EXPECT_EQ(cheapest_cover(needs, terms), (ReplicaSchedule{1, 0, 0, 0, 1}));
  const BoundTerms longer{.boot = 4s, .replicas_initial = 1};
  EXPECT_EQ(cheapest_cover(needs, longer), (ReplicaSchedule{1, 1, 1, 1, 1}));
}

TEST(Clairvoyant, AWeekTakesTheShareAllowedAndLosesLittleToTheSearch) {
  Prng random{9};
  NeedSeries needs{.step = 10s, .load = {}};
  for (int i = 0; i < 7 * 8640; ++i)
    needs.load.push_back(
        static_cast<float>(std::max(0.0, 10 + 8 * std::sin(i / 8640.0 * 6.283) + random.normal() * 1.5)));
  const BoundTerms terms{.boot = 60s, .scored_from = 8640};
  double before = std::numeric_limits<double>::infinity();
  for (const double allowed : {0.0, 0.001, 0.01, 0.05}) {
    const auto found = clairvoyant(needs, terms, allowed);
    EXPECT_LE(found.unserved, allowed);
    EXPECT_GE(found.unserved, allowed * 0.98);
    EXPECT_LT(found.hours, before);
    EXPECT_LE(found.hours, found.hours_least * 1.002 + rounding);
    before = found.hours;
  }
}

}  // namespace
}  // namespace tidegate
