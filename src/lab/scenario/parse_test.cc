#include <gtest/gtest.h>

#include "lab/scenario/scenario.h"

namespace tidegate {
namespace {

Scenario parsed(std::string_view text) {
  auto scenario = parse_scenario(text, "a.scn");
  EXPECT_TRUE(scenario) << scenario.error().message;
  return scenario ? *scenario : Scenario{};
}

constexpr std::string_view frame = "service chat\n    replicas 1..20\nfeed every 10s\n    in_flight ";

std::vector<Reading> items(const std::string& series) {
  const auto scenario = parsed(std::string{frame} + series + "\nexpect\n    0s 1\n");
  const auto& feed = std::get<Feed>(scenario.drive).series;
  return feed.empty() ? std::vector<Reading>{} : feed.front().items;
}

TEST(ScenarioParser, a_series_has_values_repeats_and_gaps) {
  const auto read = items("8x3 64 _x2 2..6x3");
  ASSERT_EQ(read.size(), 9u);
  EXPECT_EQ(read[2], Reading::of(8));
  EXPECT_EQ(read[3], Reading::of(64));
  EXPECT_EQ(read[4], Reading{});
  EXPECT_EQ(read[6], Reading::of(2));
  EXPECT_EQ(read[7], Reading::of(4));
  EXPECT_EQ(read[8], Reading::of(6));
}

TEST(ScenarioParser, qualities_stay_distinct) {
  const auto read = items("24 stalex2 nan error stale(7) partial(18,3/4) partial(1/4)");
  ASSERT_EQ(read.size(), 8u);
  EXPECT_EQ(read[1], (Reading{.quality = Quality::stale, .value = 24, .age = 10s}));
  EXPECT_EQ(read[2], (Reading{.quality = Quality::stale, .value = 24, .age = 20s}));
  EXPECT_EQ(read[3].quality, Quality::nan);
  EXPECT_EQ(read[4].quality, Quality::error);
  EXPECT_EQ(read[5], (Reading{.quality = Quality::stale, .value = 7, .age = 10s}));
  EXPECT_EQ(read[6], (Reading{.quality = Quality::fresh, .value = 18, .coverage = {3, 4}}));
  EXPECT_EQ(read[7], (Reading{.quality = Quality::fresh, .value = 18, .coverage = {1, 4}}));
}

TEST(ScenarioParser, a_service_fills_its_specification) {
  const auto scenario = parsed(R"(service chat
    slo         ttft_p99 2s queue_wait_p95 800ms
    replicas    0..16
    pool        h100 startup=60s slots=8 service=2s price=$3.50/h gpus=1
    pool        l4 slots=2 max=4                          # the cheap one
    policy      slo peak_rate=20
    policy      schedule start="0 8 * * 1-5" end="0 18 * * 1-5" min=4
    compare_with hpa target=6 | static 3
    step_up     4
    rate_down   2 per 5min
    dwell       2m
    mode        shadow
    timezone    Europe/Berlin
    hold        max_age=30s max_requests=100
run 1h seed 7 every 5s
    traffic     constant rate=5
    replica     load=45s pool=l4 jitter=0.2
    initial     h100=2 l4=1
expect
    0s          h100=2 l4=1
)");
  const auto& service = scenario.service;
  ASSERT_EQ(service.slo.objectives.size(), 2u);
  EXPECT_EQ(service.slo.objectives[1], (Objective{LatencyKind::queue_wait, Percentile::p95, 800ms}));
  EXPECT_EQ(service.guardrails.replicas_max, Replicas{16});
  ASSERT_EQ(service.pools.size(), 2u);
  EXPECT_EQ(service.pools[0].price, MicroUsdPerHour{3'500'000});
  EXPECT_EQ(service.pools[1].replicas_max, Replicas{4});
  EXPECT_EQ(service.guardrails.rate_down, (RateLimit{Replicas{2}, 5min}));
  EXPECT_EQ(service.mode, Mode::shadow);
  EXPECT_EQ(service.hold.max_age, 30s);
  EXPECT_EQ(service.compare_with.size(), 2u);
  ASSERT_EQ(scenario.variants.size(), 1u);
  ASSERT_EQ(scenario.variants[0].size(), 2u);
  EXPECT_EQ(std::get<SchedulePolicy>(scenario.variants[0][1]).entries[0].start.text, "0 8 * * 1-5");
  EXPECT_EQ(scenario.pools[0].life.load, 60s);  // as the service believes
  EXPECT_EQ(scenario.pools[1].life.load, 45s);
  EXPECT_EQ(scenario.pools[0].life.initial, 2);
  EXPECT_EQ(scenario.seed, 7u);
  EXPECT_EQ(scenario.steps(), 721);
}

TEST(ScenarioParser, alternatives_make_variants) {
  const auto scenario = parsed(
      "service chat\n replicas 1..4\n policy slo | in_flight target=8 | hpa target=8\nfeed every 1s\n in_flight 1\n"
      "expect\n 0s 1\n");
  ASSERT_EQ(scenario.variants.size(), 3u);
  EXPECT_EQ(std::get<TargetPolicy>(scenario.variants[1][0]).target, 8);
}

TEST(ScenarioParser, other_policies_are_read_as_the_configuration_spells_them) {
  std::vector<std::string> asked;
  const ReadPolicy read_policy = [&](const std::string& text) -> Result<std::vector<PolicySpec>> {
    asked.push_back(text);
    if (text.contains("magic")) return fail(ErrorKind::invalid, "there is no policy `magic`");
    return std::vector<PolicySpec>{GcpPolicy{}};
  };
  const auto scenario = parse_scenario(
      "service chat\n replicas 1..4\n policy gcp mode=off metric_delay=10s | slo\n"
      " compare_with \"aws_step\" \"steps_out=[{lower: 0, adjustment: 1}]\"\n fails_with gcp | static 2\n"
      "feed every 1s\n in_flight 1\n at 0s set policy gcp\nexpect\n 0s 1\n",
      "a.scn", read_policy);
  ASSERT_TRUE(scenario) << scenario.error().message;
  EXPECT_EQ(asked, (std::vector<std::string>{"{gcp: {mode: off, metric_delay: 10s}}",
                                             "{aws_step: {steps_out: [{lower: 0, adjustment: 1}]}}", "gcp", "gcp"}));
  EXPECT_EQ(scenario->variants.size(), 2u);
  ASSERT_EQ(scenario->worse.size(), 2u);
  EXPECT_EQ(scenario->worse[1].front(), PolicySpec{StaticPolicy{Replicas{2}}});
  const auto wrong = parse_scenario("service chat\n  policy gcp off\n", "a.scn", read_policy);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "a.scn:2:14: 'off' is not understood here; settings of gcp are given as name=value");
  const auto magic = parse_scenario("service chat\n  policy slo | magic a=1\n", "a.scn", read_policy);
  ASSERT_FALSE(magic);
  EXPECT_EQ(magic.error().message, "a.scn:2:16: there is no policy `magic`");
}

TEST(ScenarioParser, a_flash_crowd_comes_stays_and_goes) {
  const auto scenario = parsed(
      "service chat\n replicas 1..4\nrun 1h\n traffic flash rate=2 peak=10 at=10m rise=1m for=5m fall=2m\nscore\n"
      " cut == 0\n");
  const auto& curve = std::get<tidegate::Run>(scenario.drive).traffic.front().curve;
  EXPECT_EQ(curve.rate(9min), 2);
  EXPECT_EQ(curve.rate(10min + 30s), 6);
  EXPECT_EQ(curve.rate(13min), 10);
  EXPECT_EQ(curve.rate(17min), 6);
  EXPECT_EQ(curve.rate(30min), 2);
}

TEST(ScenarioParser, events_of_operators_and_faults) {
  const auto scenario = parsed(R"(service chat
    replicas 1..9
feed every 10s for 10m
    in_flight 8
    at 40s  pause for 1m
    at 60s  override floor 4 for 10m
    at 70s  set replicas 1..2
    at 80s  restart lost for 30s
    at 90s  crash 2
    at 100s lose in_flight as stale for 1m
    at 110s slow 4 replicas=1
    at 120s available 1
expect
    0s..end 1..9
)");
  ASSERT_EQ(scenario.steers.size(), 4u);
  EXPECT_EQ(scenario.steers[1].lasts, 10min);
  EXPECT_EQ(std::get<OverrideSteer>(scenario.steers[1].what).replicas, 4);
  EXPECT_EQ(std::get<ReloadSteer>(scenario.steers[2].what).spec.guardrails.replicas_max, Replicas{2});
  EXPECT_FALSE(std::get<RestartSteer>(scenario.steers[3].what).keeps_state);
  ASSERT_EQ(scenario.faults.size(), 4u);
  EXPECT_EQ(scenario.faults[1].what, (decltype(Fault::what){LostSignalFault{"in_flight", Quality::stale, {}}}));
  EXPECT_EQ(scenario.faults[2].what, (decltype(Fault::what){SlowFault{4, 1}}));
}

struct Bad {
  std::string_view text;
  std::string_view error;  // begins so
};

TEST(ScenarioParser, errors_name_line_and_column) {
  const Bad bads[] = {
      {"", "a.scn:1:1: nothing is checked"},
      {"    replicas 1..2\n", "a.scn:1:5: a scenario begins with: service NAME"},
      {"servce chat\n", "a.scn:1:1: unknown block 'servce'"},
      {"service chat\n  replcas 1..2\n", "a.scn:2:3: unknown setting 'replcas'"},
      {"service chat\n  replicas 3..2\n", "a.scn:2:12: replicas are given as MIN..MAX, not '3..2'"},
      {"service chat\n  slo ttft_p98 2s\n", "a.scn:2:7: unknown objective 'ttft_p98'"},
      {"service chat\n  slo ttft_p99 2\n", "a.scn:2:16: the bound of the objective is expected as 30s"},
      {"service chat\n  pool a price=0\n", "a.scn:2:16: price= is given as $3.50/h, not '0'"},
      {"service chat\n  pool a\n  pool a\n", "a.scn:3:8: pool 'a' is there already"},
      {"service chat\n  pool a speed=3\n", "a.scn:2:10: 'speed=3' is not understood here"},
      {"service chat\n  policy magic\n", "a.scn:2:10: unknown policy 'magic'"},
      {"service chat\n  policy slo |\n", "a.scn:2:10: the name of a policy is missing"},
      {"service chat\n  hold_down 30s\n", "a.scn:2:13: hold_down belongs to a target policy"},
      {"service chat\n  timezone \"UTC\n", "a.scn:2:12: a quote is not closed"},
      {"expect\n  0s 1\n", "a.scn:1:1: 'expect' comes too early"},
      {"service chat\nrun 1h\n  replica slots=4\nexpect\n  0s 1\n", "a.scn:3:3: a run needs traffic"},
      {"service chat\nrun 1h\n  in_flight 8\n", "a.scn:3:3: 'in_flight' is not known in a run"},
      {"service chat\nrun 1h every 0\n", "a.scn:2:1: a scenario has at most 200000 steps"},
      {"service chat\nrun 1h\n  traffic wave\n", "a.scn:3:11: unknown traffic 'wave'"},
      {"service chat\nrun 3000d every 1h\n  traffic on_off rate=1 on=1s off=1s\n",
       "a.scn:3:11: traffic repeats at most 10000 times"},
      {"service chat\nfeed every 10\n", "a.scn:2:12: the step is expected as 30s"},
      {"service chat\nfeed every 10s\n  in_flite 8\n", "a.scn:3:3: 'in_flite' is neither a signal"},
      {"service chat\nfeed every 10s\n  gpu.in_flight 8\n", "a.scn:3:3: there is no pool 'gpu'"},
      {"service chat\nfeed every 10s\n  in_flight 8x0\n", "a.scn:3:13: '8x0': a repetition is written x3"},
      {"service chat\nfeed every 10s\n  in_flight 8 eight\n", "a.scn:3:15: 'eight' is not an item of a series"},
      {"service chat\nfeed every 10s\n  ready 3 _\n", "a.scn:3:3: a count of replicas is a number in every step"},
      {"service chat\nfeed every 10s\n  at 10s set fails_with slo\n",
       "a.scn:3:14: fails_with cannot be changed on the way"},
      {"service chat\nfeed every 10s\n  at 10s explode\n", "a.scn:3:10: unknown event 'explode'"},
      {"service chat\nfeed every 10s\n  at 10s pause for ever\n", "a.scn:3:20: 'for' is followed by a duration"},
      {"service chat\nfeed every 10s\n  at 9s pause\n  at 8s resume\n", "a.scn:4:9: events of operators stand"},
      {"service chat\nfeed every 10s\n  in_flight 8x3\nexpect\n  30s 1\n", "a.scn:5:3: the scenario ends at 20s"},
      {"service chat\nfeed every 10s\n  in_flight 8x3\nexpect\n  15s 1\n", "a.scn:5:3: there is no decision at 15s"},
      {"service chat\nfeed every 10s\n  in_flight 8x3\nexpect\n  10s\n", "a.scn:5:6: what is expected is missing"},
      {"service chat\nfeed every 10s\n  in_flight 8x3\nexpect\n  10s 1 because so\n",
       "a.scn:5:17: unknown reason 'so'"},
      {"service chat\nfeed every 10s\n  in_flight 8x3\nscore\n  attainment > 1\n", "a.scn:5:3: a feed has no requests"},
      {"service chat\nrun 1h\n  traffic constant rate=1\nscore\n  luck > 1\n", "a.scn:5:3: unknown measure 'luck'"},
      {"service chat\nrun 1h\n  traffic constant rate=1\nscore\n  cost > much\n", "a.scn:5:10: 'much' is not a bound"},
  };
  for (const auto& [text, error] : bads) {
    const auto scenario = parse_scenario(text, "a.scn");
    ASSERT_FALSE(scenario) << text;
    EXPECT_TRUE(scenario.error().message.starts_with(error))
        << "  wanted " << error << "\n  got    " << scenario.error().message;
    EXPECT_EQ(scenario.error().kind, ErrorKind::invalid);
  }
}

TEST(ScenarioParser, durations_carry_units) {
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("800ms"), 800ms);
  EXPECT_EQ(parse_duration("5min"), 5min);
  EXPECT_EQ(parse_duration("0s"), 0s);
  for (const auto* bad : {"", "5", "s", "-5s", "5x", "1e99h", "nan"}) EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(parse_share("99%"), 0.99);
  EXPECT_FALSE(parse_share("101%"));
}

}  // namespace
}  // namespace tidegate
