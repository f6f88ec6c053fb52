#include "lab/sim/profiles.h"

#include <gtest/gtest.h>

#include <set>

namespace tidegate {
namespace {

TEST(profiles, every_row_is_whole) {
  std::set<std::string_view> names;
  for (const Profile& profile : profiles()) {
    SCOPED_TRACE(profile.name);
    EXPECT_TRUE(names.insert(profile.name).second) << "twice in the table";
    for (const std::string_view text : {profile.model, profile.gpu, profile.precision, profile.server, profile.source})
      EXPECT_FALSE(text.empty());
    EXPECT_GT(profile.alpha_ms, 0);
    EXPECT_GT(profile.beta_ms, 0);
    EXPECT_GT(profile.gamma_ms, 0);
    EXPECT_GE(profile.gpus, 1);
    EXPECT_GE(profile.kv_tokens, 10'000);
    EXPECT_GE(profile.running_max, 1);
    EXPECT_GE(profile.step_tokens_max, profile.running_max);
    EXPECT_GT(profile.weights_gb, 1);
    // Reading the weights takes most of alpha, so a slip by a thousand shows.
    const double gigabytes_per_second = profile.weights_gb / profile.gpus / (profile.alpha_ms * 1e-3);
    EXPECT_GT(gigabytes_per_second, 50);
    EXPECT_LT(gigabytes_per_second, 8000);
  }
}

TEST(profiles, are_found_by_name) {
  const Profile* found = find_profile("llama-3.1-8b-h100");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->gpus, 1);
  EXPECT_EQ(find_profile("llama-3.1-8b-h10"), nullptr);
  EXPECT_EQ(profile_names().size(), profiles().size());
  EXPECT_EQ(engine_profile(*found).name, "llama-3.1-8b-h100");
}

TEST(profiles, the_hint_follows_the_step_model) {
  const Profile profile{.name = "worked",
                        .alpha_ms = 6.7,
                        .beta_ms = 0.0208,
                        .gamma_ms = 4.91e-5,
                        .kv_tokens = 441'000,
                        .running_max = 256};
  const CapacityHint hint = capacity_hint(profile);
  // (0.0208 + 4.91e-5) * 1155 + 211 * 6.7 = 1437.8 ms; 211 * (0.0208 * 1366 / 212 + 4.91e-5 * 1260.5) = 41.34 ms
  EXPECT_NEAR(seconds(*hint.residence_base), 1.4378, 1e-4);
  EXPECT_NEAR(seconds(*hint.residence_slope), 0.04134, 1e-5);
  EXPECT_EQ(hint.slots_max, 256);
  EXPECT_EQ(hint.slots, std::nullopt);
  // 441,000 tokens hold 55 requests of 8,000.
  EXPECT_EQ(capacity_hint(profile, {.input_tokens = 7000, .output_tokens = 1000}).slots_max, 55);
}

// What the hint promises is what the engine does: c requests of the size kept in it.
TEST(profiles, the_engine_keeps_what_the_hint_promises) {
  for (const Profile& profile : profiles()) {
    SCOPED_TRACE(profile.name);
    const CapacityHint hint = capacity_hint(profile);
    for (const std::int32_t concurrency : {1, 8, 24}) {
      if (concurrency > *hint.slots_max) continue;
      Engine engine(engine_profile(profile));
      std::vector<EngineEvent> events;
      std::vector<Duration> begun(10'000);
      Duration now{}, residence{};
      EngineRequestId next = 0;
      double ended = 0;
      while (ended < 20 * concurrency) {
        while (engine.load().running + engine.load().waiting < concurrency) {
          begun[next] = now;
          ASSERT_EQ(engine.add({.id = next++, .input_tokens = 1155, .output_tokens = 211}), EngineAnswer::queued);
        }
        events.clear();
        now += engine.leap(1h, events);
        for (const EngineEvent& event : events)
          if (event.is_last) residence += now - begun[event.request], ++ended;
      }
      const double promised = seconds(*hint.residence_base) + seconds(*hint.residence_slope) * concurrency;
      EXPECT_NEAR(seconds(residence) / ended / promised, 1, 0.05) << concurrency << " at once";
    }
  }
}

}  // namespace
}  // namespace tidegate
