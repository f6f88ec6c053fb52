#include "core/decide/what_if.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/decide/decide.h"

namespace tidegate {
namespace {

ServiceSpec service() {
  ServiceSpec spec;
  spec.name = "chat";
  spec.guardrails.replicas_min = Replicas{1};
  spec.guardrails.replicas_max = Replicas{6};
  spec.policies = {TargetPolicy{.target = 8, .hold_down = 30s}};
  spec.pools = {PoolSpec{.name = "gpu", .startup = 20s}};
  return spec;
}

Observation seen(double now, double in_flight, std::int32_t ready) {
  Observation observation{.now = instant_at(now), .service = "chat"};
  observation.in_flight = Reading::of(in_flight);
  observation.pools = {PoolObservation{.pool = "gpu", .ready = ready}};
  return observation;
}

ServiceState settled(const ServiceSpec& spec, double in_flight, std::int32_t ready) {
  ServiceState state;
  for (int i = 1; i <= 120; ++i) state = decide(spec, std::move(state), seen(i, in_flight, ready)).next;
  return state;
}

const Counterfactual* find(const WhatIf& answers, std::string_view part) {
  const auto found = std::ranges::find_if(answers.changes, [&](const auto& one) { return one.change.contains(part); });
  return found == answers.changes.end() ? nullptr : &*found;
}

TEST(WhatIf, names_the_load_that_would_raise) {
  const auto spec = service();
  const auto answers = what_if(spec, settled(spec, 16, 2), seen(120, 16, 2), 1s, Replicas{4});
  EXPECT_EQ(answers.present, Replicas{2});
  const auto* load = find(answers, "the load at");
  ASSERT_NE(load, nullptr);
  // More than 24 in flight need the fourth replica: half as much again.
  EXPECT_TRUE(load->change.starts_with("the load at 1.5 times")) << load->change;
  EXPECT_TRUE(load->reaches);
  EXPECT_NE(find(answers, "replicas.min 4 instead of 1"), nullptr);
  EXPECT_NE(find(answers, "an override to 4"), nullptr);
}

TEST(WhatIf, a_maximum_names_itself_and_its_cure) {
  const auto spec = service();
  const auto answers = what_if(spec, settled(spec, 64, 6), seen(120, 64, 6), 1s, Replicas{8});
  EXPECT_EQ(answers.blocked_by, Reason::at_max);
  const auto* most = find(answers, "replicas.max 8 instead of 6");
  ASSERT_NE(most, nullptr);
  EXPECT_EQ(most->then, Replicas{8});
}

TEST(WhatIf, a_hold_says_how_long_it_lasts) {
  const auto spec = service();
  auto state = settled(spec, 32, 4);
  state = decide(spec, std::move(state), seen(121, 8, 4)).next;
  const auto answers = what_if(spec, state, seen(121, 8, 4), 1s, Replicas{1});
  const auto* wait = find(answers, "the present load for another 30s");
  ASSERT_NE(wait, nullptr) << answers.changes.size();
  EXPECT_EQ(wait->then, Replicas{1});
}

TEST(WhatIf, a_pause_is_found) {
  const auto spec = service();
  auto present = seen(120, 32, 2);
  present.pause = Pause{};
  const auto answers = what_if(spec, settled(spec, 16, 2), present, 1s, Replicas{4});
  EXPECT_EQ(answers.blocked_by, Reason::paused);
  ASSERT_NE(find(answers, "no pause"), nullptr);
}

TEST(WhatIf, the_present_size_needs_no_change) {
  const auto spec = service();
  const auto answers = what_if(spec, settled(spec, 16, 2), seen(120, 16, 2), 1s, Replicas{2});
  ASSERT_EQ(answers.changes.size(), 1u);
  EXPECT_EQ(answers.changes[0].change, "nothing has to change");
}

}  // namespace
}  // namespace tidegate
