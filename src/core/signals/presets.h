// What a server's own metrics page calls the signals: one table per server, names in fallback order, because
// servers rename. Names and units: the servers' sources and documents. A name that is not there is absent, not zero.
//
// One page may hold several series of a name. Series that differ in `rank_label` are the same work seen by several
// ranks (tensor parallel): their maximum counts. Whatever else they differ in (engine, model name, finish reason)
// is different work: sums for counts, means for ratios.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/enum_text.h"
#include "core/model/signal.h"

namespace tidegate {

enum class MetricType : std::uint8_t { gauge, counter, histogram };
template <>
inline constexpr auto enum_texts<MetricType> = std::to_array<EnumText<MetricType>>({
    {MetricType::gauge, "gauge"},
    {MetricType::counter, "counter"},
    {MetricType::histogram, "histogram"},
});

enum class SeriesCombine : std::uint8_t { sum, mean };

inline constexpr std::size_t aliases_max = 4;

struct PresetMetric {
  Signal signal = Signal::custom;
  MetricType type = MetricType::gauge;
  SeriesCombine combine = SeriesCombine::sum;
  double scale = 1;                                   // to seconds or 0..1
  std::array<std::string_view, aliases_max> names{};  // the first one on the page counts; empty: none further
};

struct Preset {
  std::string_view name;
  std::string_view path;        // of the metrics page
  std::string_view rank_label;  // empty: none
  std::span<const PresetMetric> metrics;
};

[[nodiscard]] std::span<const Preset> presets();
// None of that name: nullptr.
[[nodiscard]] const Preset* find_preset(std::string_view name);

}  // namespace tidegate
