// Lines "at TIME EVENT ... [for DURATION]": what operators do and what goes wrong.
#include <fmt/format.h>

#include "lab/scenario/parse_parts.h"

namespace tidegate {
namespace {

constexpr std::size_t events_limit = 1'000;

LostSignalFault parse_lost(WordReader& words) {
  LostSignalFault lost;
  if (!words.accept("everything")) lost.signal = words.take("a signal, or everything").text;
  if (!lost.signal.empty() && !from_text<Signal>(lost.signal) && lost.signal != "within_slo" &&
      lost.signal != "missed_slo")
    words.problems().add(words.place(), fmt::format("unknown signal '{}'", lost.signal));
  if (!words.accept("as")) return lost;
  const auto word = words.take("absent, stale, nan, error or partial(3/4)");
  if (const auto quality = from_text<Quality>(word.text); quality && *quality != Quality::fresh) {
    lost.as = *quality;
    return lost;
  }
  std::string_view text = word.text;
  if (text.starts_with("partial(") && text.ends_with(')')) {
    text = text.substr(8, text.size() - 9);
    const auto slash = text.find('/');
    const auto reported = parse_number(text.substr(0, slash));
    const auto expected = slash == std::string_view::npos ? std::nullopt : parse_number(text.substr(slash + 1));
    if (reported && expected && *reported >= 0 && *expected >= 1 && *reported <= *expected && *expected <= 1e6) {
      lost.partial = Coverage{static_cast<std::int32_t>(*reported), static_cast<std::int32_t>(*expected)};
      return lost;
    }
  }
  words.problems().add(word.at, fmt::format("'{}': absent, stale, nan, error or partial(3/4)", word.text));
  return lost;
}

OverrideSteer parse_override(WordReader& words) {
  if (words.accept("off")) return {};
  OverrideSteer steer;
  steer.kind = words.choice<OverrideKind>("override");
  steer.replicas = words.integer("the number of replicas", 0, 100'000);
  return steer;
}

// One service setting, as in the service block, from this time on.
ReloadSteer parse_reload(WordReader& words, const Scenario& scenario, const ReadPolicy& read_policy) {
  auto scratch = Scenario{.service = scenario.service, .variants = {}, .drive = Feed{}};
  for (auto later = scenario.steers.rbegin(); later != scenario.steers.rend(); ++later)
    if (const auto* reload = std::get_if<ReloadSteer>(&later->what)) {
      scratch.service = reload->spec;
      break;
    }
  const auto at = words.place();
  Line rest;
  while (!words.at_end()) rest.words.push_back(words.take("a setting"));
  if (rest.words.empty()) {
    words.problems().add(at, "a setting is missing, as in set replicas 1..4");
    return {scratch.service};
  }
  for (const auto* fixed : {"pool", "fails_with"})
    if (rest.words.front().text == fixed)
      words.problems().add(at, fmt::format("{} cannot be changed on the way", fixed));
  WordReader inner{rest, words.problems()};
  parse_service_line(inner, scratch, read_policy);
  if (!scratch.variants.empty()) scratch.service.policies = scratch.variants.front();
  return {scratch.service};
}

// The trailing "for DURATION", taken off first so that every event reads only its own words.
std::optional<Duration> take_lasts(Line& line, Problems& problems) {
  if (line.words.size() < 2 || line.words[line.words.size() - 2].text != "for") return std::nullopt;
  const auto word = line.words.back();
  line.words.resize(line.words.size() - 2);
  const auto lasts = parse_duration(word.text);
  if (!lasts) problems.add(word.at, fmt::format("'for' is followed by a duration, not '{}'", word.text));
  return lasts;
}

bool parse_steer(WordReader& words, const std::string& event, const Scenario& scenario, const ReadPolicy& read_policy,
                 Steer& steer) {
  if (event == "pause")
    steer.what = PauseSteer{};
  else if (event == "resume")
    steer.what = ResumeSteer{};
  else if (event == "override")
    steer.what = parse_override(words);
  else if (event == "rollout")
    steer.what = RolloutSteer{};
  else if (event == "set")
    steer.what = parse_reload(words, scenario, read_policy);
  else if (event == "restart") {
    if (!words.accept("kept") && words.accept("lost"))
      steer.what = RestartSteer{.keeps_state = false};
    else
      steer.what = RestartSteer{};
  } else
    return false;
  return true;
}

bool parse_fault(WordReader& words, const std::string& event, const Scenario& scenario, Fault& fault) {
  if (event == "crash") {
    const auto pool = pool_option(words, scenario);
    fault.what = CrashFault{pool, words.at_end() ? 1 : words.integer("how many replicas", 1, 100'000)};
  } else if (event == "never_ready") {
    fault.what = StuckFault{pool_option(words, scenario)};
  } else if (event == "available") {
    const auto pool = pool_option(words, scenario);
    if (words.accept("unknown"))
      fault.what = StockFault{pool, std::nullopt};
    else
      fault.what = StockFault{pool, words.integer("how many can be placed", 0, 100'000)};
  } else if (event == "edit") {
    const auto pool = pool_option(words, scenario);
    fault.what = EditFault{pool, words.integer("the size somebody else sets", 0, 10'000)};
  } else if (event == "slow") {
    const auto count = words.integer_option("replicas", 1, 100'000);
    fault.what = SlowFault{words.number("how many times as slow", 0.01, 1000), count};
  } else if (event == "lose") {
    fault.what = parse_lost(words);
  } else {
    return false;
  }
  return true;
}

}  // namespace

void parse_event(WordReader& words, Scenario& scenario, const ReadPolicy& read_policy) {
  const auto at = words.duration("the time of the event");
  Line line;
  while (!words.at_end()) line.words.push_back(words.take("an event"));
  const auto lasts = take_lasts(line, words.problems());
  if (line.words.empty()) {
    words.problems().add(words.place(), "an event is missing");
    return;
  }
  WordReader rest{line, words.problems()};
  const auto event = rest.take("an event");
  Steer steer{.at = at, .lasts = lasts.value_or(0s)};
  Fault fault{.at = at, .lasts = lasts.value_or(0s)};
  if (!scenario.steers.empty() && scenario.steers.back().at > at)
    words.problems().add(event.at, "events of operators stand in order of time");
  if (parse_steer(rest, event.text, scenario, read_policy, steer))
    scenario.steers.push_back(std::move(steer));
  else if (parse_fault(rest, event.text, scenario, fault))
    scenario.faults.push_back(std::move(fault));
  else
    words.problems().add(event.at, fmt::format("unknown event '{}': pause, resume, override, rollout, restart, set, "
                                               "crash, never_ready, available, edit, slow or lose",
                                               event.text));
  rest.finish();
  if (scenario.steers.size() + scenario.faults.size() > events_limit)
    words.problems().add(event.at, "a scenario has at most 1000 events");
}

}  // namespace tidegate
