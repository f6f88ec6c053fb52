// Rows of nomad-autoscaler's and KubeAI's unit tests (../shared/conformance/README.md, nomad.jsonl). Settings are text
// in Nomad; they are read here as strictly as Go reads them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <numeric>
#include <stdexcept>

#include "core/policy/peers/nomad_strategy.h"
#include "vectors.h"

namespace tidegate {
namespace {

// A setting that is missing or no number: the strategy refuses it.
struct BadSetting : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class Number>
std::optional<Number> read_setting(const Json& config, const char* name) {
  const auto found = config.find(name);
  if (found == config.end()) return std::nullopt;
  const auto text = found->get<std::string>();
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  Number number{};
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size() || digits.empty())
    throw BadSetting(fmt::format("invalid value for `{}`: {}", name, text));
  return number;
}

template <class Number>
Number required_setting(const Json& config, const char* name) {
  const auto value = read_setting<Number>(config, name);
  if (!value) throw BadSetting(fmt::format("missing required field `{}`", name));
  return *value;
}

NomadTargetValue read_target_value(const Json& config) {
  return {.target = required_setting<double>(config, "target"),
          .threshold = read_setting<double>(config, "threshold").value_or(NomadTargetValue{}.threshold),
          .max_scale_up = read_setting<std::int32_t>(config, "max_scale_up"),
          .max_scale_down = read_setting<std::int32_t>(config, "max_scale_down")};
}

NomadThreshold read_threshold(const Json& config) {
  NomadThreshold threshold{.lower_bound = read_setting<double>(config, "lower_bound"),
                           .upper_bound = read_setting<double>(config, "upper_bound"),
                           .delta = read_setting<std::int32_t>(config, "delta"),
                           .percentage = read_setting<double>(config, "percentage"),
                           .value = read_setting<std::int32_t>(config, "value")};
  if (const auto points = read_setting<std::int32_t>(config, "within_bounds_trigger"))
    threshold.within_bounds_trigger = *points;
  if (!threshold.lower_bound && !threshold.upper_bound) throw BadSetting("neither lower_bound nor upper_bound");
  if (threshold.delta.has_value() + threshold.percentage.has_value() + threshold.value.has_value() != 1)
    throw BadSetting("not exactly one of delta, percentage and value");
  return threshold;
}

NomadPassThrough read_pass_through(const Json& config) {
  return {.max_scale_up = read_setting<std::int32_t>(config, "max_scale_up"),
          .max_scale_down = read_setting<std::int32_t>(config, "max_scale_down")};
}

NomadFixedValue read_fixed_value(const Json& config) {
  return {.value = required_setting<std::int32_t>(config, "value")};
}

std::vector<double> read_points(const Json& row) {
  return row.contains("metrics") ? row.at("metrics").get<std::vector<double>>() : std::vector<double>{};
}

void compare(Differences& found, const std::optional<NomadAction>& got, const Json& want) {
  if (want.contains("error") || want.contains("error_contains")) return found.say("no error");
  if (want.value("no_result", false) != !got) return found.say(got ? "an answer" : "no answer");
  if (!got) return;
  found.text("direction", to_text(got->direction), want.at("direction"));
  if (want.contains("count")) found.integer("count", got->count, want.at("count"));
}

template <auto read>
Differences check_strategy(const Json& row) {
  Differences found;
  const auto& want = row.at("want");
  try {
    const auto strategy = read(row.at("config"));
    const auto points = read_points(row);
    const auto action = nomad_run(strategy, points, row.at("count").get<std::int64_t>());
    compare(found, action, want);
    // Of a reason only its number is Nomad's own; the words are ours to choose.
    const auto reason = want.value("reason", std::string{});
    const auto number = reason.find(" is ");
    if (action && number != std::string::npos && reason.find("within") == std::string::npos) {
      const bool is_factor = reason.find("factor") != std::string::npos;
      found.text("number of the reason",
                 is_factor ? fmt::format("{:.6f}", action->because) : fmt::format("{:.0f}", action->because),
                 reason.substr(number + 4));
    }
  } catch (const BadSetting& error) {
    if (!want.contains("error") && !want.contains("error_contains")) found.say(error.what());
  }
  return found;
}

Differences check_direction(const Json& row) {
  Differences found;
  found.text("direction",
             to_text(nomad_direction(row.at("count").get<std::int64_t>(), row.at("factor").get<double>(),
                                     row.at("threshold").get<double>())),
             row.at("want"));
  return found;
}

NomadAction read_action(const Json& action) {
  const auto direction = from_text<NomadDirection>(action.at("direction").get<std::string>());
  if (!direction) throw std::runtime_error("the direction is not known");
  return {.direction = *direction, .count = action.value("count", std::int64_t{0})};
}

Differences check_preempt(const Json& row) {
  Differences found;
  compare(found, nomad_preempt(read_action(row.at("a")), read_action(row.at("b"))), row.at("want"));
  return found;
}

Differences check_pick_winner(const Json& row) {
  Differences found;
  std::vector<NomadVote> votes;
  std::vector<std::string> names;
  names.reserve(row.at("groups").size());
  for (const auto& [name, actions] : row.at("groups").items()) {
    names.push_back(name);
    for (const auto& action : actions)
      if (!action.is_null()) votes.push_back({names.back(), read_action(action)});
  }
  const auto winner = nomad_winner(votes);
  if (row.at("want").is_null()) {
    if (winner) found.say("a winner where none is wanted");
  } else {
    compare(found, winner, row.at("want"));
  }
  return found;
}

Differences check_cap_count(const Json& row) {
  Differences found;
  const auto count = row.at("count").get<std::int64_t>();
  const auto capped = nomad_capped(count, row.at("min").get<std::int64_t>(), row.at("max").get<std::int64_t>());
  const auto& want = row.at("want");
  found.integer("count", capped, want.at("count"));
  found.truth("capped", capped != count, want.at("capped"));
  if (!want.at("capped").get<bool>()) return found;
  const auto former = row.at("reason").get<std::string>();
  found.integer("original", count, want.at("original"));
  found.text("reason", fmt::format("capped count from {} to {} to stay within limits", count, capped),
             want.at("reason"));
  found.json("history", former.empty() ? Json::array() : Json::array({former}), want.at("history"));
  return found;
}

Instant read_utc(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%dZ", &year, &month, &day, &hour, &minute, &second) != 6)
    throw std::runtime_error("`" + text + "` is no instant");
  using namespace std::chrono;
  const sys_days date{std::chrono::year{year} / month / day};
  return Instant{date} + hours{hour} + minutes{minute} + std::chrono::seconds{second};
}

Cron read_cron(const Json& text) {
  auto cron = parse_cron(text.get<std::string>());
  if (!cron) throw std::runtime_error(cron.error().message);
  return std::move(*cron);
}

Differences check_schedule(const Json& row) {
  Differences found;
  const auto& given = row.at("schedule");
  NomadSchedule schedule{.start = read_cron(given.at("start"))};
  if (given.contains("end") && !given.at("end").is_null()) schedule.end = read_cron(given.at("end"));
  if (given.contains("duration_s")) schedule.duration = from_seconds(given.at("duration_s").get<double>());
  found.truth("active", is_open(schedule, read_utc(row.at("now_utc").get<std::string>())), row.at("want"));
  return found;
}

// KubeAI's smoothing is none of our policies: its rows only check that the vectors say what their README does.
Differences check_moving_average(const Json& row) {
  Differences found;
  auto ring = row.at("seed").get<std::vector<double>>();
  std::size_t next = 0;
  for (const double value : row.at("values").get<std::vector<double>>())
    if (!ring.empty()) ring[next++ % ring.size()] = value;
  const double sum = std::accumulate(ring.begin(), ring.end(), 0.0);
  found.number("mean", ring.empty() ? 0 : sum / static_cast<double>(ring.size()), row.at("want"));
  return found;
}

}  // namespace

std::span<const VectorKind> nomad_vectors() {
  static constexpr std::array kinds{VectorKind{"nomad.target_value", check_strategy<read_target_value>},
                                    VectorKind{"nomad.target_value_direction", check_direction},
                                    VectorKind{"nomad.threshold", check_strategy<read_threshold>},
                                    VectorKind{"nomad.pass_through", check_strategy<read_pass_through>},
                                    VectorKind{"nomad.fixed_value", check_strategy<read_fixed_value>},
                                    VectorKind{"nomad.preempt", check_preempt},
                                    VectorKind{"nomad.pick_winner", check_pick_winner},
                                    VectorKind{"nomad.cap_count", check_cap_count},
                                    VectorKind{"nomad.schedule", check_schedule},
                                    VectorKind{"kubeai.moving_average", check_moving_average}};
  return kinds;
}

}  // namespace tidegate
