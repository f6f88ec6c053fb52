#include "edge/emulator/fault.h"

#include <gtest/gtest.h>

#include <utility>

namespace tidegate {
namespace {

using Kind = ServerFaultKind;

TEST(server_fault, reads_every_form) {
  const std::pair<std::string_view, ServerFault> table[] = {
      {"slow=4,after=30s,for=1m", {.kind = Kind::slow, .value = 4, .after = 30s, .lasts = 1min}},
      {"hang,requests=100", {.kind = Kind::hang, .requests = 100}},
      {"crash,after=1.5s", {.kind = Kind::crash, .after = 1500ms}},
      {"crash", {.kind = Kind::crash}},
      {"errors=0.1,for=250ms", {.kind = Kind::errors, .value = 0.1, .lasts = 250ms}},
      {"lying_readiness", {.kind = Kind::lying_readiness}},
      {"metrics=absent", {.kind = Kind::metrics_absent}},
      {"metrics=nan,after=1h", {.kind = Kind::metrics_nan, .after = 1h}},
      {"metrics=stale", {.kind = Kind::metrics_stale}},
  };
  for (const auto& [text, fault] : table) {
    const auto parsed = parse_server_fault(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, fault) << text;
  }
}

TEST(server_fault, bad_texts_say_what_is_wrong) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"", "no fault is called ''"},
      {"slw=4", "no fault is called 'slw'; known are slow=FACTOR, hang"},
      {"slow", "slow needs a factor from 0.01 to 10000"},
      {"slow=", "slow needs a factor"},
      {"slow=nan", "slow needs a factor"},
      {"slow=0", "slow needs a factor"},
      {"slow=4x", "slow needs a factor"},
      {"errors=1.5", "errors needs a share above 0 and up to 1"},
      {"hang=1", "hang takes no value"},
      {"metrics", "metrics is one of absent, nan and stale"},
      {"metrics=gone", "metrics is one of absent, nan and stale"},
      {"metrics_nan", "no fault is called 'metrics_nan'"},
      {"crash,after=30", "after needs a duration with its unit: after=30s"},
      {"crash,after=-1s", "after needs a duration"},
      {"crash,for=", "for needs a duration"},
      {"crash,requests=0", "requests needs a whole number of at least 1"},
      {"crash,requests=1.5", "requests needs a whole number"},
      {"crash,when=1s", "no condition is called 'when'; known are after=, for= and requests="},
      {"crash,", "no condition is called ''"},
  };
  for (const auto& [text, wanted] : table) {
    const auto parsed = parse_server_fault(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
    EXPECT_NE(parsed.error().message.find(wanted), std::string::npos) << parsed.error().message;
  }
}

TEST(fault_schedule, begins_after_a_time_and_ends) {
  FaultSchedule faults({*parse_server_fault("slow=4,after=30s,for=1m"), *parse_server_fault("slow=2,after=60s")});
  EXPECT_EQ(faults.next_change(0s), 30s);
  EXPECT_EQ(faults.slowness(10s), 1);
  faults.advance(30s);
  EXPECT_EQ(faults.slowness(30s), 4);
  EXPECT_EQ(faults.next_change(30s), 60s);
  faults.advance(61s);
  EXPECT_EQ(faults.slowness(61s), 8);
  EXPECT_EQ(faults.next_change(61s), 90s);
  EXPECT_EQ(faults.slowness(90s), 2);
  EXPECT_EQ(faults.next_change(90s), std::nullopt);
}

TEST(fault_schedule, begins_with_a_request) {
  FaultSchedule faults({*parse_server_fault("hang,requests=2,for=10s")});
  EXPECT_EQ(faults.next_change(0s), std::nullopt);
  faults.request_received(1s);
  EXPECT_FALSE(faults.is_on(Kind::hang, 1s));
  faults.request_received(5s);
  EXPECT_TRUE(faults.is_on(Kind::hang, 5s));
  EXPECT_EQ(faults.next_change(5s), 15s);
  faults.request_received(16s);
  EXPECT_FALSE(faults.is_on(Kind::hang, 16s));
}

TEST(fault_schedule, both_conditions_must_hold) {
  FaultSchedule faults({*parse_server_fault("errors=0.5,requests=1,after=10s"), *parse_server_fault("errors=0.1")});
  EXPECT_EQ(faults.error_share(0s), 0.1);
  faults.request_received(5s);
  EXPECT_EQ(faults.error_share(5s), 0.1);
  faults.advance(10s);
  EXPECT_EQ(faults.error_share(10s), 0.5);
}

}  // namespace
}  // namespace tidegate
