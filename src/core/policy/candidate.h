// A candidate is a rule that turns forecasts and the present load into a band. Our policy keeps a table of them and
// follows one (the leader); which one is the tuner's business (tuner.h).
//
//   band      floor = max(present load staffed at floor_quantile, forecast at the lead time at floor_quantile);
//             ceiling = peak over the hold time at ceiling_quantile, and what the floor was within hold_share of
//             the hold time
//   headroom  floor = the highest load of the window (or the present one, or that of the last moments), times
//             1 + headroom: for flash crowds
//   fixed     floor = the highest load of the last day, times 1 + headroom, and the present load: for traffic that
//             nothing foretells
//
// Every candidate also works backlogs off (need.h): within the lead time or, eager, as if help came at once. A queue
// that grows while help is on its way is most often the beginning of a rise, and what an eager one buys too much of a
// ramp half seen comes in time for the rest of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/forecast/forecast.h"
#include "core/policy/need.h"

namespace tidegate {

enum class Rule : std::uint8_t { band, headroom, fixed };

enum class Window : std::uint8_t { ten_minutes, hour, day, now, moment };
inline constexpr std::size_t windows = 3;  // that are remembered

inline constexpr std::size_t alone = 0xffff;

struct Candidate {
  Rule rule = Rule::band;
  double floor_quantile = 0.99;
  double ceiling_quantile = 0.9;
  double hold_share = 1;
  Duration hold_least = 5min;
  double headroom = 0;
  Window window = Window::ten_minutes;
  bool eager = false;
  std::size_t bolder = alone;  // the next less cautious one of its kind

  // Lowers nearly as soon as the load does.
  [[nodiscard]] bool is_quick() const { return hold_least < 5min; }
};

// The share of requests it is expected to fail before it was tried.
[[nodiscard]] double expected_miss(const Candidate& candidate);

// How long a size once needed is kept; at least five minutes (quick candidates: two, or half a minute), so that noise
// does not start and stop replicas.
[[nodiscard]] Duration hold_of(const Candidate& candidate, Duration hold_time);

inline constexpr std::size_t candidate_count = 96;
// The one followed while nothing is known.
inline constexpr std::size_t cautious = 24;
[[nodiscard]] const std::array<Candidate, candidate_count>& candidates();
[[nodiscard]] std::string_view rule_name(const Candidate& candidate);

struct CandidateInput {
  const ServiceLoad& load;
  const Forecast& at_lead;
  const Forecast& over_hold;
  std::array<double, windows> busiest{};  // highest busy slots of the windows
};

// In weighted replicas; 0 <= floor <= ceiling.
struct CandidateBand {
  double present = 0;   // the part of the floor that the present load needs
  double forecast = 0;  // ... and that the forecast or the window asks for
  double ceiling = 0;

  [[nodiscard]] double floor() const { return present > forecast ? present : forecast; }
};

// What works off the queue of `load`, in weighted replicas.
[[nodiscard]] double drain_of(const Candidate& candidate, const ServiceLoad& load, const Backlog& backlog);

[[nodiscard]] CandidateBand band_of(const Candidate& candidate, const CandidateInput& input);

}  // namespace tidegate
