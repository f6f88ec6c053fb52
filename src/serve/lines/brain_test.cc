#include "serve/lines/brain.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

namespace tidegate {
namespace {

FleetSpec two_services() {
  FleetSpec fleet;
  for (const auto* name : {"chat", "code"}) {
    ServiceSpec spec{.name = name};
    spec.guardrails = {.replicas_min = Replicas{1}, .replicas_max = Replicas{8}};
    spec.pools = {{.name = "h100", .startup = 60s, .capacity = {.slots = 8, .service = 2s}}};
    fleet.services.push_back(spec);
  }
  return fleet;
}

std::string line(double now, std::string_view service, int in_flight, int ready) {
  return fmt::format(
      R"({{"now":{},"service":"{}","arrivals":{},"completions":4,"in_flight":{},"queued":0,"pools":[{{"pool":"h100","ready":{},"starting":0,"draining":0}}]}})",
      now, service, in_flight / 2, in_flight, ready);
}

bool has(const std::string& answer, std::string_view part) { return answer.find(part) != std::string::npos; }

TEST(Brain, raises_under_load_and_says_for_whom_and_when) {
  Brain brain{two_services()};
  std::string answer;
  for (int i = 1; i <= 5; ++i) answer = brain.answer(line(i, "chat", 40, 1));
  EXPECT_TRUE(answer.starts_with(R"({"now":5.0,"service":"chat","verdict":"raise",)")) << answer;
  EXPECT_FALSE(has(answer, R"({"pool":"h100","replicas":1})")) << answer;
}

TEST(Brain, remembers_each_service_by_itself) {
  Brain together{two_services()}, apart{two_services()};
  for (int i = 1; i <= 60; ++i) {
    (void)together.answer(line(i, "code", 3, 1));
    EXPECT_EQ(together.answer(line(i, "chat", i, 1)), apart.answer(line(i, "chat", i, 1)));
  }
}

TEST(Brain, a_bad_line_changes_nothing_and_counts_as_a_line) {
  Brain disturbed{two_services()}, calm{two_services()};
  for (int i = 1; i <= 20; ++i) {
    EXPECT_EQ(disturbed.answer(R"({"now":1,"service":"nobody"})"),
              fmt::format(R"({{"error":"unknown service \"nobody\": known are chat, code","line":{}}})", 2 * i - 1));
    EXPECT_EQ(disturbed.answer(line(i, "chat", i, 2)), calm.answer(line(i, "chat", i, 2)));
  }
}

TEST(Brain, without_evidence_nothing_is_lowered) {
  Brain brain{two_services()};
  for (int i = 1; i <= 30; ++i) (void)brain.answer(line(i, "chat", 30, 4));
  for (int i = 31; i <= 900; ++i) {
    const auto answer = brain.answer(fmt::format(R"({{"now":{},"service":"chat"}})", i));
    ASSERT_FALSE(has(answer, R"("verdict":"lower")")) << answer;
    ASSERT_FALSE(has(answer, R"("replicas":0)")) << answer;
  }
}

TEST(Brain, without_evidence_what_was_ordered_is_held) {
  Brain brain{two_services()};
  const auto raised = brain.answer(line(1, "chat", 40, 1));
  const auto held = brain.answer(R"({"now":2,"service":"chat"})");
  EXPECT_TRUE(has(held, R"("verdict":"hold")")) << held;
  const auto sizes = [](const std::string& answer) { return answer.substr(answer.find("\"pools\""), 40); };
  EXPECT_EQ(sizes(held), sizes(raised));
}

TEST(Brain, time_that_does_not_advance_is_held) {
  Brain brain{two_services()};
  (void)brain.answer(line(10, "chat", 40, 3));
  const auto again = brain.answer(line(10, "chat", 400, 3));
  EXPECT_TRUE(has(again, R"("verdict":"hold")")) << again;
  EXPECT_TRUE(has(again, R"({"pool":"h100","replicas":3})")) << again;
}

}  // namespace
}  // namespace tidegate
