#include "core/policy/candidate.h"

#include <algorithm>

namespace tidegate {
namespace {

constexpr std::array floor_quantiles{0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995};
struct Keeping {
  double quantile;
  double hold_share;
  Duration hold_least;
};
// Keep all, some, little, next to nothing.
constexpr std::array keepings{Keeping{0.9, 1, 5min}, Keeping{0.5, 0.5, 5min}, Keeping{0.2, 0.25, 5min},
                              Keeping{0, 0, 2min}};
constexpr double miss_part = 0.15;  // of what a quantile leaves above: most of it is short, and waits in time
constexpr std::array headrooms{0.1, 0.3, 0.6, 1.2, 2.5, 5.0};
constexpr std::array over_a_day{0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0};
constexpr std::array eager_quantiles{0.2, 0.5, 0.8, 0.9, 0.95, 0.99};
constexpr std::array eager_keepings{keepings[2], keepings[3]};
constexpr std::array over_the_present{0.1, 0.25, 0.4, 0.6, 0.8, 1.2, 1.8, 3.0};
static_assert(candidate_count == floor_quantiles.size() * keepings.size() + 2 * headrooms.size() + over_a_day.size() +
                                     eager_quantiles.size() * eager_keepings.size() + 2 * over_the_present.size());

constexpr std::array<Candidate, candidate_count> make_candidates() {
  std::array<Candidate, candidate_count> all{};
  std::size_t next = 0;
  const auto add_bands = [&](const auto& quantiles, const auto& ways, bool eager) {
    for (const double quantile : quantiles)
      for (const Keeping& keeping : ways) {
        all[next] = {.floor_quantile = quantile,
                     .ceiling_quantile = std::min(quantile, keeping.quantile),
                     .hold_share = keeping.hold_share,
                     .hold_least = keeping.hold_least,
                     .eager = eager,
                     .bolder = quantile == quantiles.front() ? alone : next - ways.size()};
        ++next;
      }
  };
  const auto add_headrooms = [&](const auto& rooms, Candidate like) {
    for (const double room : rooms) {
      like.headroom = room;
      like.bolder = room == rooms.front() ? alone : next - 1;
      all[next++] = like;
    }
  };
  add_bands(floor_quantiles, keepings, false);
  for (const Window window : {Window::ten_minutes, Window::hour})
    add_headrooms(headrooms, {.rule = Rule::headroom, .hold_share = 0, .window = window});
  add_headrooms(over_a_day, {.rule = Rule::fixed, .floor_quantile = 0.8, .hold_share = 0, .window = Window::day});
  add_bands(eager_quantiles, eager_keepings, true);
  for (const Window window : {Window::now, Window::moment})
    add_headrooms(over_the_present, {.rule = Rule::headroom,
                                     .hold_share = 0.2,  // about a boot
                                     .hold_least = 30s,
                                     .window = window,
                                     .eager = true});
  return all;
}
constexpr auto table = make_candidates();
static_assert(table.back().window == Window::moment && table.back().headroom == 3.0);
static_assert(table[cautious].floor_quantile == 0.95 && table[cautious].hold_share == 1);

double busiest_of(Window window, const CandidateInput& input) {
  switch (window) {
    case Window::now:
      return input.load.busy;
    case Window::moment:
      return std::max(input.load.busy, input.load.momentary);
    case Window::ten_minutes:
    case Window::hour:
    case Window::day:
      break;
  }
  return std::max(input.load.busy, input.busiest[static_cast<std::size_t>(window)]);
}

}  // namespace

const std::array<Candidate, candidate_count>& candidates() { return table; }

std::string_view rule_name(const Candidate& candidate) {
  constexpr std::array<std::string_view, 3> names{"band", "headroom and hold", "fixed floor"};
  if (candidate.rule == Rule::headroom && candidate.window == Window::now) return "headroom over the present";
  if (candidate.rule == Rule::headroom && candidate.window == Window::moment) return "headroom over the moment";
  if (candidate.rule == Rule::band && candidate.eager) return "eager band";
  return names[static_cast<std::size_t>(candidate.rule)];
}

Duration hold_of(const Candidate& candidate, Duration hold_time) {
  return std::max(from_seconds(candidate.hold_share * seconds(hold_time)), candidate.hold_least);
}

double expected_miss(const Candidate& candidate) {
  if (candidate.rule == Rule::band) return miss_part * (1 - candidate.floor_quantile);
  return 0.02 / (1 + 10 * candidate.headroom);
}

double drain_of(const Candidate& candidate, const ServiceLoad& load, const Backlog& backlog) {
  return drain_need(load, {.ready = backlog.ready, .within = candidate.eager ? 0 : backlog.within});
}

CandidateBand band_of(const Candidate& candidate, const CandidateInput& input) {
  CandidateBand band;
  if (candidate.rule != Rule::headroom) band.present = present_need(input.load, candidate.floor_quantile);
  if (candidate.rule != Rule::band) {
    band.forecast = busiest_of(candidate.window, input) * (1 + candidate.headroom) / input.load.slots;
    band.ceiling = band.floor();
    return band;
  }
  band.forecast = forecast_need(input.load, input.at_lead.rate, candidate.floor_quantile);
  const double kept = forecast_need(input.load, input.over_hold.rate, candidate.ceiling_quantile);
  band.ceiling = std::max({band.present, band.forecast, kept});
  return band;
}

}  // namespace tidegate
