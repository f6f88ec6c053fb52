// The runner is tested against deciders of its own: a plain proportional one, and ones that are wrong in the
// ways the runner must notice.
#include "lab/scenario/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/archive.h"

namespace tidegate {
namespace {

// One replica for eight requests in flight or queued, held without data; remembers its last size.
class Proportional : public Decider {
 public:
  Decision decide(const ServiceSpec& spec, const Observation& seen) override {
    const auto in_flight = seen.in_flight.fresh();
    const auto before = size_;
    if (in_flight && !seen.pause)
      size_ = static_cast<std::int32_t>(std::ceil((*in_flight + seen.queued.fresh().value_or(0)) / 8));
    size_ = std::clamp(size_, spec.guardrails.replicas_min.value(), spec.guardrails.replicas_max.value());
    Decision decision{.now = seen.now, .service = seen.service};
    decision.verdict = size_ > before ? Verdict::raise : size_ < before ? Verdict::lower : Verdict::hold;
    decision.reason = !in_flight       ? Reason::no_data
                      : size_ > before ? Reason::load_rise
                      : size_ < before ? Reason::load_fall
                                       : Reason::steady;
    decision.pools = {{.pool = spec.pools.front().name, .replicas = Replicas{size_}}};
    decision.band.floor = WeightedReplicas{in_flight.value_or(0) / 8};
    return decision;
  }
  std::vector<std::byte> save() const override {
    ByteWriter writer;
    writer(size_);
    return writer.take();
  }
  Result<void> load(std::span<const std::byte> bytes) override {
    ByteReader reader{bytes};
    reader(size_);
    if (reader.failed()) return fail(ErrorKind::invalid, "a short state");
    return {};
  }

