#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/base/time_zone.h"
#include "lab/scenario/parse_parts.h"

namespace tidegate {
namespace {

constexpr std::int32_t replicas_limit = 100'000;
constexpr std::size_t pools_limit = 32;
constexpr std::size_t policies_limit = 32;

std::optional<MicroUsdPerHour> price_option(WordReader& words) {
  const auto word = words.option("price");
  if (!word) return std::nullopt;
  std::string_view text = word->text;
  if (text.starts_with('$') && text.ends_with("/h")) {
    text.remove_prefix(1), text.remove_suffix(2);
    if (const auto value = parse_number(text); value && *value > 0 && *value < 1e6)
      return MicroUsdPerHour{static_cast<std::int64_t>(*value * 1e6 + 0.5)};
  }
  words.problems().add(word->at, fmt::format("price= is given as $3.50/h, not '{}'", word->text));
  return std::nullopt;
}

void parse_slo(WordReader& words, Slo& slo) {
  slo.objectives.clear();
  while (!words.at_end()) {
    const auto word = words.take("an objective");
    bool known = false;
    for (const auto& kind : enum_texts<LatencyKind>)
      for (const auto& percentile : enum_texts<Percentile>)
        if (word.text == fmt::format("{}_{}", kind.text, percentile.text)) {
          slo.objectives.push_back({kind.value, percentile.value, words.duration("the bound of the objective")});
          known = true;
        }
    if (!known)
      words.problems().add(word.at, fmt::format("unknown objective '{}': ttft, itl, latency or queue_wait, then "
                                                "_p50, _p90, _p95, _p99 or _p999",
                                                word.text));
  }
  if (slo.objectives.empty()) words.problems().add(words.place(), "an objective is missing, as in ttft_p99 2s");
}

void parse_replicas(WordReader& words, Guardrails& guardrails) {
  const auto word = words.take("the range of replicas");
  const auto dots = word.text.find("..");
  const auto low = parse_number(word.text.substr(0, dots));
  const auto high = dots == std::string::npos ? low : parse_number(word.text.substr(dots + 2));
  if (!low || !high || *low < 0 || *high < *low || *high > replicas_limit) {
    words.problems().add(word.at, fmt::format("replicas are given as MIN..MAX, not '{}'", word.text));
    return;
  }
  guardrails.replicas_min = Replicas{static_cast<std::int32_t>(*low)};
  guardrails.replicas_max = Replicas{static_cast<std::int32_t>(*high)};
}

void parse_pool(WordReader& words, ServiceSpec& service) {
  PoolSpec pool;
  const auto name = words.take("the name of the pool");
  pool.name = name.text;
  if (std::ranges::any_of(service.pools, [&](const auto& other) { return other.name == pool.name; }))
    words.problems().add(name.at, fmt::format("pool '{}' is there already", pool.name));
  pool.startup = words.duration_option("startup");
  pool.capacity.slots = words.number_option("slots", 1, 10'000);
  pool.capacity.service = words.duration_option("service");
  pool.capacity.residence_base = words.duration_option("base");
  pool.capacity.residence_slope = words.duration_option("slope");
  pool.capacity.slots_max = words.number_option("slots_max", 1, 10'000);
  pool.price = price_option(words);
  pool.gpus = words.integer_option("gpus", 0, 1024).value_or(0);
  pool.gpu_share = words.number_option("gpu_share", 0.001, 1);
  if (const auto most = words.integer_option("max", 0, replicas_limit)) pool.replicas_max = Replicas{*most};
  if (service.pools.size() >= pools_limit) words.problems().add(name.at, "a scenario has at most 32 pools");
  service.pools.push_back(std::move(pool));
}

std::optional<RateLimit> parse_rate(WordReader& words) {
  RateLimit rate;
  rate.change = Replicas{words.integer("the number of replicas", 1, replicas_limit)};
  words.expect("per");
  rate.period = words.duration("the period of the rate");
  return rate;
}

void parse_hold(WordReader& words, HoldSpec& hold) {
  if (const auto age = words.duration_option("max_age")) hold.max_age = *age;
  if (const auto most = words.integer_option("max_requests", 0, 1'000'000)) hold.max_requests = *most;
}

void set_hold_down(WordReader& words, Scenario& scenario) {
  const auto at = words.place();
  const auto hold_down = words.duration("the hold_down");
  bool found = false;
  for (auto& list : scenario.variants)
    for (auto& policy : list)
      if (auto* target = std::get_if<TargetPolicy>(&policy)) target->hold_down = hold_down, found = true;
  if (!found) words.problems().add(at, "hold_down belongs to a target policy, which must stand above it");
}

// Several policy lines make a list; alternatives within a line make variants.
void add_policies(WordReader& words, Scenario& scenario, const ReadPolicy& read_policy) {
  const auto at = words.place();
  const auto alternatives = parse_policies(words, read_policy);
  std::vector<std::vector<PolicySpec>> combined;
  for (const auto& list : scenario.variants)
    for (const auto& alternative : alternatives) {
      combined.push_back(list);
      combined.back().insert(combined.back().end(), alternative.begin(), alternative.end());
    }
  if (combined.empty()) combined = alternatives;
  if (combined.size() > policies_limit || (!combined.empty() && combined.front().size() > policies_limit))
    words.problems().add(at, "more than 32 policies or alternatives");
  else
    scenario.variants = std::move(combined);
}

// Policies that must not pass: what shows that the scenario tells a good policy from a bad one.
void add_worse(WordReader& words, Scenario& scenario, const ReadPolicy& read_policy) {
  const auto at = words.place();
  std::ranges::move(parse_policies(words, read_policy), std::back_inserter(scenario.worse));
  if (scenario.worse.size() > policies_limit) words.problems().add(at, "more than 32 policies that must fail");
}

std::string parse_time_zone(WordReader& words) {
  const auto word = words.take("a time zone");
  if (find_time_zone(word.text) == nullptr)
    words.problems().add(word.at,
                         fmt::format("unknown time zone '{}'; write an IANA name such as Europe/Berlin", word.text));
  return word.text;
}

}  // namespace

void parse_service_line(WordReader& words, Scenario& scenario, const ReadPolicy& read_policy) {
  auto& service = scenario.service;
  const auto key = words.take("a setting");
  if (key.text == "slo")
    parse_slo(words, service.slo);
  else if (key.text == "replicas")
    parse_replicas(words, service.guardrails);
  else if (key.text == "pool")
    parse_pool(words, service);
  else if (key.text == "policy")
    add_policies(words, scenario, read_policy);
  else if (key.text == "fails_with")
    add_worse(words, scenario, read_policy);
  else if (key.text == "compare_with") {
    for (const auto& list : parse_policies(words, read_policy)) service.compare_with.push_back(list.front());
  } else if (key.text == "hold_down")
    set_hold_down(words, scenario);
  else if (key.text == "step_up")
    service.guardrails.step_up = Replicas{words.integer("step_up", 1, replicas_limit)};
  else if (key.text == "step_down")
    service.guardrails.step_down = Replicas{words.integer("step_down", 1, replicas_limit)};
  else if (key.text == "rate_up")
    service.guardrails.rate_up = parse_rate(words);
  else if (key.text == "rate_down")
    service.guardrails.rate_down = parse_rate(words);
  else if (key.text == "dwell")
    service.guardrails.dwell = words.duration("the dwell");
  else if (key.text == "mode")
    service.mode = words.choice<Mode>("mode");
  else if (key.text == "timezone")
    service.timezone = parse_time_zone(words);
  else if (key.text == "hold")
    parse_hold(words, service.hold);
  else
    words.problems().add(key.at,
                         fmt::format("unknown setting '{}': slo, replicas, pool, policy, compare_with, "
                                     "fails_with, hold_down, step_up, step_down, rate_up, rate_down, dwell, mode, "
                                     "timezone or hold",
                                     key.text));
  words.finish();
}

}  // namespace tidegate
