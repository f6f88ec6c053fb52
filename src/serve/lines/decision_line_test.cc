#include "serve/lines/decision_line.h"

#include <gtest/gtest.h>

#include <limits>

namespace tidegate {
namespace {

TEST(DecisionLine, is_the_contract_word_for_word) {
  const Decision decision{.now = Instant{12s},
                          .service = "chat",
                          .verdict = Verdict::raise,
                          .reason = Reason::load_rise,
                          .pools = {{.pool = "h100", .replicas = Replicas{5}}, {.pool = "l4", .replicas = Replicas{0}}},
                          .band = {.floor = WeightedReplicas{4.2},
                                   .ceiling = WeightedReplicas{6},
                                   .floor_reason = Reason::load_rise,
                                   .ceiling_reason = Reason::hold_down},
                          .stages = {{.stage = Stage::size, .before = 3.1, .after = 4.2, .reason = Reason::learned},
                                     {.stage = Stage::guard,
                                      .before = 5,
                                      .after = 5,
                                      .reason = Reason::within_limits,
                                      .note = "max",
                                      .facts = {{"limit", 8}}}},
                          .lead_time = 61500ms,
                          .hold_time = 5min};
  EXPECT_EQ(decision_line(decision),
            R"({"now":12.0,"service":"chat","verdict":"raise","reason":"load_rise",)"
            R"("pools":[{"pool":"h100","replicas":5},{"pool":"l4","replicas":0}],)"
            R"("band":{"floor":4.2,"ceiling":6,"floor_reason":"load_rise","ceiling_reason":"hold_down"},)"
            R"("stages":[{"stage":"size","before":3.1,"after":4.2,"reason":"learned"},)"
            R"({"stage":"guard","before":5,"after":5,"reason":"within_limits","note":"max","facts":{"limit":8}}],)"
            R"("lead_time":61.5,"hold_time":300.0})");
}

TEST(DecisionLine, what_is_not_finite_is_null_and_text_is_escaped) {
  Decision decision{.now = Instant{-1500ms}, .service = "a\"b\\c\n\x01"};
  decision.band.ceiling = WeightedReplicas{std::numeric_limits<double>::infinity()};
  decision.unlocks = Instant{1'700'000'000'123'456'789ns};
  decision.peers = {{.policy = "hpa", .replicas = Replicas{3}}};
  const auto line = decision_line(decision);
  EXPECT_TRUE(line.starts_with(R"({"now":-1.5,"service":"a\"b\\c\n\u0001",)")) << line;
  EXPECT_NE(line.find(R"("ceiling":null)"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("unlocks":1700000000.123456789)"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("peers":[{"policy":"hpa","replicas":3}])"), std::string::npos) << line;
}

TEST(DecisionLine, an_error_names_its_line) {
  EXPECT_EQ(error_line({ErrorKind::invalid, "unknown field \"x\""}, 7), R"({"error":"unknown field \"x\"","line":7})");
}

}  // namespace
}  // namespace tidegate
