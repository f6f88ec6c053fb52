// Gaps between arrivals by length, in classes of a fifth (10 s to three days), and what they say of the next arrival.
//
// Of each class: how many gaps came as far (reached) and how many ended in it (ended); both fade by 2 % with each
// further gap that comes as far, so that a day of short gaps takes nothing from what nights have taught.
//
//   ending(i) = (ended_i + 2 unknown_i) / (reached_i + 2): the chance that a gap that came to class i ends in it
//   unknown_i = 1 - (600 + begin_i) / (600 + end_i): the same for a gap of which nothing is known. Half of such end
//               within ten minutes, and the longer it has been quiet, the longer it goes on: P(gap > t) = 600 / (600 +
//               t)
//   P(arrival within h | quiet for e) = 1 - product of (1 - ending(i))^share over the classes between e and e + h
//
// Worked: ten gaps of 300 s fall into the class of 266 to 319 s: reached 9.1, ended 9.1, so of those that come to it
// (9.1 + 0.12) / 11.1 = 83 % end in it, and in the class before it (0 + 0.10) / 11.1 = 0.9 %.
//
// As a forecaster, a service that is not sparse answers as memoryless, at its level but at no more than one request in
// the time it has been quiet.
#pragma once

#include "core/forecast/demand_history.h"

namespace tidegate {

inline constexpr double gap_shortest = 10;  // seconds; shorter gaps are not counted

// Several requests that came at once, or nearly.
void observe_arrivals(GapHistogram& gaps, Instant at, double count);

[[nodiscard]] bool is_sparse(const DemandHistory& history);
// From `now + from` to `now + to`.
[[nodiscard]] double arrival_probability_between(const DemandHistory& history, Instant now, double from, double to);

// Lengths in seconds; what is shorter than the first class counts as it, what is longer than the last likewise.
[[nodiscard]] std::size_t gap_class(double length);
[[nodiscard]] double gap_class_begin(std::size_t one);
[[nodiscard]] double ending_chance(const GapHistogram& gaps, std::size_t one);
// How many requests come within `span` seconds of one that ends a quiet minute, itself included.
[[nodiscard]] double crowd_within(const GapHistogram& gaps, double span);

}  // namespace tidegate
