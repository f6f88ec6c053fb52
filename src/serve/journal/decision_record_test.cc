#include "serve/journal/decision_record.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

Decision decision() {
  return {.now = Instant{12s},
          .service = "chat",
          .verdict = Verdict::raise,
          .reason = Reason::load_rise,
          .pools = {{.pool = "h100", .replicas = Replicas{5}, .slots = 8, .weight = 1}},
          .band = {.floor = WeightedReplicas{4.2}, .ceiling = WeightedReplicas{6}},
          .stages = {{.stage = Stage::size,
                      .before = 3.1,
                      .after = 4.2,
                      .reason = Reason::learned,
                      .note = "knee",
                      .facts = {{"rate", 14.2}, {"slots", 8}}}},
          .peers = {{.policy = "hpa", .replicas = Replicas{7}}},
          .lead_time = 60s,
          .hold_time = 300s,
          .demand_rate = 14.2,
          .demand_expected = 16,
          .unlocks = Instant{90s}};
}

TEST(DecisionRecord, GoesThereAndBackWithItsText) {
  const auto back = decision_from_bytes(to_bytes(stored(decision())));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(view_of(*back), decision());
}

TEST(DecisionRecord, RefusesEveryShortenedAndOtherVersionsRecord) {
  const auto bytes = to_bytes(stored(decision()));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decision_from_bytes(std::span(bytes).first(size))) << size;
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decision_from_bytes(longer));
  auto other = bytes;
  other[0] = std::byte{99};
  EXPECT_TRUE(decision_from_bytes(other).error().message.contains("another version"));
  auto unknown = stored(decision());
  unknown.reason = static_cast<Reason>(250);
  EXPECT_FALSE(decision_from_bytes(to_bytes(unknown)));
}

}  // namespace
}  // namespace tidegate
