// What a service promises: a bound on a latency at a quantile, e.g. ttft_p99 2s = 99 % of requests see their
// first token within 2 s. The quantile is also the attainment asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/time.h"

namespace tidegate {

enum class LatencyKind : std::uint8_t { ttft, itl, latency, queue_wait };
enum class Percentile : std::uint8_t { p50, p90, p95, p99, p999 };

inline constexpr std::size_t latency_kinds = 4;
inline constexpr std::size_t percentiles = 5;

template <>
inline constexpr auto enum_texts<LatencyKind> = std::to_array<EnumText<LatencyKind>>({
    {LatencyKind::ttft, "ttft"},
    {LatencyKind::itl, "itl"},
    {LatencyKind::latency, "latency"},
    {LatencyKind::queue_wait, "queue_wait"},
});
template <>
inline constexpr auto enum_texts<Percentile> = std::to_array<EnumText<Percentile>>({
    {Percentile::p50, "p50"},
    {Percentile::p90, "p90"},
    {Percentile::p95, "p95"},
    {Percentile::p99, "p99"},
    {Percentile::p999, "p999"},
});

[[nodiscard]] constexpr double fraction(Percentile p) {
  constexpr double fractions[] = {0.50, 0.90, 0.95, 0.99, 0.999};
  return fractions[static_cast<std::size_t>(p)];
}

struct Objective {
  LatencyKind kind = LatencyKind::ttft;
  Percentile percentile = Percentile::p99;
  Duration bound = 2s;

  // "ttft_p99"
  [[nodiscard]] std::string name() const { return std::string{to_text(kind)} + "_" + std::string{to_text(percentile)}; }
  friend bool operator==(const Objective&, const Objective&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(kind, percentile, bound);
  }
};

// At least one objective; at most one per kind and percentile (the configuration checks it).
struct Slo {
  std::vector<Objective> objectives{Objective{}};

  friend bool operator==(const Slo&, const Slo&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(objectives);
  }
};

}  // namespace tidegate
