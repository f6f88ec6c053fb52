#include "lab/report/comparison_json.h"

#include <string_view>

#include "lab/report/simulation_json.h"

namespace tidegate {
namespace {

void write_knobs(JsonWriter& json, const std::vector<Knob>& knobs) {
  json.key("knobs").object();
  for (const auto& knob : knobs) json.key(knob.name).value(knob.value);
  json.end();
}

void write_bound(JsonWriter& json, std::string_view name, const PlayedBound& bound) {
  json.key(name).object();
  SimulationResult result = bound.best().result;
  result.policy = name;
  write_simulation(json, result, Duration::zero());
  json.key("meets_attainment").value(bound.is_met);
  json.key("planned_replica_hours").value(bound.best().planned_hours);
  json.key("frontier").array();
  for (const auto& point : bound.frontier()) {
    json.object().key("slo_attainment").value(point.attainment);
    json.key("replica_hours").value(point.cost).end();
  }
  json.end().end();
}

void write_bounds(JsonWriter& json, const TraceBounds& bounds) {
  write_bound(json, "clairvoyant", bounds.clairvoyant);
  write_bound(json, "rate_oracle", bounds.rate_oracle);
  json.key("lazy_capacity").object().key("planned_replica_hours").value(bounds.lazy_hours).end();
  json.key("ski_rental").object().key("planned_replica_hours").value(bounds.ski_rental_hours).end();
}

void write_run(JsonWriter& json, const Comparison& comparison, const ComparedRun& run, Duration wall) {
  const auto& contestant = comparison.contestants[run.job.contestant];
  SimulationResult result = run.result;
  result.policy = contestant.name;
  json.object();
  write_simulation(json, result, wall);
  json.key("relative_to_clairvoyant").value(run.relative);
  if (!contestant.knobs.empty()) write_knobs(json, contestant.knobs);
  json.end();
}

std::string_view reach_text(FrontierReach reach) {
  return reach == FrontierReach::within ? "within" : reach == FrontierReach::above ? "above" : "below";
}

void write_frontier(JsonWriter& json, const Comparison& comparison) {
  json.key("frontier").array();
  for (const auto& point : policy_frontiers(comparison)) {
    json.object().key("policy").value(point.policy).key("trace").value(comparison.traces[point.trace]);
    json.key("slo_attainment").value(point.attainment).key("replica_hours").value(point.replica_hours);
    if (const auto& knobs = comparison.contestants[point.contestant].knobs; !knobs.empty()) write_knobs(json, knobs);
    json.end();
  }
  json.end();
  json.key("policies").array();
  for (const auto& cost : costs_at_equal_attainment(comparison)) {
    json.object().key("policy").value(cost.policy).key("trace").value(comparison.traces[cost.trace]);
    json.key("replica_hours").value(cost.hours.cost).key("reach").value(reach_text(cost.hours.reach));
    json.key("relative_to_clairvoyant").value(cost.relative).key("runs").value(cost.runs).end();
  }
  json.end();
}

}  // namespace

std::string to_json(const Comparison& comparison, const std::vector<Duration>& walls,
                    const std::function<void(JsonWriter&)>& further) {
  JsonWriter json;
  json.object().key("attainment").value(comparison.attainment);
  if (comparison.bounds.empty())
    json.key("clairvoyant").null().key("rate_oracle").null();
  else
    write_bounds(json, comparison.bounds.front());
  json.key("runs").array();
  for (std::size_t i = 0; i < comparison.runs.size(); ++i)
    write_run(json, comparison, comparison.runs[i], i < walls.size() ? walls[i] : Duration::zero());
  json.end();
  write_frontier(json, comparison);
  if (comparison.bounds.size() > 1) {
    json.key("bounds").array();
    for (const auto& bounds : comparison.bounds) {
      json.object().key("trace").value(comparison.traces[bounds.trace]);
      write_bounds(json, bounds);
      json.end();
    }
    json.end();
  }
  if (further) further(json);
  return json.end().take();
}

}  // namespace tidegate
