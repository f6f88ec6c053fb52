// nomad-autoscaler: worked numbers of its headers, and its evaluations and cooldowns.
#include "core/policy/peers/nomad.h"

#include <gtest/gtest.h>

#include <array>

#include "core/base/archive.h"
#include "core/policy/peers/testing/peer_trial.h"

namespace tidegate {
namespace {

TEST(NomadStrategy, target_value_multiplies_by_the_factor) {
  const std::array points{13.0, 26.0};
  const auto action = nomad_run(NomadTargetValue{.target = 13}, points, 2);
  EXPECT_EQ(action, (NomadAction{NomadDirection::up, 4, 2}));
  EXPECT_EQ(nomad_run(NomadTargetValue{.target = 13, .max_scale_up = 1}, points, 2)->count, 3);
  EXPECT_FALSE(nomad_run(NomadTargetValue{}, {}, 2)) << "no points, no answer";
}

TEST(NomadStrategy, threshold_counts_points_within_its_bounds) {
  const std::array points{10.0, 10.0, 20.0, 20.0, 20.0};
  NomadThreshold threshold{.lower_bound = 10, .upper_bound = 20, .delta = 1, .within_bounds_trigger = 2};
  EXPECT_EQ(nomad_run(threshold, points, 1)->count, 2);
  threshold.within_bounds_trigger = 3;
  EXPECT_EQ(nomad_run(threshold, points, 1)->direction, NomadDirection::none) << "the upper bound is outside";
}

TEST(NomadStrategy, all_must_agree_to_shrink_unless_they_stand_in_a_group) {
  const NomadAction none{NomadDirection::none, 4}, down{NomadDirection::down, 2};
  EXPECT_EQ(nomad_winner(std::array{NomadVote{"", none}, NomadVote{"", down}}), none);
  EXPECT_EQ(nomad_winner(std::array{NomadVote{"a", none}, NomadVote{"a", down}}), down);
  EXPECT_EQ(nomad_winner(std::array{NomadVote{"a", down}, NomadVote{"b", none}}), none);
  EXPECT_FALSE(nomad_winner({}));
}

TEST(NomadStrategy, a_schedule_ends_exclusively) {
  const NomadSchedule hours{.start = *parse_cron("0 14 * * *"), .duration = 1h};
  EXPECT_TRUE(is_open(hours, instant_at(14 * 3600)));
  EXPECT_FALSE(is_open(hours, instant_at(15 * 3600)));
}

TEST(Nomad, doubles_when_its_metric_arrives_and_then_cools_down) {
  PeerTrial trial{NomadPolicy{}};
  EXPECT_EQ(trial.run(0, 19, 64, 4), 4) << "seen 15 s late, at an evaluation";
  EXPECT_EQ(trial.run(20, 20, 64, 4), 8);
  const auto cooling = trial.run(21, 60, 16, 8);
  EXPECT_EQ(cooling, 8);
  const Band band = trial.at(61, 16, 8).band;
  EXPECT_EQ(band.floor.value(), 2);
  EXPECT_EQ(band.ceiling.value(), 8);
  EXPECT_EQ(band.ceiling_reason, Reason::hold_down);
  EXPECT_EQ(trial.run(62, 319, 16, 8), 8);
  EXPECT_EQ(trial.run(320, 330, 16, 8), 2);
}

TEST(Nomad, from_zero_the_metric_is_the_total) {
  PeerTrial trial{NomadPolicy{.metric_delay = 0s}};
  EXPECT_EQ(trial.run(0, 0, 20, 0), 3);
}

TEST(Nomad, a_threshold_sees_a_point_a_second) {
  NomadPolicy policy{.cooldown = 0s, .metric_delay = 0s};
  policy.checks = {NomadCheck{.metric = {.per_replica = false},
                              .strategy = NomadThreshold{.lower_bound = 30, .delta = 1, .within_bounds_trigger = 20}}};
  PeerTrial trial{policy};
  EXPECT_EQ(trial.run(0, 15, 40, 4), 4) << "fifteen points are too few";
  EXPECT_EQ(trial.run(20, 20, 40, 4, 5), 5) << "a slow tick stands for its seconds";
}

TEST(Nomad, a_query_that_fails_leaves_its_check_out_or_ends_the_evaluation) {
  for (const auto on_error : {NomadOnError::ignore, NomadOnError::fail}) {
    NomadPolicy policy{.metric_delay = 0s};
    policy.checks.front().on_error = on_error;
    policy.checks.push_back(NomadCheck{.strategy = NomadFixedValue{9}});
    PeerTrial trial{policy};
    const auto blind = trial.at(0, -1, 4);
    EXPECT_FALSE(blind.has_evidence);
    EXPECT_EQ(blind.band.floor.value(), on_error == NomadOnError::fail ? 4 : 9);
  }
}

TEST(Nomad, memory_is_bounded_and_survives_the_archive) {
  NomadPolicy policy;
  policy.checks.front().query_window = 10min;
  PeerTrial trial{policy};
  (void)trial.run(0, 5'000, 16, 8, 0.5);
  ByteWriter writer;
  writer(trial.memory);
  EXPECT_LT(writer.bytes().size(), 16'384U);
  const auto bytes = writer.take();
  PolicyMemory read;
  ByteReader reader{bytes};
  reader(read);
  EXPECT_TRUE(!reader.failed() && reader.at_end());
  EXPECT_EQ(read, trial.memory);
}

}  // namespace
}  // namespace tidegate
