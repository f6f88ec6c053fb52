#include "serve/scale_metrics/scale_metric.h"

#include <algorithm>

namespace tidegate {
namespace {

std::vector<ScaleMetric> make_metrics() {
  std::vector<ScaleMetric> all;
  for (const auto& [kind, text] : enum_texts<ScaleMetricKind>)
    if (kind != ScaleMetricKind::latency) all.push_back({.kind = kind});
  for (const auto& [latency, latency_text] : enum_texts<LatencyKind>)
    for (const auto& [percentile, percentile_text] : enum_texts<Percentile>)
      all.push_back({.kind = ScaleMetricKind::latency, .latency = latency, .percentile = percentile});
  return all;
}

}  // namespace

std::string ScaleMetric::name() const {
  if (kind != ScaleMetricKind::latency) return std::string{to_text(kind)};
  return Objective{.kind = latency, .percentile = percentile}.name();
}

const std::vector<ScaleMetric>& scale_metrics() {
  static const auto all = make_metrics();
  return all;
}

std::optional<ScaleMetric> scale_metric(std::string_view name) {
  const auto found = std::ranges::find(scale_metrics(), name, &ScaleMetric::name);
  return found == scale_metrics().end() ? std::nullopt : std::optional{*found};
}

std::string scale_metric_names() {
  std::string text;
  for (const auto& [kind, name] : enum_texts<ScaleMetricKind>)
    if (kind != ScaleMetricKind::latency) text += std::string{name} + ", ";
  return text + "or a latency at a percentile such as ttft_p99";
}

}  // namespace tidegate
