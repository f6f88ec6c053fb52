// The names under which another autoscaler asks for a number of a service. A closed list: the same names in KEDA's
// metadata, in the external metrics API (there with `tidegate_` before them) and in the documentation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/model/slo.h"

namespace tidegate {

enum class ScaleMetricKind : std::uint8_t {
  desired_replicas,  // replicas decided; of one pool where one is named
  floor,             // weighted replicas that must be there after the lead time
  ceiling,           // weighted replicas still worth keeping
  demand_rate,       // requests per second arriving
  demand_expected,   // requests per second at the lead time
  in_flight,         // requests being served
  queued,            // requests not begun
  concurrency,       // in_flight + queued
  latency,           // seconds, of a kind at a percentile: "ttft_p99"
};
template <>
inline constexpr auto enum_texts<ScaleMetricKind> = std::to_array<EnumText<ScaleMetricKind>>({
    {ScaleMetricKind::desired_replicas, "desired_replicas"},
    {ScaleMetricKind::floor, "floor"},
    {ScaleMetricKind::ceiling, "ceiling"},
    {ScaleMetricKind::demand_rate, "demand_rate"},
    {ScaleMetricKind::demand_expected, "demand_expected"},
    {ScaleMetricKind::in_flight, "in_flight"},
    {ScaleMetricKind::queued, "queued"},
    {ScaleMetricKind::concurrency, "concurrency"},
    {ScaleMetricKind::latency, "latency"},
});

struct ScaleMetric {
  ScaleMetricKind kind = ScaleMetricKind::desired_replicas;
  LatencyKind latency = LatencyKind::ttft;  // these two: of a latency
  Percentile percentile = Percentile::p99;

  [[nodiscard]] std::string name() const;  // "desired_replicas", "ttft_p99"
  friend bool operator==(const ScaleMetric&, const ScaleMetric&) = default;
};

[[nodiscard]] std::optional<ScaleMetric> scale_metric(std::string_view name);
// All of them, in the order of the documentation.
[[nodiscard]] const std::vector<ScaleMetric>& scale_metrics();
// "desired_replicas, floor, ..., or a latency at a percentile such as ttft_p99": for messages.
[[nodiscard]] std::string scale_metric_names();

}  // namespace tidegate
