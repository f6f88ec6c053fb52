#include "edge/sources/hpa_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

#include "core/model/peer_specs.h"
#include "edge/sources/exposition.h"
#include "edge/sources/prometheus_answer.h"

namespace tidegate {
namespace {

constexpr double not_counted = std::numeric_limits<double>::quiet_NaN();

constexpr ServerMetrics all_servers[] = {
    {.server = "vLLM",
     .requests = "vllm:request_success_total",
     .running = "vllm:num_requests_running",
     .ttft = "vllm:time_to_first_token_seconds",
     .latency = "vllm:e2e_request_latency_seconds",
     .queue_wait = "vllm:request_queue_time_seconds"},
    {.server = "SGLang",
     .requests = "sglang:num_requests_total",
     .running = "sglang:num_running_reqs",
     .ttft = "sglang:time_to_first_token_seconds",
     .latency = "sglang:e2e_request_latency_seconds",
     .ranks = "tp_rank, pp_rank"},
    {.server = "TGI",
     .requests = "tgi_request_count",
     .running = "tgi_batch_current_size",
     .latency = "tgi_request_duration",
     .queue_wait = "tgi_request_queue_duration"},
    {.server = "NIM",
     .requests = "request_finish_total",
     .running = "num_requests_running",
     .ttft = "time_to_first_token_seconds",
     .latency = "e2e_request_latency_seconds"},
    {.server = "Triton", .requests = "nv_inference_request_success"},
    {.server = "TorchServe", .requests = "ts_inference_requests_total"},
    {.server = "TensorFlow Serving", .requests = ":tensorflow:serving:request_count"},
};

// What a name of a metric contains, in the order in which it is looked for.
constexpr std::pair<std::string_view, Signal> known_metrics[] = {
    {"requests_waiting", Signal::queued},
    {"queue_reqs", Signal::queued},
    {"queue_size", Signal::queued},
    {"queue_length", Signal::queued},
    {"queue_depth", Signal::queued},
    {"queued", Signal::queued},
    {"pending_request", Signal::queued},
    {"requests_deferred", Signal::queued},
    {"requests_running", Signal::in_flight},
    {"running_reqs", Signal::in_flight},
    {"requests_processing", Signal::in_flight},
    {"batch_current_size", Signal::in_flight},
    {"ongoing_requests", Signal::in_flight},
    {"processing_queries", Signal::in_flight},
    {"active_requests", Signal::in_flight},
    {"in_flight", Signal::in_flight},
    {"inflight", Signal::in_flight},
    {"concurrency", Signal::in_flight},
    {"concurrent", Signal::in_flight},
    {"cache_usage", Signal::kv_usage},
    {"token_usage", Signal::kv_usage},
    {"gpu_util", Signal::gpu_util},
    {"gpu_duty_cycle", Signal::gpu_util},
    {"requests_per_second", Signal::arrivals},
    {"request_rate", Signal::arrivals},
    {"http_requests", Signal::arrivals},
    {"rps", Signal::arrivals},
};

std::string seconds_window(Duration window) { return fmt::format("[{}s]", std::max<std::int64_t>(window / 1s, 1)); }

// `NAME{LABEL="value",namespace="space"}WINDOW` in `AROUND`, and the same with the namespace renamed.
std::string either_namespace(std::string_view around, std::string_view name, std::string_view matchers,
                             std::string_view space, std::string_view window) {
  const auto one = [&](std::string_view label) {
    const auto selector = fmt::format("{}{{{}{}{}={}}}{}", name, matchers, matchers.empty() ? "" : ",", label,
                                      promql_quoted(space), window);
    return around.empty() ? selector : fmt::format("{}({})", around, selector);
  };
  return fmt::format("{} or {}", one("namespace"), one("exported_namespace"));
}

std::string matcher(std::string_view label, std::string_view value) {
  return fmt::format("{}={}", label, promql_quoted(value));
}

// Pods as a Deployment and a StatefulSet of that name call them, and not those of one whose name only begins like it.
constexpr std::string_view pod_suffix = "-([a-z0-9]+-[a-z0-9]{5}|[0-9]+)";

std::string pods_of(std::string_view space, std::string_view workload) {
  std::string pattern;
  for (const char c : workload) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_') pattern += '\\';
    pattern += c;
  }
  return fmt::format("namespace={},pod=~{}", promql_quoted(space), promql_quoted(pattern.append(pod_suffix)));
}

// Where ranks tell the same work several times, the one that tells most counts.
std::string of_ranks(const ServerMetrics& server, const std::string& inner) {
  return server.ranks.empty() ? inner : fmt::format("max without ({}) ({})", server.ranks, inner);
}

bool is_kubernetes_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

std::string_view label_of(const RangeSeries& series, std::string_view name) {
  const auto found = series.labels.find(name);
  return found == series.labels.end() ? std::string_view{} : std::string_view{found->second};
}

std::optional<double> last_number(const RangeSeries& series) {
  for (auto value = series.values.rbegin(); value != series.values.rend(); ++value)
    if (std::isfinite(*value)) return *value;
  return std::nullopt;
}

struct KnownTarget {
  Signal signal = Signal::in_flight;
  HpaTarget type = HpaTarget::pods_average;
  double target = 0;
};

KnownTarget known_target(RivalKind kind, const HpaTargetSeen& seen, Signal signal) {
  const bool is_share = signal == Signal::kv_usage || signal == Signal::gpu_util;
  // Whether an average is of the pods or of a total cannot be told; KEDA's are of totals.
  const HpaTarget average = kind == RivalKind::keda ? HpaTarget::average_value : HpaTarget::pods_average;
  KnownTarget known{.signal = signal, .type = seen.type == "value" ? HpaTarget::value : average, .target = seen.target};
  if (is_share && (seen.type == "utilization" || seen.target > 1.5)) known.target /= 100;
  return known;
}

std::string hpa_text(const std::vector<KnownTarget>& targets) {
  std::string text = fmt::format("{{hpa: {{signal: {}, type: {}, target_average: {:.6g}", to_text(targets[0].signal),
                                 to_text(targets[0].type), targets[0].target);
  for (std::size_t i = 1; i < targets.size(); ++i)
    text += fmt::format("{}{{signal: {}, type: {}, target: {:.6g}}}", i == 1 ? ", metrics: [" : ", ",
                        to_text(targets[i].signal), to_text(targets[i].type), targets[i].target);
  return text + (targets.size() > 1 ? "]}}" : "}}");
}

std::string keda_text(const std::vector<KnownTarget>& targets) {
  std::string text = "{keda: {triggers: [";
  for (std::size_t i = 0; i < targets.size(); ++i)
    text += fmt::format("{}{{signal: {}, metric_type: {}, threshold: {:.6g}}}", i == 0 ? "" : ", ",
                        to_text(targets[i].signal), to_text(targets[i].type), targets[i].target);
  return text + "]}}";
}

std::string workload_query(std::string_view what, std::string_view space, std::string_view workload) {
  const auto of_kind = [&](std::string_view kind) {
    return either_namespace("", fmt::format("kube_{}_status_{}", kind, what), matcher(kind, workload), space, "");
  };
  return fmt::format("max({} or {})", of_kind("deployment"), of_kind("statefulset"));
}

}  // namespace

