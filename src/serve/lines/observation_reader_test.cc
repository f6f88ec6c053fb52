#include "serve/lines/observation_reader.h"

#include <gtest/gtest.h>

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace tidegate {
namespace {

FleetSpec two_services() {
  FleetSpec fleet;
  fleet.services.push_back({.name = "chat", .pools = {{.name = "h100"}, {.name = "l4"}}});
  fleet.services.push_back({.name = "code", .pools = {{.name = "h100"}}});
  return fleet;
}

class Reader : public testing::Test {
 protected:
  Observation read(std::string_view line) {
    const auto read = reader.read(line);
    EXPECT_TRUE(read) << line << "\n" << read.error().message;
    return read ? read->seen : Observation{};
  }
  std::string problem(std::string_view line) {
    const auto read = reader.read(line);
    EXPECT_FALSE(read) << line;
    return read ? "" : read.error().message;
  }

  FleetSpec fleet = two_services();
  ObservationReader reader{fleet};
};

TEST_F(Reader, reads_every_field) {
  const auto seen = read(
      R"({"now":12.5,"service":"chat","arrivals":14,"completions":12,"in_flight":33,"queued":4,"ttft_p99":0.42,)"
      R"("queue_wait_p999":1,"latency_p50":2,"itl_p95":0.03,"input_tokens":900,"output_tokens":80,"gpu_util":0.9,)"
      R"("gpu_memory":0.5,"kv_usage":1,"within_slo":11,"missed_slo":1,)"
      R"("pools":[{"pool":"l4","ready":1},{"pool":"h100","ready":3,"starting":1,"draining":2,"failed":1,"available":5}],)"
      R"("cold_starts":[{"pool":"h100","seconds":61.5}]})");
  EXPECT_EQ(seen.now, Instant{12500ms});
  EXPECT_EQ(seen.service, "chat");
  EXPECT_EQ(seen.arrivals, Reading::of(14));
  EXPECT_EQ(seen.completions, Reading::of(12));
  EXPECT_EQ(seen.in_flight, Reading::of(33));
  EXPECT_EQ(seen.queued, Reading::of(4));
  EXPECT_EQ(seen.latency(LatencyKind::ttft, Percentile::p99), Reading::of(0.42));
  EXPECT_EQ(seen.latency(LatencyKind::queue_wait, Percentile::p999), Reading::of(1));
  EXPECT_EQ(seen.latency(LatencyKind::latency, Percentile::p50), Reading::of(2));
  EXPECT_EQ(seen.latency(LatencyKind::itl, Percentile::p95), Reading::of(0.03));
  EXPECT_EQ(seen.input_tokens, Reading::of(900));
  EXPECT_EQ(seen.output_tokens, Reading::of(80));
  EXPECT_EQ(seen.gpu_util, Reading::of(0.9));
  EXPECT_EQ(seen.gpu_memory, Reading::of(0.5));
  EXPECT_EQ(seen.kv_usage, Reading::of(1));
  EXPECT_EQ(seen.within_slo, Reading::of(11));
  EXPECT_EQ(seen.missed_slo, Reading::of(1));
  ASSERT_EQ(seen.pools.size(), 2U);  // in the order of the spec, not of the line
  EXPECT_EQ(seen.pools[0],
            (PoolObservation{.pool = "h100", .starting = 1, .ready = 3, .draining = 2, .failed = 1, .available = 5}));
  EXPECT_EQ(seen.pools[0].committed(), Replicas{4});
  EXPECT_EQ(seen.pools[0].warming(), 1);
  EXPECT_EQ(seen.pools[1], (PoolObservation{.pool = "l4", .ready = 1}));
  EXPECT_EQ(seen.cold_starts, (std::vector<ColdStart>{{.pool = "h100", .took = 61500ms}}));
}

TEST_F(Reader, what_is_left_out_or_null_is_absent_and_not_zero) {
  const auto seen = read(R"({"now":1,"service":"code","in_flight":null,"queued":0,"pools":[]})");
  EXPECT_EQ(seen.arrivals.quality, Quality::absent);
  EXPECT_EQ(seen.in_flight.quality, Quality::absent);
  EXPECT_EQ(seen.queued, Reading::of(0));
  EXPECT_EQ(seen.latency(LatencyKind::ttft, Percentile::p99).quality, Quality::absent);
}

TEST_F(Reader, counts_left_out_stay_as_they_were) {
  (void)read(R"({"now":1,"service":"code","pools":[{"pool":"h100","ready":3,"draining":1}]})");
  EXPECT_EQ(read(R"({"now":2,"service":"code"})").pools.front().ready, 3);
  const auto later = read(R"({"now":3,"service":"code","pools":[{"pool":"h100","draining":0,"starting":2}]})");
  EXPECT_EQ(later.pools.front(), (PoolObservation{.pool = "h100", .starting = 2, .ready = 3}));
  EXPECT_EQ(read(R"({"now":3,"service":"chat"})").pools.front().ready, 0) << "of another service";
}

TEST_F(Reader, an_order_is_taken_for_carried_out_until_its_pool_is_named) {
  (void)read(R"({"now":1,"service":"code","pools":[{"pool":"h100","ready":3}]})");
  reader.order(1, {.service = "code", .pools = {{.pool = "h100", .replicas = Replicas{5}}}});
  EXPECT_EQ(read(R"({"now":2,"service":"code"})").pools.front(),
            (PoolObservation{.pool = "h100", .starting = 2, .ready = 3}));
  reader.order(1, {.service = "code", .pools = {{.pool = "h100", .replicas = Replicas{1}}}});
  EXPECT_EQ(read(R"({"now":3,"service":"code"})").pools.front(), (PoolObservation{.pool = "h100", .ready = 1}));
  const auto named = read(R"({"now":4,"service":"code","pools":[{"pool":"h100","draining":2}]})");
  EXPECT_EQ(named.pools.front(), (PoolObservation{.pool = "h100", .ready = 3, .draining = 2}));
}

TEST_F(Reader, in_shadow_mode_nobody_carries_out_an_order) {
  fleet.services[1].mode = Mode::shadow;
  (void)read(R"({"now":1,"service":"code","pools":[{"pool":"h100","ready":3}]})");
  reader.order(1, {.service = "code", .pools = {{.pool = "h100", .replicas = Replicas{5}}}});
  EXPECT_EQ(read(R"({"now":2,"service":"code"})").pools.front(), (PoolObservation{.pool = "h100", .ready = 3}));
}

TEST_F(Reader, a_bad_line_changes_nothing) {
  (void)read(R"({"now":1,"service":"code","pools":[{"pool":"h100","ready":3}]})");
  (void)problem(R"({"now":2,"service":"code","pools":[{"pool":"h100","ready":9}],"cold_starts":7})");
  EXPECT_EQ(read(R"({"now":3,"service":"code"})").pools.front().ready, 3);
}

TEST_F(Reader, says_what_is_wrong) {
  struct Case {
    std::string_view line;
    std::string_view message;
  };
  const Case cases[] = {
      {"", "an empty line: every line is one JSON object"},
      {"   ", "an empty line: every line is one JSON object"},
      {"[1]", "a line is one JSON object, not a list"},
      {"12", "a line is one JSON object, not a number"},
      {R"({"now":1})", R"("service" is missing: the name of the service in the configuration)"},
      {R"({"service":"chat"})", R"("now" is missing: the end of the observed interval, in seconds)"},
      {R"({"now":1,"service":3})", R"("service" wants text, not a number)"},
      {R"({"now":1,"service":"chta"})", R"(unknown service "chta": did you mean "chat"?)"},
      {R"({"now":1,"service":"zebra"})", R"(unknown service "zebra": known are chat, code)"},
      {R"({"now":"1","service":"chat"})", R"("now" wants a number, not text; it is in seconds)"},
      {R"({"now":1.7e12,"service":"chat"})",
       R"("now" must be between -9000000000 and 9000000000: it is 1700000000000; it is in seconds)"},
      {R"({"now":1,"service":"chat","arivals":3})", R"(unknown field "arivals": did you mean "arrivals"?)"},
      {R"({"now":1,"service":"chat","ttft_p9":3})", R"(unknown field "ttft_p9": did you mean "ttft_p90"?)"},
      {R"({"now":1,"service":"chat","arrivals":-1})", R"("arrivals" must be between 0 and 1000000000000000: it is -1)"},
      {R"({"now":1,"service":"chat","arrivals":true})", R"("arrivals" wants a number, not true or false)"},
      {R"({"now":1,"service":"chat","gpu_util":93})", R"("gpu_util" must be between 0 and 1: it is 93)"},
      {R"({"now":1,"service":"chat","queued":1,"queued":2})", R"("queued" stands twice)"},
      {R"({"now":1,"service":"chat","pools":{}})", R"("pools" wants a list, not an object)"},
      {R"({"now":1,"service":"chat","pools":[3]})", R"("pools" wants a list of objects, not of a number)"},
      {R"({"now":1,"service":"chat","pools":[{"ready":3}]})", R"(pools: an entry without the name of its "pool")"},
      {R"({"now":1,"service":"chat","pools":[{"pool":"h10"}]})", R"(pools: unknown pool "h10": did you mean "h100"?)"},
      {R"({"now":1,"service":"chat","pools":[{"pool":"h100"},{"pool":"h100"}]})", R"(pools: "h100" stands twice)"},
      {R"({"now":1,"service":"chat","pools":[{"pool":"h100","ready":1.5}]})",
       R"(pools: "ready" wants a whole number: it is 1.5)"},
      {R"({"now":1,"service":"chat","pools":[{"pool":"h100","redy":1}]})",
       R"(pools: unknown field "redy": did you mean "ready"?)"},
      {R"({"now":1,"service":"chat","cold_starts":[{"pool":"h100"}]})", R"(cold_starts: an entry without "seconds")"},
      {R"({"now":1,"service":"chat","cold_starts":[{"pool":"h100","seconds":-3}]})",
       R"(cold_starts: "seconds" must be between 0 and 1000000000: it is -3)"},
      {"{\"now\":1,\"service\":\"\xff\"}", "the line is not UTF-8"},
  };
  for (const auto& one : cases) EXPECT_EQ(problem(one.line), one.message) << one.line;
  EXPECT_TRUE(problem(R"({"now":1,"service":"chat"} {})").starts_with("the line is not one JSON object: "));
  EXPECT_TRUE(problem(R"({"now":1e999,"service":"chat"})").starts_with("the line is not one JSON object: "));
  EXPECT_TRUE(problem(R"({"now":NaN,"service":"chat"})").starts_with("the line is not one JSON object: "));
}

TEST_F(Reader, a_long_name_is_shortened_and_a_long_line_refused) {
  EXPECT_LT(problem(R"({"now":1,"service":"chat",")" + std::string(100'000, 'x') + R"(":1})").size(), 1000U);
  EXPECT_EQ(problem(std::string(line_bytes_max + 1, ' ')), "the line is longer than 1048576 bytes");
}

RC_GTEST_PROP(ReaderProperty, any_bytes_are_read_or_refused, (const std::string& line)) {
  const auto fleet = two_services();
  ObservationReader reader{fleet};
  const auto read = reader.read(line);
  RC_ASSERT(read || !read.error().message.empty());
}

}  // namespace
}  // namespace tidegate
