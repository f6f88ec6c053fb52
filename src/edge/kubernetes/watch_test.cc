// Watches as text, and the plan that keeps them going, in virtual time.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "edge/kubernetes/watch_decoder.h"
#include "edge/kubernetes/watch_plan.h"

namespace tidegate {
namespace {

std::string line(const std::string& type, const std::string& name, const std::string& version) {
  return fmt::format(
             R"({{"type": "{}", "object": {{"metadata": {{"namespace": "d", "name": "{}", "resourceVersion": "{}"}}}}}})",
             type, name, version) +
         "\n";
}

struct Decoded {
  std::string events;
  ApiResult<void> how;
};

// In pieces of that size.
Decoded decode(std::string_view text, std::size_t piece) {
  Decoded seen;
  WatchDecoder decoder;
  while (!text.empty() && seen.how) {
    seen.how = decoder.push(text.substr(0, piece), [&](const WatchEvent& event) {
      seen.events +=
          fmt::format("{} {}/{}@{};", static_cast<int>(event.kind), event.space, event.name, event.resource_version);
    });
    text.remove_prefix(std::min(piece, text.size()));
  }
  return seen;
}

TEST(WatchDecoder, TakesEventsApartHoweverTheyArrive) {
  const std::string text = line("ADDED", "a", "1") + line("MODIFIED", "a", "2") + "\r\n" + line("DELETED", "a", "3") +
                           R"({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}})" + "\n" +
                           line("ADDED", "unfinished", "10").substr(0, 30);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{100}, text.size()}) {
    const auto seen = decode(text, piece);
    ASSERT_TRUE(seen.how) << seen.how.error().message;
    EXPECT_EQ(seen.events, "0 d/a@1;1 d/a@2;2 d/a@3;3 /@9;");
  }
}

TEST(WatchDecoder, GarbageEndsIt) {
  for (const std::string& text :
       {std::string{"rubbish\n"}, std::string{"{}\n"}, line("EXPLODED", "a", "1"), line("ADDED", "", "1"),
        line("ADDED", "a", ""), std::string{"{\"type\": \"ADDED\"}\n"}, std::string{"[]\n"}, std::string{"\xff\xff\n"},
        std::string{"{\"type\": \"ERROR\"}\n"}}) {
    const auto seen = decode(line("ADDED", "a", "1") + text + line("ADDED", "b", "2"), 9);
    EXPECT_EQ(seen.events, "0 d/a@1;") << text;
    ASSERT_FALSE(seen.how) << text;
    EXPECT_EQ(seen.how.error().reason, ApiReason::garbled) << text;
  }
}

TEST(WatchDecoder, TheServersErrorIsPassedOn) {
  const auto seen = decode(
      R"({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}})"
      "\n",
      1000);
  ASSERT_FALSE(seen.how);
  EXPECT_EQ(seen.how.error().reason, ApiReason::expired);
  EXPECT_TRUE(seen.how.error().message.contains("too old"));
}

TEST(WatchDecoder, ALineWithoutEndIsBounded) {
  WatchDecoder decoder;
  const std::string part(1'000'000, 'x');
  int pushed = 0;
  while (decoder.push(part, [](const WatchEvent&) {})) ASSERT_LT(++pushed, 20);
  EXPECT_EQ(pushed, 16);
  EXPECT_FALSE(decoder.push("\n", [](const WatchEvent&) {}));
}

class WatchPlanTest : public testing::Test {
 protected:
  static ApiResult<void> broken(ApiReason reason, std::optional<Duration> after = {}) {
    return std::unexpected(ApiError{.reason = reason, .retry_after = after});
  }
  void begin_at(const std::string& version) {
    ASSERT_TRUE(plan_.next().lists);
    plan_.list_ended(version);
  }

  WatchPlan plan_{{.length = 5min, .backoff = {.first = 1s, .longest = 30s, .jitter = 0}}, 1};
};

TEST_F(WatchPlanTest, ListsThenWatchesFromThere) {
  begin_at("7");
  const auto step = plan_.next();
  EXPECT_FALSE(step.lists);
  EXPECT_EQ(step.resource_version, "7");
  EXPECT_EQ(step.wait, Duration{});
  EXPECT_GE(step.length, Duration{150s});
  EXPECT_LE(step.length, Duration{300s});
}

TEST_F(WatchPlanTest, AWatchThatEndsWellGoesOnFromItsLastEventAtOnce) {
  begin_at("7");
  static_cast<void>(plan_.next());
  plan_.passed("8");
  plan_.passed("12");
  plan_.watch_ended({}, 4min);
  const auto step = plan_.next();
  EXPECT_EQ(step.resource_version, "12");
  EXPECT_EQ(step.wait, Duration{});
}

TEST_F(WatchPlanTest, ACutWatchGoesOnFromItsLastEventAfterAWhile) {
  begin_at("7");
  static_cast<void>(plan_.next());
  plan_.passed("8");
  for (const Duration wait : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    plan_.watch_ended(broken(ApiReason::unreachable), 100ms);
    const auto step = plan_.next();
    EXPECT_FALSE(step.lists);
    EXPECT_EQ(step.resource_version, "8");
    EXPECT_EQ(step.wait, wait);
  }
  // One that lived starts the waiting over.
  plan_.watch_ended(broken(ApiReason::unreachable), 5s);
  EXPECT_EQ(plan_.next().wait, Duration{1s});
}

TEST_F(WatchPlanTest, WhatIsTooOldOrGarbledBeginsAnew) {
  for (const ApiReason reason : {ApiReason::expired, ApiReason::garbled, ApiReason::not_found, ApiReason::invalid}) {
    WatchPlan plan{{.backoff = {.first = 1s, .longest = 30s, .jitter = 0}}, 1};
    static_cast<void>(plan.next());
    plan.list_ended("7");
    static_cast<void>(plan.next());
    plan.passed("8");
    plan.watch_ended(broken(reason), 100ms);
    const auto step = plan.next();
    EXPECT_TRUE(step.lists) << to_text(reason);
    EXPECT_EQ(step.wait, Duration{1s});
  }
}

TEST_F(WatchPlanTest, AServerThatBreaksEveryWatchSeesNoStormOfLists) {
  Duration waited{};
  int lists = 0;
  while (waited < 10min) {
    const auto step = plan_.next();
    waited += step.wait + 10ms;
    if (step.lists) {
      ++lists;
      plan_.list_ended("7");
    } else {
      plan_.passed("8");
      plan_.watch_ended(broken(ApiReason::garbled), 10ms);
    }
  }
  EXPECT_LE(lists, 26);  // 1, 2, 4, 8, 16, then every 30 s
}

TEST_F(WatchPlanTest, AServerThatSaysWhenIsObeyed) {
  static_cast<void>(plan_.next());
  plan_.list_ended(std::unexpected(ApiError{.reason = ApiReason::too_many_requests, .retry_after = 12s}));
  auto step = plan_.next();
  EXPECT_TRUE(step.lists);
  EXPECT_EQ(step.wait, Duration{12s});
  plan_.list_ended("7");
  static_cast<void>(plan_.next());
  plan_.watch_ended(broken(ApiReason::too_many_requests, 24h), 0s);
  step = plan_.next();
  EXPECT_FALSE(step.lists);
  EXPECT_EQ(step.wait, Duration{5min});
}

TEST_F(WatchPlanTest, AWatchThatEndsAtOnceIsNotRepeatedAtOnce) {
  begin_at("7");
  static_cast<void>(plan_.next());
  plan_.watch_ended({}, 10ms);
  EXPECT_EQ(plan_.next().wait, Duration{1s});
}

}  // namespace
}  // namespace tidegate
