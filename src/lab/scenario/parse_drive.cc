#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lab/scenario/parse_parts.h"

namespace tidegate {
namespace {

constexpr std::int64_t steps_limit = 200'000;
constexpr std::size_t lines_limit = 1'000;
constexpr double rate_limit = 100'000;
constexpr std::int64_t periods_limit = 10'000;

// How the replicas of each pool behave unless `replica` lines say otherwise: as the service believes.
std::vector<PlantPool> believed_pools(const ServiceSpec& service) {
  std::vector<PlantPool> pools;
  for (const auto& spec : service.pools) {
    PlantPool pool{.gpus = spec.gpus_each(), .price = spec.price};
    pool.life.name = spec.name;
    pool.life.load = spec.startup.value_or(0s);
    const auto& hint = spec.capacity;
    if (const auto slots = hint.slots_max ? hint.slots_max : hint.slots)
      pool.work.slots = static_cast<std::int32_t>(*slots);
    pool.work.base = hint.residence_base.value_or(hint.service.value_or(1s));
    pool.work.slope = hint.residence_slope.value_or(0s);
    pools.push_back(pool);
  }
  pools.front().life.initial = service.guardrails.replicas_min.value();
  return pools;
}

void parse_replica(WordReader& words, Scenario& scenario) {
  auto& pool = scenario.pools[pool_option(words, scenario)];
  if (const auto value = words.duration_option("provision")) pool.life.provision = *value;
  if (const auto value = words.duration_option("load")) pool.life.load = *value;
  if (const auto value = words.number_option("jitter", 0, 1)) pool.life.jitter = *value;
  if (const auto value = words.duration_option("startup_deadline")) pool.life.startup_deadline = *value;
  if (const auto value = words.duration_option("drain_deadline")) pool.life.drain_deadline = *value;
  if (const auto value = words.integer_option("stock", 0, 100'000)) pool.life.stock = *value;
  if (const auto value = words.integer_option("slots", 1, 10'000)) pool.work.slots = *value;
  if (const auto value = words.duration_option("base")) pool.work.base = *value;
  if (const auto value = words.duration_option("slope")) pool.work.slope = *value;
  if (const auto value = words.number_option("spread", 0, 3)) pool.work.spread = *value;
  if (const auto value = words.number_option("first", 0, 1)) pool.work.first = *value;
}

void parse_initial(WordReader& words, Scenario& scenario) {
  for (auto& pool : scenario.pools) {
    if (const auto value = words.integer_option(pool.life.name, 0, 10'000))
      pool.life.initial = *value;
    else
      pool.life.initial = 0;
  }
  if (!words.at_end()) scenario.pools.front().life.initial = words.integer("the number of replicas", 0, 10'000);
}

void parse_fed(WordReader& words, Scenario& scenario, const Word& key, Feed& feed) {
  FedSeries series{.signal = key.text};
  if (const auto dot = key.text.find('.'); dot != std::string::npos) {
    series.pool = pool_index(scenario, key.text.substr(0, dot));
    if (!series.pool) words.problems().add(key.at, fmt::format("there is no pool '{}'", key.text.substr(0, dot)));
    series.signal = key.text.substr(dot + 1);
  }
  if (key.text == "custom") series.signal += " " + words.take("the name of the custom signal").text;
  PoolObservation counts;
  if (!series.pool && fed_count(counts, series.signal) != nullptr) series.pool = 0;
  Observation scratch{.pools = std::vector<PoolObservation>(scenario.pools.size())};
  const bool is_count = series.pool && fed_count(counts, series.signal) != nullptr;
  if (!is_count && fed_reading(scratch, series.signal, series.pool) == nullptr)
    words.problems().add(key.at, fmt::format("'{}' is neither a signal, nor a count of replicas, nor a line of this "
                                             "block",
                                             key.text));
  series.items = parse_series(words, scenario.every);
  if (is_count && std::ranges::any_of(series.items, [](const Reading& item) {
        return !item.is_fresh() || item.value < 0 || item.value > 1e6;
      }))
    words.problems().add(key.at, "a count of replicas is a number in every step");
  feed.series.push_back(std::move(series));
}

}  // namespace

std::optional<std::size_t> pool_index(const Scenario& scenario, std::string_view name) {
  for (std::size_t i = 0; i < scenario.service.pools.size(); ++i)
    if (scenario.service.pools[i].name == name) return i;
  return std::nullopt;
}

std::size_t pool_option(WordReader& words, const Scenario& scenario) {
  const auto word = words.option("pool");
  if (!word) return 0;
  const auto index = pool_index(scenario, word->text);
  if (!index) words.problems().add(word->at, fmt::format("there is no pool '{}'", word->text));
  return index.value_or(0);
}

void open_drive(WordReader& words, Scenario& scenario) {
  const auto key = words.take("feed or run");
  if (scenario.service.pools.empty()) scenario.service.pools.push_back({});
  scenario.pools = believed_pools(scenario.service);
  if (key.text == "feed") {
    words.expect("every");
    scenario.every = words.duration("the step");
    if (words.accept("for")) scenario.length = words.duration("the length");
    scenario.drive = Feed{};
  } else {
    scenario.length = words.duration("the length of the run");
    scenario.drive = Run{};
    while (!words.at_end()) {
      if (words.accept("seed"))
        scenario.seed = static_cast<std::uint64_t>(words.integer("the seed", 0, 1'000'000'000));
      else if (words.accept("every"))
        scenario.every = words.duration("the time between decisions");
      else
        break;
    }
  }
  if (!words.problems().any() && (scenario.every < 1ms || scenario.length / scenario.every > steps_limit))
    words.problems().add(key.at, "a scenario has at most 200000 steps of at least 1ms");
  words.finish();
}

void parse_drive_line(WordReader& words, Scenario& scenario, const ReadPolicy& read_policy) {
  const auto key = words.take("a line of the block");
  auto* feed = std::get_if<Feed>(&scenario.drive);
  auto* run = std::get_if<Run>(&scenario.drive);
  if (key.text == "at") {
    parse_event(words, scenario, read_policy);
  } else if (key.text == "initial") {
    parse_initial(words, scenario);
  } else if (key.text == "replica") {
    parse_replica(words, scenario);
  } else if (feed != nullptr) {
    parse_fed(words, scenario, key, *feed);
  } else if (key.text == "traffic") {
    run->traffic.push_back(parse_traffic(words, scenario.length));
  } else {
    words.problems().add(key.at, fmt::format("'{}' is not known in a run: traffic, replica, initial or at", key.text));
  }
  words.finish();
  if ((feed != nullptr ? feed->series.size() : run->traffic.size()) > lines_limit)
    words.problems().add(key.at, "too many lines in this block");
}

TrafficPart parse_traffic(WordReader& words, Duration length) {
  TrafficPart part;
  const auto shape = words.take("the shape of the traffic");
  const auto rate = [&](std::string_view key) { return words.number_option(key, 0, rate_limit).value_or(0); };
  const auto time = [&](std::string_view key, Duration fallback) {
    return words.duration_option(key).value_or(fallback);
  };
  const auto has_room = [&](Duration period) {
    if (length / period > periods_limit)
      words.problems().add(shape.at, "traffic repeats at most 10000 times; a longer period is needed");
    return !words.problems().any();
  };
  part.burstiness = words.number_option("burstiness", 0, 1000).value_or(1);
  auto& curve = part.curve;
  if (shape.text == "constant") {
    const double r = rate("rate");
    const auto start = time("start", 0s), end = std::max(start, time("end", length));
    curve.knot(0s, 0).knot(start, 0).knot(start, r).knot(end, r).knot(end, 0);
  } else if (shape.text == "burst") {
    const double r = rate("rate");
    const auto at = time("at", 0s), end = at + time("for", 30s);
    curve.knot(0s, 0).knot(at, 0).knot(at, r).knot(end, r).knot(end, 0);
  } else if (shape.text == "step") {
    const double from = rate("from"), to = rate("to");
    const auto at = time("at", 0s);
    curve.knot(0s, from).knot(at, from).knot(at, to);
  } else if (shape.text == "ramp") {
    const double from = rate("from"), to = rate("to");
    const auto start = time("start", 0s);
    curve.knot(0s, from).knot(start, from).knot(std::max(start, time("end", length)), to);
  } else if (shape.text == "flash") {
    const double r = rate("rate"), peak = rate("peak");
    const auto at = time("at", 0s), top = at + time("rise", 1min), over = top + time("for", 0s);
    curve.knot(0s, r).knot(at, r).knot(top, peak).knot(over, peak).knot(over + time("fall", 1min), r);
  } else if (shape.text == "on_off") {
    const double r = rate("rate");
    const auto on = std::max<Duration>(time("on", 30s), 1s), off = std::max<Duration>(time("off", 30s), 1s);
    for (Duration t = time("start", 0s); t < length && has_room(on + off); t += on + off)
      curve.knot(t, 0).knot(t, r).knot(t + on, r).knot(t + on, 0);
  } else if (shape.text == "sine") {
    const double low = rate("low"), high = rate("high");
    const auto period = std::max<Duration>(time("period", 1h), 8s);
    // Thirty-two straight pieces a period: within 0.5 % of the sine, beginning at its lowest point.
    constexpr int pieces = 32;
    for (int i = 0; period / pieces * (i - 1) < length && has_room(period); ++i)
      curve.knot(period / pieces * i, low + (high - low) * (1 - std::cos(2 * std::numbers::pi * i / pieces)) / 2);
  } else {
    words.problems().add(
        shape.at, fmt::format("unknown traffic '{}': constant, burst, step, ramp, flash, on_off or sine", shape.text));
  }
  return part;
}

}  // namespace tidegate
