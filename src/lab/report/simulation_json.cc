#include "lab/report/simulation_json.h"

#include <fmt/format.h>

namespace tidegate {
namespace {

void write_quantiles(JsonWriter& json, std::string_view name, const LatencyQuantiles& values) {
  json.key(name);
  // Nobody was served, or several services were added up: no quantile was measured.
  if (values == LatencyQuantiles{}) {
    json.null();
    return;
  }
  json.object();
  json.key("p50").value(values.p50).key("p90").value(values.p90);
  json.key("p95").value(values.p95).key("p99").value(values.p99).end();
}

}  // namespace

void write_simulation(JsonWriter& json, const SimulationResult& result, Duration wall) {
  json.key("policy").value(result.policy).key("trace").value(result.trace).key("seed").value(result.seed);
  json.key("requests").value(result.requests).key("dropped").value(result.dropped + result.cut);
  json.key("slo_attainment").value(result.attainment());
  write_quantiles(json, "ttft_seconds", result.ttft);
  write_quantiles(json, "latency_seconds", result.latency);
  write_quantiles(json, "queue_seconds", result.queue);
  json.key("replica_hours").value(result.replica_hours).key("gpu_hours").value(result.gpu_hours);
  json.key("cost").value(result.cost);
  json.key("scale_events").value(result.scale_events).key("reversals").value(result.reversals);
  json.key("cold_starts").value(result.cold_starts).key("cold_start_exposed").value(result.cold_start_exposed);
  json.key("budget_capped_seconds").value(result.budget_capped);
  json.key("wall_seconds").value(wall).key("digest").value(fmt::format("{:016x}", result.digest));
}

}  // namespace tidegate
