#include "lab/sweep/played_bounds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "core/base/check.h"
#include "lab/bounds/queue_programme.h"

namespace tidegate {
namespace {

constexpr std::size_t steps_most = 1'000'000;
constexpr int plays_to_find = 6;
constexpr double price_start = 1.3;     // below about 1 nothing is worth serving
constexpr double reserve_share = 0.01;  // of the load, for what the plan cannot know: the luck of each service

const PlantPool& reference(const BoundedRun& run) { return run.spec.pools.front(); }

// What a request stays in a replica with all its slots taken.
double residence(const PlantPool& pool) { return pool.work.slots / full_rate(pool.work, pool.server); }

// Until the first token, once service has begun. An engine's prompt shares its steps with the tokens of all others.
double first_token(const PlantPool& pool) {
  return std::holds_alternative<EngineProfile>(pool.server) ? 0.5 : residence(pool) * pool.work.first;
}

// How long a request may wait before its service begins, by the tightest objective that counts waiting.
Duration wait_allowed(const Slo& slo, const PlantPool& pool) {
  double least = 3600;
  for (const auto& objective : slo.objectives) {
    const double bound = seconds(objective.bound);
    if (objective.kind == LatencyKind::queue_wait) least = std::min(least, bound);
    if (objective.kind == LatencyKind::ttft) least = std::min(least, bound - first_token(pool));
    if (objective.kind == LatencyKind::latency) least = std::min(least, bound - residence(pool));
  }
  return from_seconds(std::max(least, 0.1));
}

Duration boot_longest(const LifecyclePool& life) {
  const double usual = seconds(life.provision + life.pull + life.load + life.warm_up);
  return from_seconds(usual * (1 + life.jitter) * std::exp(2 * life.spread));
}

Duration step_for(Duration length) {
  Duration step = 2s;
  while (static_cast<std::size_t>(length / step) > steps_most) step *= 2;
  return step;
}

// Adds every request, in service for its residence at full slots with its own luck.
Result<std::uint64_t> record(RequestFeed feed, const PlantPool& pool, std::uint64_t seed, Duration length,
                             NeedRecorder& recorder) {
  Prng random = Prng{seed}.split(7);
  const double mean = residence(pool);
  const double median = std::exp(-pool.work.spread * pool.work.spread / 2);
  std::array<SimulatedRequest, 1024> batch;
  for (;;) {
    const auto count = feed(batch);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return recorder.requests();
    for (std::size_t i = 0; i < *count; ++i) {
      if (batch[i].at >= length) return recorder.requests();
      const double luck = pool.work.spread > 0 ? random.lognormal(median, pool.work.spread) : 1;
      recorder.add(batch[i].at, from_seconds(mean * luck));
    }
  }
}

using Planner = std::function<PlayedSchedule(double setting, ReplicaSchedule& schedule)>;

Result<PlayedSchedule> play(const BoundedRun& run, const BoundPlan& plan, const Planner& planner, double setting,
                            const SimulationWatcher& watch) {
  ReplicaSchedule schedule;
  PlayedSchedule played = planner(setting, schedule);
  SimulationSpec spec = run.spec;
  spec.pools.front().life.initial = schedule.empty() ? 0 : schedule.front();
  spec.decider =
      plan_decider(orders_for(schedule, plan.needs, boot_longest(reference(run).life)), plan.needs.step, spec);
  auto feed = run.traffic();
  if (!feed) return std::unexpected(feed.error());
  auto result = simulate(spec, std::move(*feed), watch);
  if (!result) return std::unexpected(result.error());
  played.result = std::move(*result);
  return played;
}

void choose(PlayedBound& bound, double attainment) {
  // Those that meet it come first, the cheapest first; the others by what they attained.
  const auto rank = [&](const PlayedSchedule& one) {
    const bool meets = one.result.attainment() >= attainment;
    return std::pair(!meets, meets ? one.result.replica_hours : -one.result.attainment());
  };
  bound.chosen = static_cast<std::size_t>(std::ranges::min_element(bound.plays, {}, rank) - bound.plays.begin());
  bound.is_met = bound.best().result.attainment() >= attainment;
}

// Larger settings attain more, log(missed) falling about straight.
struct Search {
  double start = 0;
  double step = 1;  // while the attainment asked for is not yet between two plays
  double least = 0;
};

double missed(const PlayedSchedule& one) { return std::log(std::max(1 - one.result.attainment(), 1e-6)); }

Result<PlayedBound> search(const BoundedRun& run, const BoundPlan& plan, const Planner& planner, double attainment,
                           const Search& how, const SimulationWatcher& watch) {
  PlayedBound bound;
  const double aim = std::log(std::max(1 - attainment, 1e-6));
  std::optional<std::pair<double, double>> low, high;  // setting and log missed: too much; within
  double next = how.start;
  for (int i = 0; i < plays_to_find; ++i) {
    auto played = play(run, plan, planner, next, watch);
    if (!played) return std::unexpected(played.error());
    const double found = missed(*played);
    const bool is_cancelled = played->result.cancelled;
    bound.plays.push_back(std::move(*played));
    if (is_cancelled) break;
    (found <= aim ? high : low) = std::pair{next, found};
    if (found <= aim && found > aim - 0.1) break;
    if (!low || !high) {
      if (!low && next <= how.least) break;
      next = std::max(next + (found <= aim ? -how.step : how.step), how.least);
      continue;
    }
    const double span = low->second - high->second;
    const double share = span > 0 ? (low->second - (aim - 0.04)) / span : 0.5;
    next = low->first + (high->first - low->first) * std::clamp(share, 0.1, 0.9);
  }
  choose(bound, attainment);
  return bound;
}

}  // namespace

std::vector<FrontierPoint> PlayedBound::frontier() const {
  std::vector<FrontierPoint> points;
  for (std::size_t i = 0; i < plays.size(); ++i)
    points.push_back({plays[i].result.attainment(), plays[i].result.replica_hours, i});
  return frontier_of(std::move(points));
}

Result<BoundPlan> plan_bounds(const BoundedRun& run) {
  const auto& pool = reference(run);
  const Duration step = step_for(run.length);
  NeedRecorder recorder({.step = step, .length = run.length, .slots = static_cast<double>(pool.work.slots)});
  auto feed = run.traffic();
  if (!feed) return std::unexpected(feed.error());
  const auto requests = record(std::move(*feed), pool, run.spec.seed, run.length, recorder);
  if (!requests) return std::unexpected(requests.error());
  BoundPlan plan{.needs = recorder.series(), .requests = *requests};
  const auto& guard = run.spec.service.guardrails;
  plan.terms = {.boot = boot_longest(pool.life),
                .replicas_initial = pool.life.initial,
                .replicas_min = guard.replicas_min.value(),
                .replicas_max = std::max(guard.replicas_max.value(), 1),
                .scored_from = static_cast<std::size_t>(run.spec.warm_up / step)};
  plan.queue = {.wait = wait_allowed(run.spec.service.slo, pool), .hold = run.spec.service.hold.max_age};
  plan.oracle = {.slots = static_cast<double>(pool.work.slots)};
  return plan;
}

SimulatedDecider plan_decider(ReplicaSchedule orders, Duration step, const SimulationSpec& spec) {
  std::vector<std::string> pools;
  for (const auto& pool : spec.pools) pools.push_back(pool.life.name);
  return [orders = std::make_shared<const ReplicaSchedule>(std::move(orders)), step, start = spec.start, pools,
          before = std::optional<std::int32_t>{}](const Observation& seen) mutable {
    const auto index = static_cast<std::size_t>((seen.now - start) / step);
    const std::int32_t size = orders->empty() ? 0 : (*orders)[std::min(index, orders->size() - 1)];
    Decision decision{.now = seen.now, .service = seen.service};
    for (std::size_t i = 0; i < pools.size(); ++i)
      decision.pools.push_back({.pool = pools[i], .replicas = Replicas{i == 0 ? size : 0}});
    const double edge = size;
    decision.band = {.floor = WeightedReplicas{edge}, .ceiling = WeightedReplicas{edge}};
    if (before) decision.verdict = size > *before ? Verdict::raise : size < *before ? Verdict::lower : Verdict::hold;
    before = size;
    return decision;
  };
}

Result<PlayedBound> play_clairvoyant(const BoundedRun& run, const BoundPlan& plan, double attainment,
                                     const SimulationWatcher& watch) {
  // Along one path: a higher price of late work and a larger reserve together.
  const Planner planner = [&](double setting, ReplicaSchedule& schedule) {
    NeedSeries reserved = plan.needs;
    for (float& load : reserved.load) load *= static_cast<float>(1 + reserve_share * setting);
    auto found =
        queue_clairvoyant_at(reserved, plan.terms, plan.queue, {.replica_steps = price_start * std::exp(setting)});
    schedule = std::move(found.schedule);
    return PlayedSchedule{.setting = setting,
                          .planned_hours = found.hours,
                          .planned_late = late_share(schedule, plan.needs, plan.terms, plan.queue)};
  };
  return search(run, plan, planner, attainment, {.start = 2, .step = 1.5, .least = 0}, watch);
}

Result<PlayedBound> play_rate_oracle(const BoundedRun& run, const BoundPlan& plan, double attainment,
                                     const SimulationWatcher& watch) {
  const Planner planner = [&](double z, ReplicaSchedule& schedule) {
    auto found = rate_oracle_at(plan.needs, plan.terms, plan.oracle, z, plan.queue);
    schedule = std::move(found.schedule);
    return PlayedSchedule{.setting = z, .planned_hours = found.hours, .planned_late = found.late};
  };
  return search(run, plan, planner, attainment, {.start = 0.5, .step = 0.6, .least = -4}, watch);
}

}  // namespace tidegate
