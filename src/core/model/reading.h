// One value of one signal with its quality. Missing is not zero: only `fresh` carries a number that may lower
// anything. The kinds stay distinct from the socket to the explanation.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/enum_text.h"
#include "core/base/time.h"

namespace tidegate {

enum class Quality : std::uint8_t {
  absent,  // the source answered and does not have it
  fresh,   // measured within the source's normal period
  stale,   // an old value: the source stopped answering or repeats itself
  nan,     // the source answered "not a number" (an idle quantile, say)
  error,   // the source failed
};

template <>
inline constexpr auto enum_texts<Quality> = std::to_array<EnumText<Quality>>({
    {Quality::absent, "absent"},
    {Quality::fresh, "fresh"},
    {Quality::stale, "stale"},
    {Quality::nan, "nan"},
    {Quality::error, "error"},
});

// How many of the replicas that should report did. {0, 0} = not a per-replica reading.
struct Coverage {
  std::int32_t reported = 0;
  std::int32_t expected = 0;

  [[nodiscard]] bool is_partial() const { return reported < expected; }
  friend bool operator==(const Coverage&, const Coverage&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(reported, expected);
  }
};

struct Reading {
  Quality quality = Quality::absent;
  bool derived = false;  // computed from other signals (arrivals from Δcompletions + Δin_flight, say)
  double value = 0;      // meaningful only when fresh or stale
  Duration age{};        // how old the newest sample behind it is
  Coverage coverage{};

  [[nodiscard]] static constexpr Reading of(double value) { return {.quality = Quality::fresh, .value = value}; }
  [[nodiscard]] bool is_fresh() const { return quality == Quality::fresh; }
  // The number, if it may be used as evidence.
  [[nodiscard]] std::optional<double> fresh() const { return is_fresh() ? std::optional{value} : std::nullopt; }

  friend bool operator==(const Reading&, const Reading&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(quality, derived, value, age, coverage);
  }
};

}  // namespace tidegate
