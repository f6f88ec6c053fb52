#include "edge/sources/scrape_source.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "edge/machine/system_clock.h"
#include "edge/net/testing/fake_http_server.h"
#include "edge/sources/gateway_source.h"
#include "edge/sources/testing/await.h"
#include "edge/sources/testing/vllm_page.h"

namespace tidegate {
namespace {

ServiceSpec chat(PresetSpec preset) {
  ServiceSpec spec;
  spec.name = "chat";
  spec.signals.preset = std::move(preset);
  return spec;
}

const std::vector<ServiceSpec>& one_service() {
  static const std::vector<ServiceSpec> all{chat({.period = 50ms})};
  return all;
}

ScrapeTarget target(const FakeHttpServer& server, const std::string& replica) {
  return {.service = "chat", .pool = "h100", .replica = replica, .host = "127.0.0.1", .port = server.port()};
}

// The newest sample of in-flight of a replica, if there is one.
std::optional<Sample> in_flight(ScrapeSource& source, const std::string& replica) {
  for (Sample& sample : source.latest())
    if (sample.replica == replica && sample.signal == Signal::in_flight) return std::move(sample);
  return std::nullopt;
}

bool has_quality(ScrapeSource& source, const std::string& replica, Quality quality) {
  const auto sample = in_flight(source, replica);
  return sample && sample->quality == quality;
}

TEST(ScrapePlans, FollowTheSpec) {
  const std::vector<ServiceSpec> services{chat({.port = "9100", .path = "/m", .period = 2s}), ServiceSpec{}};
  const auto made = scrape_plans(services);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->size(), 1u);
  EXPECT_EQ(made->at(0).port, 9100);
  EXPECT_EQ(made->at(0).path, "/m");
  EXPECT_EQ(scrape_plans(one_service())->at(0).path, "/metrics");
  EXPECT_FALSE(scrape_plans(one_service())->at(0).port);
  for (const PresetSpec& bad : {PresetSpec{.preset = "nonesuch"}, PresetSpec{.port = "0"}, PresetSpec{.port = "70000"},
                                PresetSpec{.port = "80x"}}) {
    const std::vector<ServiceSpec> wrong{chat(bad)};
    ASSERT_FALSE(scrape_plans(wrong)) << bad.preset << bad.port;
    EXPECT_EQ(scrape_plans(wrong).error().kind, ErrorKind::invalid);
  }
}

TEST(ScrapeSource, ReadsReplicasAndForgetsVanishedOnes) {
  FakeHttpServer one{[](const std::string&) { return http_answer(200, vllm_page({.running = 5})); }};
  FakeHttpServer two{[](const std::string&) { return http_answer(200, vllm_page({.running = 7})); }};
  SystemClock clock;
  ScrapeSource source{clock};
  ASSERT_TRUE(source.configure(one_service()));
  EXPECT_TRUE(source.latest().empty());
  source.replicas({target(one, "r1"), target(two, "r2")});
  ASSERT_TRUE(await([&] { return in_flight(source, "r1") && in_flight(source, "r2"); }));
  const Sample sample = *in_flight(source, "r1");
  EXPECT_EQ(sample.value, (decltype(sample.value){Gauge{5}}));
  EXPECT_EQ(sample.pool, "h100");
  EXPECT_EQ(sample.origin, Origin::replica);
  EXPECT_EQ(sample.period, 50ms);
  EXPECT_TRUE(one.requests().at(0).starts_with("GET /metrics HTTP/1.1\r\n"));
  source.replicas({target(two, "r2")});
  EXPECT_FALSE(in_flight(source, "r1")) << "at once, not a round later";
  const Instant before = in_flight(source, "r2")->taken;
  ASSERT_TRUE(await([&] { return in_flight(source, "r2")->taken > before; })) << "the next round";
  EXPECT_FALSE(in_flight(source, "r1"));
}

TEST(ScrapeSource, EveryWayToFailIsAnErrorWithACause) {
  FakeHttpServer silent{[](const std::string&) { return FakeAnswer{.never = true}; }};
  FakeHttpServer cut{[](const std::string&) {
    const std::string page = vllm_page({});
    return FakeAnswer{.bytes = fmt::format("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", page.substr(0, 9000))};
  }};
  FakeHttpServer huge{[](const std::string&) { return http_answer(200, std::string(11'000'000, '#')); }};
  FakeHttpServer garbage{[](const std::string&) { return http_answer(200, "<html>It works!</html>\n"); }};
  FakeHttpServer missing{[](const std::string&) { return http_answer(404, "no metrics here"); }};
  FakeHttpServer well{[](const std::string&) { return http_answer(200, vllm_page({.running = 5})); }};
  SystemClock clock;
  ScrapeSource source{clock};
  ASSERT_TRUE(source.configure(one_service()));
  ScrapeTarget refused{.service = "chat", .pool = "h100", .replica = "refused", .host = "127.0.0.1", .port = 1};
  source.replicas({target(silent, "silent"), target(cut, "cut"), target(huge, "huge"), target(garbage, "garbage"),
                   target(missing, "missing"), target(well, "well"), refused});
  const std::vector<std::pair<const char*, const char*>> causes = {
      {"silent", "no answer within"}, {"cut", "was cut off"},      {"huge", "larger than"},
      {"garbage", "metrics page"},    {"missing", "answered 404"}, {"refused", "127.0.0.1:1"},
  };
  for (const auto& [replica, cause] : causes) {
    ASSERT_TRUE(await([&] { return has_quality(source, replica, Quality::error); })) << replica;
    EXPECT_NE(in_flight(source, replica)->cause.find(cause), std::string::npos) << in_flight(source, replica)->cause;
  }
  EXPECT_TRUE(await([&] { return has_quality(source, "well", Quality::fresh); })) << "the others do not suffer";
}

TEST(ScrapeSource, RecoversWhenTheReplicaDoes) {
  std::atomic<bool> broken = true;
  FakeHttpServer server{[&](const std::string&) {
    return broken ? http_answer(503, "loading") : http_answer(200, vllm_page({.running = 5}));
  }};
  SystemClock clock;
  ScrapeSource source{clock};
  ASSERT_TRUE(source.configure(one_service()));
  source.replicas({target(server, "r1")});
  ASSERT_TRUE(await([&] { return has_quality(source, "r1", Quality::error); }));
  broken = false;
  ASSERT_TRUE(await([&] { return has_quality(source, "r1", Quality::fresh); }));
}

TEST(ScrapeSource, WhatStaysTheSameIsReadOnWithoutAGap) {
  const SystemClock clock;
  FakeHttpServer server{[](const std::string&) { return http_answer(200, vllm_page({.running = 7})); }};
  ScrapeSource source{clock};
  ASSERT_TRUE(source.configure(one_service()));
  source.replicas({target(server, "a")});
  ASSERT_TRUE(await([&] { return has_quality(source, "a", Quality::fresh); }));
  auto more = one_service();
  more.push_back(chat({.period = 1s}));
  more.back().name = "other";
  ASSERT_TRUE(source.configure(more));
  EXPECT_TRUE(has_quality(source, "a", Quality::fresh));
  more.back().signals.preset->preset = "nonesuch";
  EXPECT_FALSE(source.configure(more)) << "refused, and nothing changes";
  EXPECT_TRUE(has_quality(source, "a", Quality::fresh));
  ASSERT_TRUE(source.configure({}));
  EXPECT_TRUE(source.latest().empty());
}

TEST(ScrapeSource, ExaminesOnePage) {
  FakeHttpServer server{[](const std::string&) { return http_answer(200, "vllm:num_requests_running 2\n"); }};
  HttpClient client;
  const auto findings = examine_replica(client, scrape_plans(one_service())->at(0), target(server, "r1"));
  ASSERT_TRUE(findings) << findings.error().message;
  EXPECT_TRUE(findings_text(*findings).starts_with("found    in_flight"));
}

class FakeLink : public GatewayLink {
 public:
  void push(const RouteTable&) override {}
  GatewayReadings latest() override { return readings; }
  void on_wake(std::function<void(const std::string&)>) override {}
  GatewayReadings readings;
};

TEST(GatewaySource, HandsOverTheLinksReadingsAsTheGateways) {
  FakeLink link;
  GatewaySource source{link};
  EXPECT_TRUE(source.latest().empty());
  const Sample counted{.service = "chat", .signal = Signal::arrivals, .value = Counter{3, 1}, .taken = instant_at(7)};
  link.readings = {.taken = instant_at(7), .connected = false, .samples = {counted}};
  const auto samples = source.latest();
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].origin, Origin::gateway);
  EXPECT_EQ(samples[0].taken, instant_at(7)) << "so that it grows old";
  EXPECT_EQ(samples[0].value, counted.value);
}

}  // namespace
}  // namespace tidegate