std::string Rival::text() const { return fmt::format("{}/{}/{}", to_text(kind), space, name); }

std::string Rival::hpa_name() const { return kind == RivalKind::keda ? "keda-hpa-" + name : name; }

Result<Rival> read_rival(const std::string& text) {
  const auto first = text.find('/'), second = text.find('/', first == std::string::npos ? first : first + 1);
  if (first != std::string::npos && second != std::string::npos)
    if (const auto kind = from_text<RivalKind>(std::string_view{text}.substr(0, first))) {
      Rival rival{.kind = *kind, .space = text.substr(first + 1, second - first - 1), .name = text.substr(second + 1)};
      if (is_kubernetes_name(rival.space) && is_kubernetes_name(rival.name)) return rival;
    }
  return fail(ErrorKind::invalid, fmt::format("--against wants hpa/NAMESPACE/NAME, keda/NAMESPACE/NAME or "
                                              "deployment/NAMESPACE/NAME, not '{}'",
                                              text));
}

std::string hpa_query(const Rival& rival, std::string_view what, Duration window) {
  return either_namespace("last_over_time", fmt::format("kube_horizontalpodautoscaler_{}", what),
                          matcher("horizontalpodautoscaler", rival.hpa_name()), rival.space, seconds_window(window));
}

std::string hpas_query(Duration window) {
  return fmt::format(
      "count by (namespace, exported_namespace, horizontalpodautoscaler) "
      "(last_over_time(kube_horizontalpodautoscaler_spec_max_replicas{}))",
      seconds_window(window));
}

std::vector<std::string> hpas_named(std::span<const RangeSeries> series) {
  std::vector<std::string> names;
  for (const auto& one : series) {
    const auto renamed = label_of(one, "exported_namespace");
    names.push_back(fmt::format("{}/{}", renamed.empty() ? label_of(one, "namespace") : renamed,
                                label_of(one, "horizontalpodautoscaler")));
  }
  std::ranges::sort(names);
  return names;
}

std::string sizes_query(const Rival& rival) {
  if (rival.kind == RivalKind::deployment) return workload_sizes_query(rival.space, rival.name);
  return fmt::format("max({})",
                     either_namespace("", "kube_horizontalpodautoscaler_status_current_replicas",
                                      matcher("horizontalpodautoscaler", rival.hpa_name()), rival.space, ""));
}

std::string workload_sizes_query(std::string_view space, std::string_view workload) {
  return workload_query("replicas", space, workload);
}

std::string workload_ready_query(std::string_view space, std::string_view workload) {
  return workload_query("replicas_ready", space, workload);
}

std::vector<HpaTargetSeen> hpa_targets(std::span<const RangeSeries> series) {
  std::vector<HpaTargetSeen> targets;
  for (const auto& one : series) {
    const auto number = last_number(one);
    if (!number || *number <= 0) continue;
    HpaTargetSeen seen{.metric = std::string{label_of(one, "metric_name")},
                       .type = std::string{label_of(one, "metric_target_type")},
                       .target = *number};
    // The same series may have come from several pods of kube-state-metrics.
    const auto same = std::ranges::find_if(
        targets, [&](const auto& each) { return each.metric == seen.metric && each.type == seen.type; });
    if (same == targets.end()) targets.push_back(std::move(seen));
  }
  return targets;
}

