// Policies in `policy`, `compare_with` and `fails_with` lines.
#include <fmt/format.h>

#include "lab/scenario/parse_parts.h"

namespace tidegate {
namespace {

constexpr std::int32_t size_most = 100'000;

SchedulePolicy parse_schedule(WordReader& words) {
  ScheduleEntry entry;
  const auto start = words.option("start"), end = words.option("end");
  if (!start || !end) words.problems().add(words.place(), "schedule needs start= and end=, cron expressions in quotes");
  const auto read = [&](const std::optional<Word>& word, Cron& into) {
    if (!word) return;
    if (auto cron = parse_cron(word->text))
      into = std::move(*cron);
    else
      words.problems().add(word->at, std::move(cron.error().message));
  };
  read(start, entry.start);
  read(end, entry.end);
  entry.replicas_min = Replicas{words.integer_option("min", 0, size_most).value_or(0)};
  if (const auto most = words.integer_option("max", 0, size_most)) entry.replicas_max = Replicas{*most};
  return {{entry}};
}

TargetPolicy parse_target(WordReader& words, TargetPolicy policy) {
  if (const auto signal = words.option("signal")) {
    if (const auto known = from_text<Signal>(signal->text))
      policy.signal = *known;
    else
      words.problems().add(signal->at, fmt::format("unknown signal '{}'", signal->text));
  }
  if (const auto name = words.option("name")) policy.name = name->text;
  if (const auto target = words.number_option("target", 1e-9, 1e12)) policy.target = *target;
  if (const auto tolerance = words.number_option("tolerance", 0, 1)) policy.tolerance = *tolerance;
  if (const auto hold_down = words.duration_option("hold_down")) policy.hold_down = *hold_down;
  if (words.accept("average")) policy.per_replica = false;
  return policy;
}

HpaPolicy parse_hpa(WordReader& words) {
  HpaPolicy policy;
  if (const auto signal = words.option("signal"))
    policy.signal = from_text<Signal>(signal->text).value_or(policy.signal);
  if (const auto type = words.option("type")) {
    if (const auto known = from_text<HpaTarget>(type->text))
      policy.type = *known;
    else
      words.problems().add(type->at, fmt::format("unknown type '{}'", type->text));
  }
  if (const auto target = words.number_option("target", 1e-3, 1e12)) policy.target_average = *target;
  if (const auto tolerance = words.number_option("tolerance", 0, 1)) policy.tolerance = *tolerance;
  if (const auto sync = words.duration_option("sync")) policy.sync_period = *sync;
  if (const auto delay = words.duration_option("delay")) policy.metric_delay = *delay;
  if (const auto window = words.duration_option("stabilize_up")) policy.stabilize_up = *window;
  if (const auto window = words.duration_option("stabilize_down")) policy.stabilize_down = *window;
  return policy;
}

// Without `signal` on in_flight and queued alike.
KedaPolicy parse_keda(WordReader& words) {
  KedaPolicy policy;
  if (const auto signal = words.option("signal")) {
    policy.triggers.resize(1);
    policy.triggers[0].signal = from_text<Signal>(signal->text).value_or(policy.triggers[0].signal);
  }
  const auto threshold = words.number_option("threshold", 1e-3, 1e12);
  const auto activation = words.number_option("activation", 0, 1e12);
  for (auto& trigger : policy.triggers) {
    trigger.threshold = threshold.value_or(trigger.threshold);
    trigger.activation_threshold = activation.value_or(trigger.activation_threshold);
  }
  if (const auto polling = words.duration_option("polling")) policy.polling_interval = *polling;
  if (const auto cooldown = words.duration_option("cooldown")) policy.cooldown_period = *cooldown;
  if (const auto delay = words.duration_option("delay")) policy.metric_delay = *delay;
  if (const auto window = words.duration_option("stabilize_down")) policy.stabilize_down = *window;
  return policy;
}

// A policy that the language has no words for: its settings are read as the configuration spells them, so that every
// peer has one reader. A value with blanks stands in quotes: "steps_out=[{adjustment: 1}]".
std::optional<PolicySpec> parse_configured(const Word& name, WordReader& words, const ReadPolicy& read_policy) {
  std::string settings;
  while (!words.at_end()) {
    const auto setting = words.take("a setting");
    const auto sign = setting.text.find('=');
    if (sign == std::string::npos || sign == 0) {
      words.problems().add(
          setting.at,
          fmt::format("'{}' is not understood here; settings of {} are given as name=value", setting.text, name.text));
      return std::nullopt;
    }
    settings += fmt::format("{}{}: {}", settings.empty() ? "" : ", ", setting.text.substr(0, sign),
                            setting.text.substr(sign + 1));
  }
  const auto policies = read_policy(settings.empty() ? name.text : fmt::format("{{{}: {{{}}}}}", name.text, settings));
  if (policies && policies->size() == 1) return policies->front();
  words.problems().add(name.at,
                       policies ? fmt::format("'{}' is more than one policy", name.text) : policies.error().message);
  return std::nullopt;
}

PolicySpec parse_policy(WordReader& words, const ReadPolicy& read_policy) {
  const auto name = words.take("the name of a policy");
  if (name.text == "slo") return SloPolicy{.peak_rate = words.number_option("peak_rate", 0, 1e9)};
  if (name.text == "target") return parse_target(words, {});
  if (name.text == "schedule") return parse_schedule(words);
  if (name.text == "hpa") return parse_hpa(words);
  if (name.text == "keda") return parse_keda(words);
  if (name.text == "static") return StaticPolicy{Replicas{words.integer("the size", 0, size_most)}};
  // A signal's name alone is a target policy on it.
  if (const auto signal = from_text<Signal>(name.text)) return parse_target(words, {.signal = *signal});
  if (read_policy) return parse_configured(name, words, read_policy).value_or(SloPolicy{});
  words.problems().add(
      name.at, fmt::format("unknown policy '{}': slo, target, schedule, hpa, keda, static, or a signal", name.text));
  return SloPolicy{};
}

// The words up to the next "|", as a line of their own.
std::vector<Line> split_alternatives(WordReader& words) {
  std::vector<Line> parts(1);
  while (!words.at_end()) {
    auto word = words.take("a policy");
    if (word.text == "|")
      parts.emplace_back();
    else
      parts.back().words.push_back(std::move(word));
  }
  return parts;
}

}  // namespace

std::vector<std::vector<PolicySpec>> parse_policies(WordReader& words, const ReadPolicy& read_policy) {
  std::vector<std::vector<PolicySpec>> alternatives;
  const auto at = words.place();
  for (const auto& part : split_alternatives(words)) {
    if (part.words.empty()) words.problems().add(at, "the name of a policy is missing");
    WordReader inner{part, words.problems()};
    alternatives.push_back({parse_policy(inner, read_policy)});
    inner.finish();
  }
  return alternatives;
}

}  // namespace tidegate
