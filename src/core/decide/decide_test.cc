#include "core/decide/decide.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "core/base/archive.h"
#include "core/base/prng.h"

namespace tidegate {
namespace {

Instant at(double s) { return instant_at(s); }

ServiceSpec service(std::int32_t least = 0, std::int32_t most = 20) {
  ServiceSpec spec;
  spec.name = "chat";
  spec.guardrails.replicas_min = Replicas{least};
  spec.guardrails.replicas_max = Replicas{most};
  spec.pools = {PoolSpec{.name = "gpu", .gpus = 1, .startup = 30s, .capacity = {.slots = 8, .service = 2s}}};
  return spec;
}

struct Load {
  double arrivals = 0;
  double in_flight = 0;
  double queued = 0;
  std::int32_t ready = 0;
  std::int32_t warming = 0;
};

Observation seen(double now, const Load& load) {
  Observation observation{.now = at(now), .service = "chat"};
  observation.arrivals = Reading::of(load.arrivals);
  observation.completions = Reading::of(load.arrivals);
  observation.in_flight = Reading::of(load.in_flight);
  observation.queued = Reading::of(load.queued);
  observation.pools = {PoolObservation{.pool = "gpu", .loading = load.warming, .ready = load.ready}};
  return observation;
}

TEST(Decide, every_stage_leaves_its_line) {
  const auto step = decide(service(), {}, seen(1, {.in_flight = 4, .ready = 1}));
  std::vector<Stage> stages;
  for (const auto& line : step.decision.stages) stages.push_back(line.stage);
  EXPECT_EQ(stages, (std::vector{Stage::observe, Stage::forecast, Stage::size, Stage::band, Stage::mix, Stage::budget,
                                 Stage::guard}));
}

TEST(Decide, time_that_does_not_advance_changes_nothing) {
  auto first = decide(service(), {}, seen(10, {.in_flight = 4, .ready = 1}));
  const auto before = first.next;
  const auto again = decide(service(), std::move(first.next), seen(10, {.in_flight = 400, .ready = 1}));
  EXPECT_EQ(again.next, before);
  EXPECT_EQ(again.decision.verdict, Verdict::hold);
  EXPECT_EQ(again.decision.total(), Replicas{1});
  const auto earlier = decide(service(), before, seen(5, {.in_flight = 400, .ready = 1}));
  EXPECT_EQ(earlier.next, before);
}

TEST(Decide, state_comes_back_from_its_bytes) {
  ServiceState state;
  for (int i = 1; i <= 100; ++i)
    state = decide(service(), std::move(state), seen(i, {.arrivals = 3, .in_flight = 6, .ready = 2})).next;
  const auto bytes = state_bytes(state);
  const auto back = state_from_bytes(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, state);
  EXPECT_FALSE(state_from_bytes(std::span{bytes}.first(bytes.size() - 1)));
  auto other = bytes;
  other[0] = std::byte{0xff};
  EXPECT_FALSE(state_from_bytes(other));
  const auto learned = state_from_learned(learned_bytes(state));
  ASSERT_TRUE(learned);
  EXPECT_EQ(learned->pools, state.pools);
  EXPECT_FALSE(learned->started);
}

TEST(Decide, a_changed_list_of_policies_starts_anew_without_harm) {
  auto spec = service();
  auto step = decide(spec, {}, seen(1, {.in_flight = 16, .ready = 2}));
  spec.policies = {TargetPolicy{.target = 8}, StaticPolicy{.replicas = Replicas{5}}};
  step = decide(spec, std::move(step.next), seen(2, {.in_flight = 16, .ready = 2}));
  EXPECT_EQ(step.decision.total(), Replicas{5});
}

// Capacity is not learned while none is ready or one drains, but what waits meanwhile ends late all the same.
TEST(Decide, a_queue_ends_the_quiet_though_nothing_else_is_learned) {
  ServiceState calm;
  for (int i = 1; i <= 100; ++i)
    calm = decide(service(), std::move(calm), seen(i, {.arrivals = 3, .in_flight = 6, .ready = 2})).next;
  ASSERT_GT(calm.pools.at("gpu").capacity.quiet, 60);
  auto draining = seen(101, {.arrivals = 3, .in_flight = 6, .queued = 9, .ready = 2});
  draining.pools.front().draining = 1;
  for (const auto& waiting : {draining, seen(101, {.arrivals = 3, .queued = 9, .warming = 1})})
    EXPECT_EQ(decide(service(), calm, waiting).next.pools.at("gpu").capacity.quiet, 0);
}

TEST(Decide, derived_arrivals_say_so) {
  auto spec = service();
  auto first = seen(1, {.in_flight = 4, .ready = 1});
  first.arrivals = {};
  auto second = seen(2, {.arrivals = 3, .in_flight = 6, .ready = 1});
  second.arrivals = {};
  auto step = decide(spec, {}, first);
  step = decide(spec, std::move(step.next), second);
  EXPECT_EQ(step.decision.stages.front().note, "derived");
  // 3 completed and two more are inside: five came.
  EXPECT_EQ(step.decision.stages.front().facts.front(), (Fact{"arrivals", 5}));
}

TEST(DecideFleet, equals_decide_of_each_when_the_budget_does_not_bind) {
  FleetSpec fleet;
  fleet.services = {service(), service(2)};
  fleet.services[1].name = "code";
  auto second = seen(1, {.in_flight = 30, .ready = 2});
  second.service = "code";
  const auto step = decide_fleet(fleet, {}, {at(1), {seen(1, {.in_flight = 9, .ready = 1}), second}});
  EXPECT_EQ(step.decisions[0], decide(fleet.services[0], {}, seen(1, {.in_flight = 9, .ready = 1})).decision);
  EXPECT_EQ(step.decisions[1], decide(fleet.services[1], {}, second).decision);
}

TEST(DecideFleet, a_shared_budget_takes_back_what_was_to_be_added) {
  FleetSpec fleet;
  fleet.services = {service(1), service(1)};
  fleet.services[1].name = "code";
  fleet.budget.gpus_max = 6;
  auto second = seen(1, {.in_flight = 64, .queued = 20, .ready = 1});
  second.service = "code";
  const auto step = decide_fleet(fleet, {}, {at(1), {seen(1, {.in_flight = 64, .queued = 20, .ready = 1}), second}});
  EXPECT_EQ((step.decisions[0].total() + step.decisions[1].total()), Replicas{6});
  for (const auto& decision : step.decisions) {
    EXPECT_GE(decision.total(), Replicas{1});
    EXPECT_EQ(decision.stages[5].reason, Reason::budget_cap);
  }
}

// Three tenths and seven tenths are one GPU, although in binary they add up to a little more.
TEST(DecideFleet, shares_of_a_gpu_count_as_parts_in_the_budget) {
  FleetSpec fleet;
  fleet.services = {service(3), service(1)};
  fleet.services[1].name = "code";
  for (auto& each : fleet.services) {
    each.guardrails.replicas_max = Replicas{each.name == "code" ? 20 : 3};
    each.pools[0].gpus = 0;
    each.pools[0].gpu_share = 0.1;
  }
  fleet.budget.gpus_max = 1;
  auto second = seen(1, {.in_flight = 64, .queued = 200, .ready = 1});
  second.service = "code";
  const auto step = decide_fleet(fleet, {}, {at(1), {seen(1, {.in_flight = 9, .ready = 3}), second}});
  EXPECT_EQ(step.decisions[0].total(), Replicas{3});
  EXPECT_EQ(step.decisions[1].total(), Replicas{7});
  EXPECT_EQ(step.decisions[1].stages[5].reason, Reason::budget_cap);
}

TEST(DecideFleet, the_budget_lowers_nothing) {
  FleetSpec fleet;
  fleet.services = {service(1)};
  fleet.budget.gpus_max = 2;
  const auto step = decide_fleet(fleet, {}, {at(1), {seen(1, {.in_flight = 32, .ready = 4})}});
  EXPECT_EQ(step.decisions[0].total(), Replicas{4});
}

TEST(Decide, a_target_that_cannot_be_seen_holds_and_leaves_the_guards_as_they_were) {
  auto spec = service(1);
  spec.guardrails.step_up = Replicas{2};
  auto step = decide(spec, {}, seen(1, {.in_flight = 40, .ready = 10}));
  const auto guard = step.next.guard;
  auto unseen = seen(2, {.in_flight = 40, .ready = 0});
  unseen.unseen = true;
  step = decide(spec, std::move(step.next), unseen);
  EXPECT_EQ(step.decision.verdict, Verdict::hold);
  EXPECT_EQ(step.decision.reason, Reason::target_error);
  EXPECT_EQ(step.decision.total(), Replicas{0});
  EXPECT_EQ(step.next.guard, guard);
}

// A random life of a service: whatever is seen, the promises of the guards hold.
struct Life {
  ServiceSpec spec;
  std::vector<Observation> observations;
};

Life random_life(std::uint64_t seed, int length) {
  Prng random(seed);
  Life life{.spec =
                service(static_cast<std::int32_t>(random.below(3)), 3 + static_cast<std::int32_t>(random.below(20)))};
  if (random.below(3) == 0) life.spec.policies = {TargetPolicy{.target = 4, .hold_down = 20s}};
  if (random.below(4) == 0) life.spec.policies.push_back(HpaPolicy{});
  double now = 0;
  for (int i = 0; i < length; ++i) {
    now += random.uniform() < 0.05 ? 300 : 1 + 9 * random.uniform();
    Load load{.arrivals = static_cast<double>(random.poisson(20)),
              .in_flight = static_cast<double>(random.below(60)),
              .queued = random.below(3) == 0 ? static_cast<double>(random.below(400)) : 0,
              .ready = static_cast<std::int32_t>(random.below(25)),
              .warming = static_cast<std::int32_t>(random.below(4) == 0 ? random.below(5) : 0)};
    auto observation = seen(now, load);
    for (Reading* reading :
         {&observation.arrivals, &observation.completions, &observation.in_flight, &observation.queued})
      if (random.below(6) == 0) reading->quality = static_cast<Quality>(random.below(5));
    if (random.below(10) == 0) observation.in_flight.coverage = {2, 3};
    if (random.below(15) == 0) observation.pools[0].available = static_cast<std::int32_t>(random.below(3));
    if (random.below(20) == 0) observation.pools[0].failed = 2;
    if (random.below(25) == 0) observation.rollout = true;
    if (random.below(25) == 0) observation.pause = Pause{.expires = at(now + 5)};
    if (random.below(40) == 0) observation.restarted = true;
    if (random.below(40) == 0) observation.unseen = true;
    life.observations.push_back(std::move(observation));
  }
  return life;
}

TEST(DecideProperty, limits_hold_and_nothing_lowers_blindly) {
  rc::check([](std::uint64_t seed) {
    const auto life = random_life(seed, 120);
    ServiceState state;
    for (const auto& observation : life.observations) {
      const auto present = observation.pools[0].committed();
      auto step = decide(life.spec, std::move(state), observation);
      const auto total = step.decision.total();
      const bool paused = observation.pause.has_value();
      if (paused || observation.unseen) {
        RC_ASSERT(total == present);
      } else {
        RC_ASSERT(total <= life.spec.guardrails.replicas_max);
        const bool can_grow = !observation.pools[0].available && state.starts.empty();
        if (can_grow) RC_ASSERT(total >= std::min(present, life.spec.guardrails.replicas_min));
      }
      const bool is_blind =
          !observation.arrivals.is_fresh() && !observation.in_flight.is_fresh() && !observation.completions.is_fresh();
      if (is_blind) RC_ASSERT(total >= std::min(present, life.spec.guardrails.replicas_max));
      if (observation.rollout || observation.restarted)
        RC_ASSERT(total >= std::min(present, life.spec.guardrails.replicas_max));
      RC_ASSERT(step.decision.band.floor <= step.decision.band.ceiling);
      state = std::move(step.next);
    }
  });
}

TEST(DecideProperty, the_same_life_gives_the_same_bytes) {
  rc::check([](std::uint64_t seed) {
    const auto life = random_life(seed, 30);
    ServiceState one, two;
    for (const auto& observation : life.observations) {
      auto first = decide(life.spec, std::move(one), observation);
      // The second lives through its archive at every step.
      auto restored = state_from_bytes(state_bytes(two));
      RC_ASSERT(restored.has_value());
      auto second = decide(life.spec, std::move(*restored), observation);
      RC_ASSERT(first.decision == second.decision);
      one = std::move(first.next);
      two = std::move(second.next);
    }
    RC_ASSERT(state_bytes(one) == state_bytes(two));
  });
}

}  // namespace
}  // namespace tidegate