 protected:
  std::int32_t size_ = 1;
};

class Moody : public Proportional {  // answers by something outside its inputs
 public:
  explicit Moody(int mood) : mood_(mood) {}
  Decision decide(const ServiceSpec& spec, const Observation& seen) override {
    auto decision = Proportional::decide(spec, seen);
    decision.pools.front().replicas += Replicas{mood_};
    return decision;
  }
  int mood_;
};

class FirstPool : public Proportional {  // looks at whichever pool comes first
 public:
  Decision decide(const ServiceSpec& spec, const Observation& seen) override {
    auto decision = Proportional::decide(spec, seen);
    decision.pools.front().replicas = Replicas{seen.pools.front().ready};
    return decision;
  }
};

class Forgetful : public Proportional {  // remembers something it does not save
 public:
  Decision decide(const ServiceSpec& spec, const Observation& seen) override {
    auto decision = Proportional::decide(spec, seen);
    decision.pools.front().replicas += Replicas{++ticks_ / 4};
    return decision;
  }
  int ticks_ = 0;
};

MakeDecider proportional() {
  return [] { return std::make_unique<Proportional>(); };
}

Scenario parsed(std::string_view text) {
  auto scenario = parse_scenario(text, "a.scn");
  EXPECT_TRUE(scenario) << scenario.error().message;
  return scenario ? *scenario : Scenario{};
}

std::string first_failure(std::string_view text, const MakeDecider& make = proportional()) {
  const auto result = run_scenario(parsed(text), make);
  return result.failures.empty() ? "" : result.failures.front().message;
}

const std::string burst = "service chat\n    replicas 1..20\nfeed every 10s\n    in_flight 8x3 64 8x5 _x2\n";

TEST(ScenarioRunner, a_scenario_that_holds) {
  EXPECT_EQ(first_failure(burst + R"(expect exactly
    0s..20s     1
    30s         8 raise because load_rise floor>=8
    40s         1 lower
    50s..80s    1 hold not raise
    90s..end    <=1 because no_data or steady
)"),
            "");
}

TEST(ScenarioRunner, scenarios_that_must_fail) {
  EXPECT_EQ(first_failure(burst + "expect\n    30s 7\n"), "a.scn:6:5: at 30s expected 7, got 8 because load_rise");
  EXPECT_EQ(first_failure(burst + "expect\n    0s..50s 1\n"), "a.scn:6:5: at 30s expected 1, got 8 because load_rise");
  EXPECT_EQ(first_failure(burst + "expect\n    30s 8 because backlog\n"),
            "a.scn:6:5: at 30s expected 8 because backlog, got 8 because load_rise");
  EXPECT_EQ(first_failure(burst + "expect\n    40s 1 not lower\n"),
            "a.scn:6:5: at 40s expected 1 not lower, got 1 lower because load_fall");
  EXPECT_EQ(first_failure(burst + "expect\n    30s 8 floor>9\n"),
            "a.scn:6:5: at 30s expected 8 floor>9, got 8 floor=8 because load_rise");
  EXPECT_EQ(first_failure(burst + "expect\n    30s 8 mentions trusted\n"),
            "a.scn:6:5: at 30s expected 8 mentions trusted, got 8 because load_rise");
  EXPECT_EQ(first_failure(burst + "expect exactly\n    0s..30s >=1\n"),
            "a.scn:6:5: the decision at 40s is not named, and 'exactly' asks for all of them");
}

// Answers what a static policy says, and like Proportional otherwise.
class Obedient : public Proportional {
 public:
  Decision decide(const ServiceSpec& spec, const Observation& seen) override {
    auto decision = Proportional::decide(spec, seen);
    if (const auto* fixed = std::get_if<StaticPolicy>(&spec.policies.front()))
      decision.pools.front().replicas = fixed->replicas;
    return decision;
  }
};

TEST(ScenarioRunner, a_worse_policy_must_fail) {
  const MakeDecider obedient = [] { return std::make_unique<Obedient>(); };
  const auto text = [](std::string_view worse) {
    return "service chat\n    replicas 1..20\n    fails_with " + std::string{worse} +
           "\nfeed every 10s\n    in_flight 8x3 64 8x5\nexpect\n    30s 8\n";
  };
  EXPECT_EQ(first_failure(text("static 7"), obedient), "");
  EXPECT_EQ(first_failure(text("static 7 | static 8"), obedient),
            "a.scn: all of it holds with static too, which it says must fail");
}

TEST(ScenarioRunner, pools_follow_with_their_cold_start) {
  const auto scenario = parsed(
      "service chat\n    replicas 1..20\n    pool gpu startup=25s\nfeed every 10s\n    in_flight 8 64x5\nexpect\n"
      "    10s..end 8\n");
  const auto recording = play(scenario, 0, proportional());
  EXPECT_EQ(recording.steps[2].seen.pools[0].loading, 7);
  EXPECT_EQ(recording.steps[3].seen.pools[0].ready, 1);
  EXPECT_EQ(recording.steps[4].seen.pools[0].ready, 8);
  EXPECT_EQ(recording.steps[4].seen.cold_starts.size(), 7u);
  EXPECT_EQ(recording.steps[4].seen.cold_starts[0].took, 25s);
}

TEST(ScenarioRunner, fed_counts_do_not_follow) {
  const auto scenario = parsed(
      "service chat\n    replicas 1..20\nfeed every 10s\n    in_flight 8 64x3\n    ready 1 2x3\n    loading 0 "
      "3x3\nexpect\n"
      "    10s 8\n");
  const auto recording = play(scenario, 0, proportional());
  EXPECT_EQ(recording.steps[2].seen.pools[0].ready, 2);
  EXPECT_EQ(recording.steps[2].seen.pools[0].loading, 3);
}

TEST(ScenarioRunner, operators_steer) {
  const std::string text =
      "service chat\n    replicas 1..20\nfeed every 10s\n    in_flight 8 64x7\n"
      "    at 0s pause for 30s\n    at 40s set replicas 1..4\n    at 50s override floor 2 for 10s\n"
      "    at 60s rollout for 10s\nexpect\n    10s..30s 1\n    40s..end 4\n";
  const auto scenario = parsed(text);
  const auto recording = play(scenario, 0, proportional());
  EXPECT_EQ(recording.steps[0].seen.pause->expires, Instant{} + 30s);
  EXPECT_EQ(recording.steps[5].seen.manual->expires, Instant{} + 60s);
  EXPECT_TRUE(recording.steps[6].seen.rollout);
  EXPECT_FALSE(recording.steps[7].seen.rollout);
  EXPECT_EQ(recording.specs.size(), 2u);
  EXPECT_EQ(recording.specs[1].policies, recording.specs[0].policies);
}

TEST(ScenarioRunner, a_restart_loses_or_keeps_the_state_and_takes_its_time) {
  const auto text = [](std::string_view how) {
    return "service chat\n    replicas 1..20\nfeed every 10s\n    in_flight 64x2 _x4\n    at 30s restart " +
           std::string{how} + " for 20s\nexpect\n    50s " + (how == "kept" ? "8" : "1") + "\n";
  };
  EXPECT_EQ(first_failure(text("kept")), "");
  EXPECT_EQ(first_failure(text("lost")), "");
  const auto recording = play(parsed(text("lost")), 0, proportional());
  ASSERT_EQ(recording.steps.size(), 4u);
  EXPECT_EQ(recording.steps[3].at, 50s);
  EXPECT_TRUE(recording.steps[3].seen.restarted);
  EXPECT_EQ(first_failure("service chat\n    replicas 1..20\nfeed every 10s\n    in_flight 64x6\n"
                          "    at 30s restart for 20s\nexpect\n    30s 8\n"),
            "a.scn:7:5: no decision was made then: the controller was down");
}

TEST(ScenarioRunner, a_run_closes_the_loop_and_is_scored) {
  const std::string text = R"(service chat
    slo ttft_p99 2s
    replicas 1..20
    pool gpu startup=20s slots=8 service=2s gpus=2
run 10m seed 3 every 5s
    traffic step from=1 to=10 at=3m
    at 5m crash
score
    requests    > 3000
    )";
  EXPECT_EQ(first_failure(text + "attainment >= 50%\n    replicas_max <= 20\n    cut >= 1\n"), "");
  EXPECT_TRUE(first_failure(text + "replica_hours < 0.01\n").starts_with("a.scn:10:5: replica_hours < 0.01: it was "));
  EXPECT_TRUE(first_failure(text + "recovers within 1s after 3m\n")
                  .starts_with("a.scn:10:5: recovers within 1s after 3m: it was "));
  EXPECT_TRUE(first_failure(text + "latency_p95 < 1s for 50% of minutes\n").starts_with("a.scn:10:5: latency_p95"));
}

TEST(ScenarioRunner, shadow_mode_touches_nothing) {
  const auto scenario = parsed(
      "service chat\n    replicas 1..20\n    mode shadow\nfeed every 10s\n    in_flight 64x4\nexpect\n    0s..end 8\n");
  const auto recording = play(scenario, 0, proportional());
  EXPECT_EQ(recording.steps[3].seen.pools[0].ready, 1);
}

TEST(ScenarioRunner, notices_a_decider_that_is_not_a_function) {
  int mood = 0;
  const std::string text = burst + "expect\n    0s..end >=0\n";
  EXPECT_TRUE(first_failure(text, [&] { return std::make_unique<Moody>(mood++ % 2); }).contains("gives two answers"));
  EXPECT_TRUE(
      first_failure("service chat\n    replicas 0..20\n    pool a\n    pool b\nfeed every 10s\n    in_flight 8x3\n"
                    "    initial a=3 b=1\nexpect\n    0s..end >=0\n",
                    [] { return std::make_unique<FirstPool>(); })
          .contains("order of the pools"));
  EXPECT_TRUE(first_failure(text, [] { return std::make_unique<Forgetful>(); }).contains("saved state"));
}

TEST(ScenarioRunner, every_variant_is_played) {
  const auto scenario = parsed(
      "service chat\n    replicas 1..20\n    policy slo | static 3\nfeed every 10s\n"
      "    in_flight 8x3\nexpect\n    0s 9\n");
  const auto result = run_scenario(scenario, proportional());
  EXPECT_EQ(result.decisions, 6);
  ASSERT_EQ(result.failures.size(), 2u);
  EXPECT_TRUE(result.failures[1].message.contains("[static]"));
}

TEST(ScenarioRunner, blessing_rewrites_what_is_exact_and_leaves_promises) {
  const std::string text = burst + R"(expect
    0s..20s     1              # untouched
    30s         7 because backlog   # why
    40s..end    3 floor<=1
    30s         5..6
)";
  const auto blessed = bless(parsed(text), text, proportional());
  EXPECT_EQ(blessed, burst + R"(expect
    0s..20s     1              # untouched
    30s         8    because load_rise    # why
    40s..1m40s    1    floor<=1
    30s         5..6
)");
  EXPECT_EQ(bless(parsed(blessed), blessed, proportional()), blessed);
}

}  // namespace
}  // namespace tidegate