std::string hpa_workload(std::span<const RangeSeries> info) {
  for (const auto& one : info)
    if (const auto name = label_of(one, "scaletargetref_name"); !name.empty()) return std::string{name};
  return {};
}

std::optional<double> number_of(std::span<const RangeSeries> series) {
  for (const auto& one : series)
    if (const auto number = last_number(one)) return number;
  return std::nullopt;
}

std::optional<Signal> signal_of_metric(std::string_view name) {
  std::string plain;
  for (const char c : name)
    plain += std::isalnum(static_cast<unsigned char>(c)) != 0
                 ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                 : '_';
  for (const auto& [part, signal] : known_metrics)
    if (plain.find(part) != std::string::npos) return signal;
  return std::nullopt;
}

RivalPolicy rival_policy(RivalKind kind, std::span<const HpaTargetSeen> targets, std::span<const Signal> measurable) {
  RivalPolicy policy;
  std::vector<KnownTarget> known;
  for (const auto& seen : targets) {
    const auto signal = signal_of_metric(seen.metric);
    if (signal && std::ranges::find(measurable, *signal) != measurable.end())
      known.push_back(known_target(kind, seen, *signal));
    else
      policy.left_out.push_back(seen.metric);
  }
  if (!known.empty()) policy.text = kind == RivalKind::keda ? keda_text(known) : hpa_text(known);
  return policy;
}

std::span<const ServerMetrics> server_metrics() { return all_servers; }

std::vector<TrafficCandidate> traffic_candidates(std::string_view space, std::string_view workload, Duration window) {
  const auto within = seconds_window(window);
  std::vector<TrafficCandidate> all;
  all.push_back({.what = "Istio",
                 .query = fmt::format("sum(rate(istio_requests_total{{reporter=\"destination\",{},{}}}{}))",
                                      matcher("destination_workload_namespace", space),
                                      matcher("destination_workload", workload), within)});
  const auto nginx = [&](std::string_view prefix) {
    return fmt::format("rate(nginx_ingress_controller_requests{{{0}namespace={1},{0}service={2}}}{3})", prefix,
                       promql_quoted(space), promql_quoted(workload), within);
  };
  all.push_back({.what = "ingress-nginx", .query = fmt::format("sum({} or {})", nginx("exported_"), nginx(""))});
  all.push_back({.what = "Traefik",
                 .query = fmt::format("sum(rate(traefik_service_requests_total{{service=~{}}}{}))",
                                      promql_quoted(fmt::format("{}-{}-.*@kubernetes.*", space, workload)), within)});
  for (const auto& server : all_servers)
    all.push_back({.what = std::string{server.server},
                   .query = fmt::format("sum({})", of_ranks(server, fmt::format("rate({}{{{}}}{})", server.requests,
                                                                                pods_of(space, workload), within))),
                   .server = &server});
  return all;
}

std::string running_query(const ServerMetrics& server, std::string_view space, std::string_view workload) {
  return fmt::format("sum({})", of_ranks(server, fmt::format("{}{{{}}}", server.running, pods_of(space, workload))));
}

std::string buckets_query(const ServerMetrics& server, std::string_view histogram, std::string_view space,
                          std::string_view workload, Duration window) {
  return fmt::format("sum by (le) ({})",
                     of_ranks(server, fmt::format("rate({}_bucket{{{}}}{})", histogram, pods_of(space, workload),
                                                  seconds_window(window))));
}

WithinBound within_bound(std::span<const RangeSeries> buckets, Duration bound) {
  std::vector<std::pair<double, const std::vector<double>*>> edges;
  for (const auto& one : buckets)
    if (const auto edge = parse_sample_value(label_of(one, "le"))) edges.emplace_back(*edge, &one.values);
  std::ranges::sort(edges);
  WithinBound found;
  if (edges.empty() || !std::isinf(edges.back().first)) return found;
  const double wanted = seconds(bound);
  const auto above = std::ranges::find_if(edges, [&](const auto& edge) { return edge.first >= wanted; });
  // Beyond the last finite edge nothing is known but that it is late.
  const bool is_open = std::isinf(above->first) && above != edges.begin();
  const auto& all = *edges.back().second;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double low_edge = above == edges.begin() ? 0 : std::prev(above)->first;
    const double low = above == edges.begin() ? 0 : (*std::prev(above)->second)[i];
    const double high = (*above->second)[i];
    const double share = is_open ? 0 : (wanted - low_edge) / (above->first - low_edge);
    const double within = low + (high - low) * share;
    const bool is_counted = std::isfinite(all[i]) && std::isfinite(within);
    found.ended.push_back(is_counted ? all[i] : not_counted);
    found.within.push_back(is_counted ? std::min(within, all[i]) : not_counted);
  }
  return found;
}

}  // namespace tidegate
