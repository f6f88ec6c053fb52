#include "lab/sim/recorded_load.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lab/sim/traffic_bins.h"

namespace tidegate {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr double rises_to_tell = 3;
constexpr double usual_share = 0.999;

bool is_known(double value) { return !std::isnan(value); }

void cut_column(std::vector<double>& column, std::size_t first, std::size_t end) {
  if (column.empty()) return;
  column.resize(end, unknown);
  column.erase(column.begin(), column.begin() + static_cast<std::ptrdiff_t>(first));
}

void cut(RecordedLoad& load, std::size_t first, std::size_t end, RecordedGaps& gaps) {
  gaps.before = load.step * static_cast<std::int64_t>(first);
  gaps.after = load.step * static_cast<std::int64_t>(load.steps() - end);
  for (auto* column : {&load.rates, &load.ready, &load.in_flight, &load.ended, &load.within})
    cut_column(*column, first, end);
  for (auto& pool : load.pools) cut_column(pool.sizes, first, end);
  load.start += gaps.before;
}

void fill_rates(RecordedLoad& load, RecordedGaps& gaps) {
  auto& rates = load.rates;
  for (std::size_t i = 1; i < rates.size(); ++i) {
    if (is_known(rates[i])) continue;
    std::size_t end = i;  // of the gap; the last rate is known
    while (!is_known(rates[end])) ++end;
    const double before = rates[i - 1];
    Duration bridged{};
    for (std::size_t at = i; at < end; ++at) {
      if (load.size(at) == 0) {
        rates[at] = 0;
        gaps.asleep += load.step;
        continue;
      }
      const double share = static_cast<double>(at - i + 1) / static_cast<double>(end - i + 1);
      rates[at] = before + (rates[end] - before) * share;
      bridged += load.step;
    }
    gaps.bridged += bridged;
    gaps.longest = std::max(gaps.longest, bridged);
    i = end;
  }
}

double sum_known(const std::vector<double>& values, std::size_t from, const std::vector<double>& beside) {
  double sum = 0;
  for (std::size_t i = from; i < values.size() && i < beside.size(); ++i)
    if (is_known(values[i]) && is_known(beside[i])) sum += values[i];
  return sum;
}

std::optional<Duration> cold_start_shown(const RecordedLoad& load) {
  if (load.cold_starts > 0) return load.cold_starts_took / load.cold_starts;
  double warming = 0, rises = 0;
  for (std::size_t i = 0; i < load.steps() && i < load.ready.size(); ++i) {
    const double size = load.size(i);
    if (is_known(size) && is_known(load.ready[i])) warming += std::max(0.0, size - load.ready[i]);
    if (i > 0 && size > load.size(i - 1)) rises += size - load.size(i - 1);
  }
  if (rises < rises_to_tell || warming <= 0) return std::nullopt;
  return from_seconds(warming / rises * seconds(load.step));
}

std::optional<double> slots_shown(const RecordedLoad& load) {
  std::vector<double> each;
  for (std::size_t i = 0; i < load.in_flight.size(); ++i) {
    const double ready = i < load.ready.size() && is_known(load.ready[i]) ? load.ready[i] : load.size(i);
    if (is_known(load.in_flight[i]) && load.in_flight[i] > 0 && ready >= 1) each.push_back(load.in_flight[i] / ready);
  }
  if (each.empty()) return std::nullopt;
  const auto place = each.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(each.size() - 1) * usual_share);
  std::ranges::nth_element(each, place);
  return std::ceil(*place);
}

}  // namespace

double RecordedLoad::size(std::size_t index) const {
  double sum = 0;
  for (const auto& pool : pools) sum += index < pool.sizes.size() ? pool.sizes[index] : unknown;
  return sum;
}

