#include "lab/sim/engine.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "core/base/prng.h"

namespace tidegate {
namespace {

using Kind = EngineEvent::Kind;

EngineProfile round_figures() {
  return {.name = "round",
          .alpha_ms = 10,
          .beta_ms = 0.1,
          .gamma_ms = 0.001,
          .kv_tokens = 16'000,
          .block_tokens = 16,
          .running_max = 8,
          .step_tokens_max = 256};
}

// What the events say of each request.
struct Course {
  int begun = 0, first = 0, last = 0, tokens = 0;
};

void note(const std::vector<EngineEvent>& events, std::map<EngineRequestId, Course>& courses) {
  for (const EngineEvent& event : events) {
    Course& course = courses[event.request];
    course.begun += event.kind == Kind::begun;
    course.first += event.is_first;
    course.last += event.is_last;
    course.tokens += event.kind == Kind::token;
  }
}

TEST(engine, an_idle_engine_does_nothing) {
  Engine engine(round_figures());
  std::vector<EngineEvent> events;
  EXPECT_TRUE(engine.is_idle());
  EXPECT_EQ(engine.step(events), Duration::zero());
  EXPECT_EQ(engine.leap(1h, events), Duration::zero());
  EXPECT_TRUE(events.empty());
}

TEST(engine, the_worked_example) {
  Engine engine(round_figures());
  ASSERT_EQ(engine.add({.id = 7, .input_tokens = 100, .output_tokens = 3}), EngineAnswer::queued);
  std::vector<EngineEvent> events;
  EXPECT_EQ(engine.step(events), 20'100us);  // 10 + 0.1 * 100 + 0.001 * 100
  EXPECT_EQ(events, (std::vector<EngineEvent>{{.request = 7, .kind = Kind::begun}, {.request = 7, .is_first = true}}));
  EXPECT_EQ(engine.load().kv_tokens_used, 112);  // 7 blocks
  events.clear();
  EXPECT_EQ(engine.step(events), 10'201us);
  EXPECT_EQ(events, (std::vector<EngineEvent>{{.request = 7}}));
  events.clear();
  EXPECT_EQ(engine.step(events), 10'202us);
  EXPECT_EQ(events, (std::vector<EngineEvent>{{.request = 7, .is_last = true}}));
  EXPECT_TRUE(engine.is_idle());
  EXPECT_EQ(engine.load().kv_tokens_used, 0);
}

TEST(engine, a_long_prompt_is_prefilled_in_chunks_beside_decodes) {
  Engine engine(round_figures());
  std::vector<EngineEvent> events;
  ASSERT_EQ(engine.add({.id = 1, .input_tokens = 10, .output_tokens = 50}), EngineAnswer::queued);
  (void)engine.step(events);
  ASSERT_EQ(engine.add({.id = 2, .input_tokens = 300, .output_tokens = 1}), EngineAnswer::queued);
  events.clear();
  // The decode takes one token of the budget of 256, the prompt the other 255: 10 + 25.6 + 0.001 * (11 + 255).
  EXPECT_EQ(engine.step(events), 35'866us);
  EXPECT_EQ(events, (std::vector<EngineEvent>{{.request = 2, .kind = Kind::begun}, {.request = 1}}));
  events.clear();
  // 45 tokens are left; they read all 300: 10 + 0.1 * 46 + 0.001 * (12 + 300).
  EXPECT_EQ(engine.step(events), 14'912us);
  EXPECT_EQ(events, (std::vector<EngineEvent>{{.request = 1}, {.request = 2, .is_first = true, .is_last = true}}));
}

TEST(engine, cached_tokens_need_room_but_no_computing) {
  Engine engine(round_figures());
  std::vector<EngineEvent> events;
  ASSERT_EQ(engine.add({.id = 1, .input_tokens = 160, .output_tokens = 2, .cached_tokens = 144}), EngineAnswer::queued);
  EXPECT_EQ(engine.step(events), 11'760us);  // 10 + 0.1 * 16 + 0.001 * 160
  EXPECT_EQ(engine.load().kv_tokens_used, 160);
  ASSERT_EQ(engine.add({.id = 2, .input_tokens = 160, .output_tokens = 1, .cached_tokens = 500}), EngineAnswer::queued);
  // One token is always computed: 10 + 0.1 * (1 + 1) + 0.001 * (161 + 160).
  EXPECT_EQ(engine.step(events), 10'521us);
}

TEST(engine, no_more_than_running_max_run_and_the_rest_wait_in_order) {
  Engine engine(round_figures());
  std::vector<EngineEvent> events;
  for (EngineRequestId id = 0; id < 10; ++id)
    ASSERT_EQ(engine.add({.id = id, .input_tokens = 1, .output_tokens = 2}), EngineAnswer::queued);
  (void)engine.step(events);
  EXPECT_EQ(engine.load().running, 8);
  EXPECT_EQ(engine.load().waiting, 2);
  (void)engine.step(events);  // the eight end
  events.clear();
  (void)engine.step(events);
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].request, 8U);
  EXPECT_EQ(events[1].request, 9U);
}

TEST(engine, refuses_what_can_never_fit_and_a_full_line) {
  auto profile = round_figures();
  profile.kv_tokens = 160;
  profile.waiting_max = 2;
  Engine engine(profile);
  EXPECT_EQ(engine.add({.id = 1, .input_tokens = 150, .output_tokens = 12}), EngineAnswer::too_long);  // 161
  EXPECT_EQ(engine.add({.id = 1, .input_tokens = 0, .output_tokens = 1}), EngineAnswer::too_long);
  EXPECT_EQ(engine.add({.id = 1, .input_tokens = 1, .output_tokens = 0}), EngineAnswer::too_long);
  EXPECT_EQ(engine.add({.id = 1, .input_tokens = INT32_MAX, .output_tokens = INT32_MAX}), EngineAnswer::too_long);
  EXPECT_EQ(engine.add({.id = 1, .input_tokens = 150, .output_tokens = 11}), EngineAnswer::queued);
  EXPECT_EQ(engine.add({.id = 2}), EngineAnswer::queued);
  EXPECT_EQ(engine.add({.id = 3}), EngineAnswer::line_full);
}

TEST(engine, the_youngest_is_preempted_when_the_cache_is_full_and_recomputed) {
  auto profile = round_figures();
  profile.kv_tokens = 64;  // four blocks
  Engine engine(profile);
  std::vector<EngineEvent> events;
  std::map<EngineRequestId, Course> courses;
  for (const EngineRequestId id : {1U, 2U})
    ASSERT_EQ(engine.add({.id = id, .input_tokens = 30, .output_tokens = 20}), EngineAnswer::queued);
  // Both prompts take two blocks each. The first tokens and two more fit, then the third block of each is due.
  for (int i = 0; i < 3; ++i) (void)engine.step(events);
  EXPECT_EQ(engine.load().preemptions, 0U);
  EXPECT_EQ(engine.load().kv_usage, 1.0);
  (void)engine.step(events);
  EXPECT_EQ(engine.load().preemptions, 1U);
  EXPECT_EQ(engine.load().running, 1);
  EXPECT_EQ(engine.load().waiting, 1);
  while (!engine.is_idle()) (void)engine.step(events);
  note(events, courses);
  for (const EngineRequestId id : {1U, 2U}) {
    EXPECT_EQ(courses[id].begun, 1);
    EXPECT_EQ(courses[id].first, 1);
    EXPECT_EQ(courses[id].last, 1);
    EXPECT_EQ(courses[id].tokens, 20);
  }
  EXPECT_EQ(events.back().request, 2U);
}

TEST(engine, a_cancelled_request_yields_nothing_more_and_frees_its_blocks) {
  Engine engine(round_figures());
  std::vector<EngineEvent> events;
  // One that decodes, one amid its prompt, one that waits behind running_max.
  ASSERT_EQ(engine.add({.id = 1, .input_tokens = 20, .output_tokens = 50}), EngineAnswer::queued);
  (void)engine.step(events);
  ASSERT_EQ(engine.add({.id = 2, .input_tokens = 400, .output_tokens = 50}), EngineAnswer::queued);
  (void)engine.step(events);
  ASSERT_EQ(engine.add({.id = 3, .input_tokens = 20, .output_tokens = 50}), EngineAnswer::queued);
  engine.cancel(99);
  engine.cancel(2);
  EXPECT_EQ(engine.load().kv_tokens_used, 32);
  engine.cancel(3);
  engine.cancel(1);
  EXPECT_TRUE(engine.is_idle());
  EXPECT_EQ(engine.load().kv_tokens_used, 0);
  events.clear();
  EXPECT_EQ(engine.step(events), Duration::zero());
  EXPECT_TRUE(events.empty());
}

TEST(engine, a_leap_is_the_sum_of_its_steps) {
  Engine stepped(round_figures()), leaping(round_figures());
  for (Engine* engine : {&stepped, &leaping})
    for (EngineRequestId id = 0; id < 20; ++id)
      ASSERT_EQ(engine->add({.id = id,
                             .input_tokens = 50 + 13 * static_cast<std::int32_t>(id),
                             .output_tokens = 1 + 7 * static_cast<std::int32_t>(id)}),
                EngineAnswer::queued);
  std::vector<EngineEvent> every, milestones;
  Duration by_steps{}, by_leaps{};
  while (!stepped.is_idle()) by_steps += stepped.step(every);
  while (!leaping.is_idle()) by_leaps += leaping.leap(1h, milestones);
  EXPECT_EQ(by_steps, by_leaps);
  std::erase_if(every, [](const EngineEvent& e) { return e.kind == Kind::token && !e.is_first && !e.is_last; });
  EXPECT_EQ(every, milestones);
}

TEST(engine, a_leap_stops_at_its_limit) {
  Engine engine(round_figures());
  std::vector<EngineEvent> events;
  ASSERT_EQ(engine.add({.id = 1, .input_tokens = 1, .output_tokens = 1000}), EngineAnswer::queued);
  (void)engine.leap(1h, events);
  events.clear();
  const Duration passed = engine.leap(100ms, events);
  EXPECT_GE(passed, 100ms);
  EXPECT_LT(passed, 111ms);
  EXPECT_TRUE(events.empty());
}

// In a small cache, where decoders run out of blocks amid a leap, and with limits that end leaps early.
TEST(engine, leaps_of_any_length_are_the_sum_of_their_steps) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Prng random(seed);
    EngineProfile profile = round_figures();
    profile.kv_tokens = 600 + static_cast<std::int64_t>(random.below(2000));
    profile.block_tokens = 1 + static_cast<std::int32_t>(random.below(20));
    profile.running_max = 2 + static_cast<std::int32_t>(random.below(12));
    Engine stepped(profile), leaping(profile);
    for (EngineRequestId id = 0; id < 30; ++id) {
      const EngineRequest request{.id = id,
                                  .input_tokens = 1 + static_cast<std::int32_t>(random.below(200)),
                                  .output_tokens = 1 + static_cast<std::int32_t>(random.below(200))};
      ASSERT_EQ(stepped.add(request), EngineAnswer::queued);
      ASSERT_EQ(leaping.add(request), EngineAnswer::queued);
    }
    std::vector<EngineEvent> every, milestones;
    Duration by_steps{}, by_leaps{};
    while (!stepped.is_idle()) by_steps += stepped.step(every);
    while (!leaping.is_idle()) {
      const Duration limit = random.below(2) == 0 ? Duration{1h} : Duration{1 + random.below(3'000'000'000)};
      const Duration promised = leaping.cruise();
      const Duration passed = leaping.leap(limit, milestones);
      if (promised > Duration::zero() && promised < limit) {
        ASSERT_GE(passed, promised);
      }
      by_leaps += passed;
    }
    EXPECT_EQ(by_steps, by_leaps) << seed;
    EXPECT_EQ(stepped.load().preemptions, leaping.load().preemptions);
    EXPECT_EQ(stepped.load().steps, leaping.load().steps);
    std::erase_if(every, [](const EngineEvent& e) { return e.kind == Kind::token && !e.is_first && !e.is_last; });
    EXPECT_EQ(every, milestones) << seed;
  }
}

// Random lives: arrivals, cancellations, a cache so small that preemption is the rule.
struct Life {
  std::vector<EngineEvent> events;
  std::map<EngineRequestId, EngineRequest> accepted;
  std::map<EngineRequestId, bool> cancelled;
  Duration passed{};
  std::uint64_t preemptions = 0;
};

Life live(std::uint64_t seed) {
  Prng random(seed);
  EngineProfile profile = round_figures();
  profile.kv_tokens = 320 + static_cast<std::int64_t>(random.below(640));
  profile.block_tokens = 1 + static_cast<std::int32_t>(random.below(24));
  profile.running_max = 1 + static_cast<std::int32_t>(random.below(40));
  profile.step_tokens_max = 1 + static_cast<std::int32_t>(random.below(200));
  profile.waiting_max = 30;
  Engine engine(profile);
  Life life;
  EngineRequestId next = 0;
  for (int round = 0; round < 1500 || !engine.is_idle(); ++round) {
    if (round > 200'000) break;  // nobody got on
    if (round < 1500 && random.below(6) == 0) {
      const EngineRequest request{.id = next,
                                  .input_tokens = 1 + static_cast<std::int32_t>(random.below(200)),
                                  .output_tokens = 1 + static_cast<std::int32_t>(random.below(120)),
                                  .cached_tokens = static_cast<std::int32_t>(random.below(50))};
      if (engine.add(request) == EngineAnswer::queued) life.accepted[next] = request;
      ++next;
    }
    if (next > 0 && random.below(40) == 0) {
      const EngineRequestId id = random.below(next);
      engine.cancel(id);
      life.cancelled[id] = true;
    }
    life.passed += engine.step(life.events);
    const EngineLoad load = engine.load();
    EXPECT_LE(load.kv_tokens_used, profile.kv_tokens);
    EXPECT_GE(load.kv_tokens_used, 0);
    EXPECT_LE(load.running, profile.running_max);
  }
  EXPECT_TRUE(engine.is_idle());
  EXPECT_EQ(engine.load().kv_tokens_used, 0);
  life.preemptions = engine.load().preemptions;
  return life;
}

TEST(engine_property, whoever_is_accepted_gets_every_token_once_or_was_cancelled) {
  std::uint64_t preemptions = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Life life = live(seed);
    preemptions += life.preemptions;
    std::map<EngineRequestId, Course> courses;
    note(life.events, courses);
    for (const auto& [id, course] : courses) ASSERT_TRUE(life.accepted.contains(id));
    for (const auto& [id, request] : life.accepted) {
      const Course course = courses[id];
      if (course.last == 0) {
        ASSERT_TRUE(life.cancelled.contains(id)) << "request " << id << " of seed " << seed << " was lost";
        ASSERT_LT(course.tokens, request.output_tokens);
        continue;
      }
      ASSERT_EQ(course.begun, 1);
      ASSERT_EQ(course.first, 1);
      ASSERT_EQ(course.last, 1);
      ASSERT_EQ(course.tokens, request.output_tokens) << "request " << id << " of seed " << seed;
    }
  }
  EXPECT_GT(preemptions, 1000U);
}

TEST(engine_property, the_same_life_gives_the_same_events) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Life one = live(seed), other = live(seed);
    EXPECT_EQ(one.passed, other.passed);
    EXPECT_EQ(one.events, other.events);
  }
}

}  // namespace
}  // namespace tidegate
