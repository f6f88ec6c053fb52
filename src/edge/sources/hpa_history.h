// What a Prometheus server with kube-state-metrics remembers of a Kubernetes autoscaler and of the servers behind it:
// the PromQL to ask for it, and what the answers mean. Asks nobody itself.
//
// Names as kube-state-metrics v2, ingress-nginx, Istio, Traefik and the model servers have them. Where Prometheus
// renames a scraped `namespace` to `exported_namespace`, both are asked for. Nothing here knows what a metric of an
// autoscaler measures beyond its name, so only well-known names become signals.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "core/model/signal.h"
#include "edge/sources/prometheus_range.h"

namespace tidegate {

// "hpa/NAMESPACE/NAME", "keda/NAMESPACE/NAME" (a ScaledObject, whose HPA KEDA calls keda-hpa-NAME), or
// "deployment/NAMESPACE/NAME" (sizes alone).
enum class RivalKind : std::uint8_t { hpa, keda, deployment };
template <>
inline constexpr auto enum_texts<RivalKind> = std::to_array<EnumText<RivalKind>>(
    {{RivalKind::hpa, "hpa"}, {RivalKind::keda, "keda"}, {RivalKind::deployment, "deployment"}});

struct Rival {
  RivalKind kind = RivalKind::hpa;
  std::string space;  // Kubernetes' namespace
  std::string name;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string hpa_name() const;
};
[[nodiscard]] Result<Rival> read_rival(const std::string& text);

// One of kube-state-metrics' series of the rival's HPA, "kube_horizontalpodautoscaler_" + `what`, as it was last seen
// within `window`.
[[nodiscard]] std::string hpa_query(const Rival& rival, std::string_view what, Duration window);
// Every HPA seen within `window`, one series each with its namespace and name.
[[nodiscard]] std::string hpas_query(Duration window);
[[nodiscard]] std::vector<std::string> hpas_named(std::span<const RangeSeries> series);  // "prod/chat", sorted

// The replicas there were: of the HPA; of a Deployment or StatefulSet of that name, all and ready ones.
[[nodiscard]] std::string sizes_query(const Rival& rival);
[[nodiscard]] std::string workload_sizes_query(std::string_view space, std::string_view workload);
[[nodiscard]] std::string workload_ready_query(std::string_view space, std::string_view workload);

struct HpaTargetSeen {
  std::string metric;
  std::string type;  // "average", "value", "utilization"
  double target = 0;
};
[[nodiscard]] std::vector<HpaTargetSeen> hpa_targets(std::span<const RangeSeries> series);
// What it scales; empty: not told.
[[nodiscard]] std::string hpa_workload(std::span<const RangeSeries> info);
// The first number of an answer.
[[nodiscard]] std::optional<double> number_of(std::span<const RangeSeries> series);

// What a metric of an autoscaler measures, by its name: "vllm_num_requests_running" is in_flight. None: not known.
[[nodiscard]] std::optional<Signal> signal_of_metric(std::string_view name);

// The rival as the configuration would have it, with those of its metrics that are among `measurable`.
struct RivalPolicy {
  std::string text;  // "{hpa: {signal: in_flight, type: pods_average, target_average: 8}}"; empty: none was
  std::vector<std::string> left_out;  // metrics
};
[[nodiscard]] RivalPolicy rival_policy(RivalKind kind, std::span<const HpaTargetSeen> targets,
                                       std::span<const Signal> measurable);

// The metrics of a model server that tell what came, how long it took and what was inside. Empty: it has none such.
struct ServerMetrics {
  std::string_view server;
  std::string_view requests;    // counter, of those that ended
  std::string_view running;     // gauge
  std::string_view ttft;        // histogram, seconds
  std::string_view latency;     // histogram, seconds
  std::string_view queue_wait;  // histogram, seconds
  std::string_view ranks;       // labels by which the same work is told several times
};
[[nodiscard]] std::span<const ServerMetrics> server_metrics();

// Where requests may have been counted, the best first: before they wait, then where they end.
struct TrafficCandidate {
  std::string what;                       // "Istio"
  std::string query;                      // requests per second
  const ServerMetrics* server = nullptr;  // counted where they end
};
[[nodiscard]] std::vector<TrafficCandidate> traffic_candidates(std::string_view space, std::string_view workload,
                                                               Duration window);

// Of the pods of a workload: requests in service, and the buckets of a histogram (by `le`, in counts per second).
[[nodiscard]] std::string running_query(const ServerMetrics& server, std::string_view space, std::string_view workload);
[[nodiscard]] std::string buckets_query(const ServerMetrics& server, std::string_view histogram, std::string_view space,
                                        std::string_view workload, Duration window);

// Of a histogram's buckets, by step: how many per second ended, and how many within `bound`, a straight line within the
// bucket where it lies.
//
// Worked: le 1: 3/s, le 2.5: 6/s, +Inf: 8/s, bound 2 s: 3 + 3 * (2 - 1) / 1.5 = 5 of 8.
struct WithinBound {
  std::vector<double> ended, within;
};
[[nodiscard]] WithinBound within_bound(std::span<const RangeSeries> buckets, Duration bound);

}  // namespace tidegate
