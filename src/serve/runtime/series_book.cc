#include "serve/runtime/series_book.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

enum class Fold : std::uint8_t { mean, highest, last };
constexpr float not_measured = std::numeric_limits<float>::quiet_NaN();

struct Column {
  std::string_view name;
  Fold fold;
};
constexpr std::array<Column, series_columns> columns{{{"rate", Fold::mean},
                                                      {"expected", Fold::mean},
                                                      {"floor", Fold::last},
                                                      {"ceiling", Fold::last},
                                                      {"desired", Fold::last},
                                                      {"ready", Fold::last},
                                                      {"warming", Fold::last},
                                                      {"draining", Fold::last},
                                                      {"in_flight", Fold::mean},
                                                      {"queued", Fold::mean},
                                                      {"ttft_p99", Fold::highest},
                                                      {"itl_p99", Fold::highest},
                                                      {"latency_p99", Fold::highest},
                                                      {"cost_per_hour", Fold::mean},
                                                      {"gpus", Fold::last}}};

Fold fold_of(std::size_t column) { return column < columns.size() ? columns[column].fold : Fold::last; }

float number(const Reading& reading) { return reading.is_fresh() ? static_cast<float>(reading.value) : not_measured; }
float number(double value) { return static_cast<float>(value); }

std::vector<float> values_of(const ServiceView& view) {
  std::int32_t ready = 0, warming = 0, draining = 0;
  for (const auto& pool : view.seen.pools) {
    ready += pool.ready;
    warming += pool.warming();
    draining += pool.draining;
  }
  const auto& decision = view.decision;
  const auto p99 = [&](LatencyKind kind) { return number(view.seen.latency(kind, Percentile::p99)); };
  std::vector<float> values{number(decision.demand_rate),
                            number(decision.demand_expected),
                            number(decision.band.floor.value()),
                            number(decision.band.ceiling.value()),
                            number(decision.total().value()),
                            number(ready),
                            number(warming),
                            number(draining),
                            number(view.seen.in_flight),
                            number(view.seen.queued),
                            p99(LatencyKind::ttft),
                            p99(LatencyKind::itl),
                            p99(LatencyKind::latency),
                            view.cost_per_hour ? number(*view.cost_per_hour) : not_measured,
                            number(view.gpus)};
  for (const auto& peer : decision.peers) values.push_back(number(peer.replicas.value()));
  return values;
}

float folded(Fold how, float before, std::int32_t count, float value) {
  if (std::isnan(value)) return before;
  if (count == 0 || how == Fold::last) return value;
  if (how == Fold::highest) return std::max(before, value);
  return before + (value - before) / static_cast<float>(count + 1);
}

}  // namespace

const std::array<std::string_view, series_columns>& series_column_names() {
  static const auto names = [] {
    std::array<std::string_view, series_columns> found;
    std::ranges::transform(columns, found.begin(), &Column::name);
    return found;
  }();
  return names;
}

void SeriesBook::share_among(std::size_t services) {
  constexpr std::size_t undivided = 400;  // services that keep all of it
  for (std::size_t i = 0; i < tiers_.size(); ++i) {
    auto& tier = tiers_[i];
    tier.points_max =
        services <= undivided ? points_most[i] : std::max<std::size_t>(points_most[i] * undivided / services, 1);
    while (tier.points.size() > tier.points_max) tier.points.pop_front();
  }
}

void SeriesBook::add(const ServiceView& view) {
  std::vector<std::string> peers;
  for (const auto& peer : view.decision.peers) peers.emplace_back(peer.policy);
  if (peers != peers_) {
    // Other peers after a reload: what the old columns meant is gone.
    for (auto& tier : tiers_) {
      for (auto& point : tier.points) point.values.resize(columns.size() + peers.size(), not_measured);
      for (auto& point : tier.points)
        std::fill(point.values.begin() + static_cast<std::ptrdiff_t>(columns.size()), point.values.end(), not_measured);
      tier.folded.resize(columns.size() + peers.size(), 0);
    }
    peers_ = std::move(peers);
  }
  const Point point{view.seen.now, values_of(view)};
  for (auto& tier : tiers_) fold(tier, point);
}

void SeriesBook::fold(Tier& tier, const Point& point) const {
  const auto slot = point.at.time_since_epoch() / tier.step;
  const Instant at{tier.step * slot};
  if (tier.points.empty() || tier.points.back().at != at) {
    tier.points.push_back({at, std::vector<float>(point.values.size(), not_measured)});
    tier.folded.assign(point.values.size(), 0);
    if (tier.points.size() > tier.points_max) tier.points.pop_front();
  }
  auto& newest = tier.points.back().values;
  for (std::size_t i = 0; i < point.values.size(); ++i) {
    newest[i] = folded(fold_of(i), newest[i], tier.folded[i], point.values[i]);
    if (!std::isnan(point.values[i])) ++tier.folded[i];
  }
}

Series SeriesBook::read(Instant now, Duration window) const {
  const Tier* chosen = &tiers_.back();
  for (const auto& tier : tiers_)
    if (window <= tier.step * static_cast<std::int64_t>(tier.points_max)) {
      chosen = &tier;
      break;
    }
  Series series;
  for (const auto& column : columns) series.columns.push_back({std::string(column.name), {}});
  for (const auto& peer : peers_) series.columns.push_back({"peer:" + peer, {}});
  for (const auto& point : chosen->points) {
    if (point.at < now - window) continue;
    series.t.push_back(seconds(point.at));
    for (std::size_t i = 0; i < series.columns.size(); ++i)
      series.columns[i].values.push_back(static_cast<double>(point.values[i]));
  }
  return series;
}

}  // namespace tidegate