RecordedGaps settle(RecordedLoad& load) {
  RecordedGaps gaps;
  // Sizes are known a step at a time and stay; so the first known one of each pool opens the load.
  const auto first_known = [](const std::vector<double>& column) {
    return static_cast<std::size_t>(std::ranges::find_if(column, is_known) - column.begin());
  };
  const auto end_known = [](const std::vector<double>& column) {
    return static_cast<std::size_t>(std::find_if(column.rbegin(), column.rend(), is_known).base() - column.begin());
  };
  std::size_t first = first_known(load.rates), end = end_known(load.rates);
  for (const auto& pool : load.pools) {
    first = std::max(first, first_known(pool.sizes));
    end = std::min(end, end_known(pool.sizes));
  }
  // Between both there may be a rate that is not known at either edge.
  while (first < end && !is_known(load.rates[first])) ++first;
  while (end > first && !is_known(load.rates[end - 1])) --end;
  cut(load, first, std::max(first, end), gaps);
  for (auto& pool : load.pools)
    for (std::size_t i = 1; i < pool.sizes.size(); ++i)
      if (!is_known(pool.sizes[i])) pool.sizes[i] = pool.sizes[i - 1];
  fill_rates(load, gaps);
  return gaps;
}

RequestFeed recorded_feed(std::shared_ptr<const RecordedLoad> load, double burstiness, const TokenSizes& sizes,
                          std::uint64_t seed) {
  const Prng random{seed};
  const Duration width = load->step;
  BinSource bins = [load = std::move(load), at = std::size_t{0}]() mutable -> Result<std::optional<TrafficBin>> {
    if (at >= load->steps()) return std::nullopt;
    const TrafficBin bin{.at = load->step * static_cast<std::int64_t>(at),
                         .requests = load->rates[at] * seconds(load->step)};
    ++at;
    return bin;
  };
  BinArrivals arrivals{std::move(bins), {.width = width, .burstiness = burstiness}, random.split(1)};
  return feed_of(
      [arrivals = std::move(arrivals)]() mutable -> std::optional<Duration> {
        auto next = arrivals.next();  // its bins never fail
        return next ? *next : std::nullopt;
      },
      sizes, random.split(2));
}

SimulatedDecider recorded_decider(std::shared_ptr<const RecordedLoad> load, const ServiceSpec& service) {
  std::vector<std::pair<std::string, const RecordedPool*>> pools;
  for (const auto& pool : service.pools) {
    const auto found = std::ranges::find(load->pools, pool.name, &RecordedPool::name);
    pools.emplace_back(pool.name, found == load->pools.end() ? nullptr : &*found);
  }
  return [load = std::move(load), pools, before = std::optional<double>{}](const Observation& seen) mutable {
    const auto index = std::min(
        static_cast<std::size_t>(std::max(seen.now - load->start, Duration::zero()) / load->step), load->steps() - 1);
    Decision decision{.now = seen.now, .service = seen.service};
    double size = 0;
    for (const auto& [name, recorded] : pools) {
      const double replicas = recorded == nullptr ? 0 : std::round(recorded->sizes[index]);
      decision.pools.push_back({.pool = name, .replicas = Replicas{static_cast<std::int32_t>(replicas)}});
      size += replicas;
    }
    decision.band = {.floor = WeightedReplicas{size}, .ceiling = WeightedReplicas{size}};
    if (before) decision.verdict = size > *before ? Verdict::raise : size < *before ? Verdict::lower : Verdict::hold;
    before = size;
    return decision;
  };
}

RecordedFigures recorded_figures(const RecordedLoad& load, Duration from) {
  RecordedFigures figures;
  const auto first = static_cast<std::size_t>(from / load.step);
  for (std::size_t i = first; i < load.steps(); ++i) {
    figures.replica_hours += load.size(i) * seconds(load.step) / 3600;
    if (i > first && load.size(i) != load.size(i - 1)) ++figures.scale_events;
  }
  if (const double ended = sum_known(load.ended, first, load.within); ended > 0)
    figures.attainment = sum_known(load.within, first, load.ended) / ended;
  return figures;
}

RecordedReplica recorded_replica(const RecordedLoad& load) {
  RecordedReplica shown{.slots = slots_shown(load), .cold_start = cold_start_shown(load)};
  const double came = sum_known(load.rates, 0, load.in_flight);
  if (const double inside = sum_known(load.in_flight, 0, load.rates); came > 0 && inside > 0)
    shown.service = from_seconds(inside / came);
  return shown;
}

}  // namespace tidegate
