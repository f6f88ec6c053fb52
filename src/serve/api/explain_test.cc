#include "serve/api/explain.h"

#include <gtest/gtest.h>

#include "serve/api/fact_text.h"
#include "serve/api/reason_text.h"
#include "serve/journal/decision_record.h"

namespace tidegate {
namespace {

// A raise that a rate limit cut from 9 to 7.
Decision limited_raise() {
  const Instant now = instant_at(1'789'380'900);  // 2026-09-14 10:15:00Z
  return {.now = now,
          .service = "chat",
          .verdict = Verdict::raise,
          .reason = Reason::slo_breach_observed,
          .pools = {{.pool = "h100", .replicas = Replicas{7}, .slots = 16, .weight = 1}},
          .band = {.floor = WeightedReplicas{8.37},
                   .ceiling = WeightedReplicas{9.2},
                   .floor_reason = Reason::slo_breach_observed,
                   .ceiling_reason = Reason::load_fall},
          .stages = {{.stage = Stage::observe,
                      .before = 118,
                      .after = 118,
                      .facts = {{"in_flight", 64}, {"queued", 54}, {"rate", 14.2}}},
                     {.stage = Stage::forecast,
                      .before = 14.2,
                      .after = 19.84,
                      .reason = Reason::trusted,
                      .note = "seasonal",
                      .facts = {{"horizon", 62}, {"quantile", 0.9}}},
                     {.stage = Stage::band, .before = 5, .after = 8.37, .reason = Reason::slo_breach_observed},
                     {.stage = Stage::mix, .before = 5, .after = 9, .reason = Reason::steady},
                     {.stage = Stage::guard, .before = 9, .after = 7, .reason = Reason::rate_limited}},
          .peers = {{"hpa", Replicas{6}}},
          .lead_time = 62s,
          .hold_time = 5min,
          .demand_rate = 14.2,
          .demand_expected = 19.84,
          .unlocks = now + 60s};
}

Observation seen_by(const Decision& decision) {
  Observation seen{.now = decision.now, .service = decision.service};
  seen.arrivals = Reading::of(14);
  seen.arrivals.derived = true;
  seen.completions = Reading::of(12);
  seen.in_flight = {.quality = Quality::fresh, .value = 64, .coverage = {.reported = 3, .expected = 4}};
  seen.queued = {.quality = Quality::stale, .value = 54, .age = 41s};
  seen.gpu_util = {.quality = Quality::error};
  seen.latency(LatencyKind::ttft, Percentile::p99) = Reading::of(3.25);
  seen.pools = {{.pool = "h100", .loading = 1, .ready = 4, .draining = 2}};
  return seen;
}

TEST(Explain, a_decision_alone) {
  EXPECT_EQ(explanation(limited_raise()),
            R"(chat @2026-09-14 10:15:00Z   set 7 (was 5)   slo_breach_observed
  The measured latency exceeds the objective.
  Check whether one replica is slow (the replicas table), or whether the objective is below what the model can do.
  observe     118 requests                                 in_flight 64 requests, queued 54 requests, rate 14.2/s
  forecast    14.2 -> 19.8/s         trusted               seasonal, horizon 1m2s, quantile 0.9
  band        8.37 .. 9.2 replicas   slo_breach_observed   floor slo_breach_observed, ceiling load_fall
  mix         5 -> 9 replicas
  guard       9 -> 7 replicas        rate_limited          unlocks 10:16:00Z (in 1m)
  expect      a replica asked for now is ready about 10:16:02Z (in 1m2s); an idle one is kept 5m
  beside us   hpa 6
)");
}

TEST(Explain, the_record_reads_as_the_decision_did) {
  const auto record = stored(limited_raise());
  EXPECT_EQ(explanation(view_of(record)), explanation(limited_raise()));
}

TEST(Explain, the_present_adds_what_was_seen_and_who_steers) {
  const auto decision = limited_raise();
  auto seen = seen_by(decision);
  seen.manual = Override{OverrideKind::floor, Replicas{3}, decision.now + 2h, "ada", "launch day"};
  seen.pause = Pause{std::nullopt, "bob", "maintenance"};
  const ServiceSpec spec{.name = "chat", .mode = Mode::shadow};
  const auto text = explanation(decision, {.spec = &spec, .seen = &seen, .now = decision.now + 15s});
  EXPECT_TRUE(text.starts_with("chat @2026-09-14 10:15:00Z (15s ago)   set 7 (was 5)   slo_breach_observed\n")) << text;
  for (const auto* line : {
           "  promise     ttft_p99 3.25s of 2s, missed\n",
           "  replicas    h100: 4 ready, 1 loading, 2 draining\n",
           "  override    floor 3 by ada until 12:15:00Z: launch day\n",
           "  paused      by bob until resumed: maintenance\n",
           "  measured    arrivals derived, in_flight partial (3 of 4 replicas report), queued stale for 41s, "
           "gpu_util error\n",
           "  shadow      shown only; nothing is carried out\n",
       })
    EXPECT_TRUE(text.contains(line)) << line << "\n" << text;
}

TEST(Explain, what_was_not_measured_is_named_and_is_not_zero) {
  Observation seen{.service = "chat"};
  seen.pools = {{.pool = "h100"}};
  const ServiceSpec spec{.name = "chat"};
  const auto text = explanation({.now = instant_at(30), .service = "chat", .reason = Reason::no_data},
                                {.spec = &spec, .seen = &seen});
  EXPECT_TRUE(text.starts_with("chat @30s   hold 0   no_data\n")) << text;
  EXPECT_TRUE(text.contains("ttft_p99 not measured, of 2s")) << text;
  EXPECT_TRUE(text.contains("arrivals absent, completions absent, in_flight absent, queued absent")) << text;
  EXPECT_TRUE(text.contains("h100: none")) << text;
}

TEST(Explain, what_would_make_it_another_size) {
  const WhatIf what_if{.wanted = Replicas{9},
                       .present = Replicas{7},
                       .changes = {{"arrivals 1.4 times the present 14.2/s", Replicas{9}, Reason::load_rise, true},
                                   {"replicas.max 8 instead of 7", Replicas{8}, Reason::load_rise, false}},
                       .blocked_by = Reason::rate_limited};
  const auto text = explanation(limited_raise(), {.what_if = &what_if});
  EXPECT_TRUE(text.ends_with(R"(What would make it 9 (now 7):
  held by   rate_limited: As many replicas were added or removed within the period as the rate limit allows.
  with   arrivals 1.4 times the present 14.2/s   -> 9   load_rise
  even   replicas.max 8 instead of 7             -> 8   load_rise
)")) << text;
  const WhatIf nothing{.wanted = Replicas{7}, .present = Replicas{7}};
  EXPECT_TRUE(explanation(limited_raise(), {.what_if = &nothing})
                  .ends_with("What would make it 7: nothing need change, it is 7 as things are.\n"));
}

TEST(Explain, two_pools_are_listed) {
  auto decision = limited_raise();
  decision.pools = {{.pool = "h100", .replicas = Replicas{2}}, {.pool = "l4", .replicas = Replicas{3}}};
  EXPECT_EQ(decision_headline(decision, {.before = Replicas{4}}),
            "chat @2026-09-14 10:15:00Z   set 5 (2 h100 + 3 l4) (was 4)   slo_breach_observed");
}

TEST(FactText, units_follow_from_names) {
  const std::pair<std::string, std::string> cases[] = {
      {fact_text("rate", 14.2), "rate 14.2/s"},
      {fact_text("lead_seconds", 62), "lead_seconds 1m2s"},
      {fact_text("in_flight", 1), "in_flight 1 request"},
      {fact_text("price_per_hour", 28), "price_per_hour $28.00/h"},
      {fact_text("quantile", 0.975), "quantile 0.975"},
      {fact_text("anything", std::numeric_limits<double>::quiet_NaN()), "anything unknown"},
      {number_text(-0.0), "0"},
      {number_text(1234567.8), "1234568"},
      {number_text(0.000123456), "0.000123"},
      {time_text(instant_at(90)), "1m30s"},
      {near_time_text(instant_at(1'789'380'900), instant_at(1'789'280'900)), "2026-09-14 10:15:00Z"},
  };
  for (const auto& [is, wanted] : cases) EXPECT_EQ(is, wanted);
}

TEST(ReasonText, every_reason_has_a_sentence_and_an_advice) {
  for (const auto& entry : enum_texts<Reason>) {
    const auto& text = reason_text(entry.value);
    EXPECT_EQ(text.reason, entry.value);
    for (const auto sentence : {text.meaning, text.advice}) {
      EXPECT_TRUE(sentence.ends_with('.') && sentence.size() > 10) << entry.text;
      EXPECT_FALSE(sentence.contains('|')) << entry.text << ": would break the table of the reference page";
    }
  }
}

}  // namespace
}  // namespace tidegate
