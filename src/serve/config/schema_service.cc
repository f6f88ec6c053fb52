// The tables of a service: its promise, bounds, signals and policies. Order is the order of the reference.
#include <array>

#include "core/model/signal.h"
#include "core/model/slo.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;
using Words = std::string_view;

constexpr std::array modes{Words{"act"}, Words{"shadow"}};
constexpr std::array heartbeats{Words{"none"}, Words{"sse"}};
constexpr std::array presets{Words{"vllm"}};
constexpr std::array presets_later{Words{"sglang"}, Words{"tgi"},  Words{"triton"},     Words{"llamacpp"},
                                   Words{"ollama"}, Words{"dcgm"}, Words{"cloudwatch"}, Words{"datadog"}};
// Policies that work without any setting can be named alone.
constexpr std::array policy_words{Words{"slo"},       Words{"hpa"},
                                  Words{"keda"},      Words{"knative"},
                                  Words{"ray_serve"}, Words{"nomad"},
                                  Words{"target"},    Words{"aws_target_tracking"},
                                  Words{"aws_step"},  Words{"aws_predictive"},
                                  Words{"gcp"},       Words{"sagemaker"},
                                  Words{"dynamo"},    Words{"wva"},
                                  Words{"aibrix"},    Words{"keep_alive"},
                                  Words{"static"}};
constexpr std::array policies_later{Words{"azure"}, Words{"production_stack"}};
constexpr std::array service_later{Words{"group"}, Words{"adapters"}, Words{"weights_cache"}};

constexpr auto signal_names = [] {
  std::array<Words, enum_texts<Signal>.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = enum_texts<Signal>[i].text;
  return names;
}();

// "ttft_p50" to "queue_wait_p999": every latency at every percentile.
struct ObjectiveKey {
  std::array<char, 20> text{};
  std::size_t length = 0;
  [[nodiscard]] constexpr Words view() const { return {text.data(), length}; }
};
constexpr auto objective_keys = [] {
  std::array<ObjectiveKey, latency_kinds * percentiles> keys;
  std::size_t next = 0;
  for (const auto& kind : enum_texts<LatencyKind>) {
    for (const auto& percentile : enum_texts<Percentile>) {
      auto& key = keys[next++];
      for (const char c : kind.text) key.text[key.length++] = c;
      key.text[key.length++] = '_';
      for (const char c : percentile.text) key.text[key.length++] = c;
    }
  }
  return keys;
}();
consteval Setting objective(std::size_t index) {
  constexpr std::array<Words, latency_kinds> meanings{
      "bound on the time from arrival to the first token", "bound on the time between tokens",
      "bound on the time from arrival to the last byte", "bound on the time from arrival to the begin of service"};
  return {objective_keys[index].view(),
          duration,
          otherwise("no such promise"),
          meanings[index / percentiles],
          {.low = 1e-4, .high = day_seconds}};
}
template <std::size_t... I>
consteval auto objectives(std::index_sequence<I...>) {
  return std::array{objective(I)...};
}

constexpr std::array text_shape{Setting{"text", text, required(), "text"}};
constexpr std::array text_or_list{Setting{"model", text, required(), "one name"},
                                  Setting{"model", list, required(), "several names", {.shapes = text_shape}}};

// ---- a service

constexpr std::array replicas_shapes{
    Setting{
        "replicas", integer, required(), "always this many", {.unit = "replicas", .low = 0, .high = replicas_limit}},
    Setting{"range", section, required(), "at least and at most", {.section = &replicas_section}}};
constexpr std::array preset_word{Setting{"preset", choice, required(), "a preset by name", {.choices = presets}}};
constexpr std::array query_shape{Setting{"query", section, required(), "one signal", {.section = &query_section}}};
constexpr std::array signals_shapes{
    preset_word[0], Setting{"explicit", list, required(), "signals one by one", {.shapes = query_shape}},
    Setting{"preset and queries",
            section,
            required(),
            "a preset with settings, queries, or both",
            {.section = &signals_section}}};
constexpr std::array policy_shapes{
    Setting{"name", choice, required(), "a policy with its defaults", {.choices = policy_words}},
    Setting{"settings", section, required(), "a policy with settings", {.section = &policy_section}}};
constexpr std::array policy_shape{Setting{"policy", one_of, required(), "a policy", {.shapes = policy_shapes}}};
constexpr std::array policies_shapes{
    policy_shapes[0], policy_shapes[1],
    Setting{"several", list, required(), "the highest floor and ceiling count", {.shapes = policy_shape}}};
constexpr std::array pool_shape{Setting{"pool", section, required(), "one pool", {.section = &pool_section}}};
constexpr std::array service_includes{&replica_section};
constexpr std::array service_settings{
    Setting{"name", text, required(), "its name: letters, digits, `.`, `_` and `-`, at most 63"},
    Setting{"mode", choice, literal("act"), "act on decisions, or decide and report only", {.choices = modes}},
    Setting{"slo", section, otherwise("ttft_p99: 2s"), "what the service promises", {.section = &slo_section}},
    Setting{"replicas",
            one_of,
            otherwise("{min: 0, max: 8}"),
            "bounds on the number of replicas over all pools",
            {.shapes = replicas_shapes}},
    Setting{"guardrails",
            section,
            otherwise("only min and max"),
            "limits on how fast the size may change",
            {.section = &guardrails_section}},
    Setting{"match",
            section,
            otherwise("requests whose model is the service's name"),
            "which requests belong to the service",
            {.section = &match_section}},
    Setting{"hold",
            section,
            otherwise("up to 50s"),
            "how requests wait that no replica can take yet",
            {.section = &hold_section}},
    Setting{
        "signals", one_of, otherwise("what the gateway measures"), "further measurements", {.shapes = signals_shapes}},
    Setting{"traffic",
            section,
            otherwise("our gateway"),
            "where arrivals are seen, when not at our gateway",
            {.section = &traffic_section}},
    Setting{"policy", one_of, literal("slo"), "how many replicas are enough", {.shapes = policies_shapes}},
    Setting{
        "compare_with", list, otherwise("none"), "policies shown beside ours, never acting", {.shapes = policy_shape}},
    Setting{"timezone", text, literal("UTC"), "IANA time zone of schedules and daily patterns"},
    Setting{"affinity", boolean, literal("true"), "requests of one session or prompt prefix prefer their replica"},
    Setting{"pools",
            list,
            otherwise("one pool named `default`, with the settings below"),
            "kinds of replicas; the first is the reference",
            {.shapes = pool_shape}}};
constexpr auto slo_settings = objectives(std::make_index_sequence<latency_kinds * percentiles>{});
constexpr std::array replicas_settings{
    Setting{"min", integer, literal("0"), "least replicas", {.unit = "replicas", .low = 0, .high = replicas_limit}},
    Setting{"max", integer, literal("8"), "most replicas", {.unit = "replicas", .low = 1, .high = replicas_limit}}};
constexpr std::array guardrails_settings{
    Setting{"step_up",
            integer,
            otherwise("no limit"),
            "most replicas added by one decision",
            {.unit = "replicas", .low = 1, .high = replicas_limit}},
    Setting{"step_down",
            integer,
            otherwise("no limit"),
            "most replicas removed by one decision",
            {.unit = "replicas", .low = 1, .high = replicas_limit}},
    Setting{"rate_up", rate, otherwise("no limit"), "most replicas added within a time, as `4 per 1m`"},
    Setting{"rate_down", rate, otherwise("no limit"), "most replicas removed within a time, as `2 per 5m`"},
    Setting{"dwell",
            duration,
            otherwise("the learned cold start"),
            "shortest time between a change and its reversal",
            {.low = 0, .high = day_seconds}}};
constexpr std::array match_settings{Setting{"model",
                                            one_of,
                                            otherwise("the service's name"),
                                            "the `model` of a request; further names are LoRA adapters",
                                            {.shapes = text_or_list}},
                                    Setting{"host", text, otherwise("any"), "the Host of a request"},
                                    Setting{"path", text, otherwise("any"), "what the path of a request begins with"}};
constexpr std::array hold_settings{
    Setting{"max_age", duration, literal("50s"), "longest a request waits", {.low = 0, .high = hour_seconds}},
    Setting{"max_requests",
            integer,
            literal("10000"),
            "most requests that wait",
            {.unit = "requests", .low = 0, .high = 1e6}},
    Setting{"max_bytes", bytes, literal("256MiB"), "most memory their bodies take", {.low = 0, .high = 1e12}},
    Setting{"heartbeat", choice, literal("none"), "what keeps a waiting stream alive", {.choices = heartbeats}},
    Setting{"heartbeat_period", duration, literal("10s"), "time between heartbeats", {.low = 1, .high = 600}}};

// ---- where measurements come from

constexpr std::array signals_settings{
    Setting{"vllm",
            section,
            otherwise("not read"),
            "the replicas' own metrics pages, as vLLM names them",
            {.section = &preset_section}},
    Setting{"queries", list, otherwise("none"), "signals one by one", {.shapes = query_shape}}};
constexpr std::array preset_settings{
    Setting{"port", text, literal("http"), "port of the page; `http` is the replica's own"},
    Setting{"path", text, otherwise("the preset's"), "path of the page"},
    Setting{"period", duration, literal("1s"), "time between readings", {.low = 0.1, .high = 600}}};
constexpr std::array query_settings{
    Setting{"signal", choice, required(), "what the query measures", {.choices = signal_names}},
    Setting{"name", text, otherwise("the signal's name"), "name of a custom signal, or of a latency as `ttft_p99`"},
    Setting{"query", text, required(), "PromQL; the sum of its instant answer is the reading"},
    Setting{"prometheus", section, required(), "the server that answers", {.section = &prometheus_section}},
    Setting{"when_empty",
            number,
            otherwise("an empty answer is absent"),
            "what an empty answer means",
            {.unit = "the signal's"}}};
constexpr std::array prometheus_settings{
    Setting{"url", value, required(), "address of the server, such as `http://127.0.0.1:9090`"},
    Setting{"bearer_token", secret, otherwise("none"),
            "token to show it; in a ScaledModel `{secret: NAME, key: KEY}` of its namespace"},
    Setting{"period", duration, literal("5s"), "time between queries", {.low = 0.1, .high = 600}},
    Setting{"timeout", duration, literal("4s"), "how long an answer may take", {.low = 0.01, .high = 600}}};
constexpr std::array secret_settings{Setting{"secret", text, required(), "name of a Secret in the same namespace"},
                                     Setting{"key", text, required(), "which of its keys"}};
constexpr std::array traffic_settings{Setting{"prometheus",
                                              section,
                                              required(),
                                              "a Prometheus server that sees the arrivals",
                                              {.section = &traffic_query_section}}};
constexpr std::array traffic_query_includes{&prometheus_section};
constexpr std::array traffic_query_settings{
    Setting{"arrivals", text, required(), "PromQL for the rate of arrivals in requests per second"}};

// ---- policies

constexpr std::array schedule_shape{
    Setting{"entry", section, required(), "one window of the calendar", {.section = &schedule_entry_section}}};
constexpr std::array policy_settings{
    Setting{"slo", section, otherwise("not used"), "hold the SLO at the lowest cost", {.section = &slo_policy_section}},
    Setting{"target",
            section,
            otherwise("not used"),
            "keep a signal at a target, in proportion",
            {.section = &target_policy_section}},
    Setting{"schedule", section, otherwise("not used"), "sizes by the calendar", {.section = &schedule_policy_section}},
    Setting{"hpa",
            section,
            otherwise("not used"),
            "as Kubernetes' HorizontalPodAutoscaler decides",
            {.section = &hpa_policy_section}},
    Setting{
        "keda", section, otherwise("not used"), "as KEDA's ScaledObject decides", {.section = &keda_policy_section}},
    Setting{"knative",
            section,
            otherwise("not used"),
            "as Knative's pod autoscaler decides",
            {.section = &knative_policy_section}},
    Setting{
        "ray_serve", section, otherwise("not used"), "as Ray Serve decides", {.section = &ray_serve_policy_section}},
    Setting{"nomad",
            section,
            otherwise("not used"),
            "as HashiCorp's nomad-autoscaler decides",
            {.section = &nomad_policy_section}},
    Setting{"aws_target_tracking",
            section,
            otherwise("not used"),
            "as AWS target tracking decides",
            {.section = &aws_target_tracking_policy_section}},
    Setting{"aws_step",
            section,
            otherwise("not used"),
            "as AWS step scaling decides",
            {.section = &aws_step_policy_section}},
    Setting{"aws_predictive",
            section,
            otherwise("not used"),
            "as AWS predictive scaling decides",
            {.section = &aws_predictive_policy_section}},
    Setting{"gcp",
            section,
            otherwise("not used"),
            "as a Google Cloud managed instance group decides",
            {.section = &gcp_policy_section}},
    Setting{"sagemaker",
            section,
            otherwise("not used"),
            "as SageMaker decides by its backlog",
            {.section = &sagemaker_policy_section}},
    Setting{"dynamo",
            section,
            otherwise("not used"),
            "as NVIDIA's Dynamo planner decides",
            {.section = &dynamo_policy_section}},
    Setting{"wva",
            section,
            otherwise("not used"),
            "as llm-d's Workload Variant Autoscaler decides",
            {.section = &wva_policy_section}},
    Setting{"aibrix",
            section,
            otherwise("not used"),
            "as AIBrix's PodAutoscaler decides",
            {.section = &aibrix_policy_section}},
    Setting{"keep_alive",
            section,
            otherwise("not used"),
            "follow the need, keep what is idle for a while",
            {.section = &keep_alive_policy_section}},
    Setting{"static", section, otherwise("not used"), "a fixed size", {.section = &static_policy_section}}};
constexpr std::array slo_policy_settings{
    Setting{"peak_rate",
            number,
            otherwise("learned"),
            "most arrivals expected: a first guess, not a limit",
            {.unit = "requests per second", .low = 0, .high = 1e7}},
    Setting{"forecast", boolean, literal("true"),
            "false: the load is expected to stay as it is, to see what that costs"}};
constexpr std::array target_policy_settings{
    Setting{"signal", choice, literal("in_flight"), "what is kept at the target", {.choices = signal_names}},
    Setting{"name", text, otherwise("the signal's name"), "name of a custom signal"},
    Setting{"target", number, literal("1"), "the value to keep", {.unit = "the signal's", .low = 1e-9, .high = 1e12}},
    Setting{"per_replica", boolean, literal("true"), "the target is a replica's share of the signal's total"},
    Setting{"tolerance", share, literal("0.1"), "deviation that changes nothing"},
    Setting{"hold_down",
            duration,
            literal("5m"),
            "time over which the highest need keeps replicas",
            {.low = 0, .high = day_seconds}}};
constexpr std::array schedule_policy_settings{
    Setting{"entries", list, required(), "windows of the calendar", {.shapes = schedule_shape}}};
constexpr std::array schedule_entry_settings{
    Setting{"start", text, required(), "when the window opens: cron of five fields, in the service's time zone"},
    Setting{"end", text, required(), "when it closes"},
    Setting{
        "min", integer, literal("0"), "least replicas inside", {.unit = "replicas", .low = 0, .high = replicas_limit}},
    Setting{"max",
            integer,
            otherwise("no ceiling"),
            "most replicas inside",
            {.unit = "replicas", .low = 0, .high = replicas_limit}}};
constexpr std::array static_policy_settings{
    Setting{"replicas", integer, literal("1"), "the size", {.unit = "replicas", .low = 0, .high = replicas_limit}}};

}  // namespace

constexpr Section service_section{"service",
                                  "services[]",
                                  "One served model with one SLO and one stream of requests. With a single pool, the "
                                  "settings of the pool and of its process may stand here directly.",
                                  service_settings,
                                  service_includes,
                                  service_later};
constexpr Section slo_section{
    "slo", "services[].slo", "Promises: a bound on a latency at a percentile.", slo_settings, {}, {}};
constexpr Section replicas_section{"replicas", "services[].replicas", "Bounds over all pools.", replicas_settings, {},
                                   {}};
constexpr Section guardrails_section{
    "guardrails", "services[].guardrails", "How fast the size may change.", guardrails_settings, {}, {}};
constexpr Section match_section{
    "match", "services[].match", "Which requests belong to the service.", match_settings, {}, {}};
constexpr Section hold_section{
    "hold", "services[].hold", "The waiting room, at zero replicas and when all are full.", hold_settings, {}, {}};
constexpr Section signals_section{"signals", "services[].signals", "Further measurements.", signals_settings,
                                  {},        presets_later};
constexpr Section preset_section{
    "preset", "services[].signals.vllm", "How the replicas' metrics pages are read.", preset_settings, {}, {}};
constexpr Section query_section{"query", "services[].signals[]", "One explicit signal.", query_settings, {}, {}};
constexpr Section prometheus_section{
    "prometheus", "services[].signals[].prometheus", "A Prometheus server.", prometheus_settings, {}, {}};
constexpr Section secret_section{
    "secret", "a ScaledModel's signals", "A key of a Kubernetes Secret.", secret_settings, {}, {}};
constexpr Section traffic_section{"traffic", "services[].traffic", "Where arrivals are seen.", traffic_settings,
                                  {},        presets_later};
constexpr Section traffic_query_section{"traffic query",        "services[].traffic.prometheus", "Arrivals by a query.",
                                        traffic_query_settings, traffic_query_includes,          {}};
constexpr Section policy_section{
    "policy", "services[].policy", "A policy with its settings; exactly one.", policy_settings, {}, policies_later};
constexpr Section slo_policy_section{
    "slo policy", "services[].policy.slo", "Holds the SLO at the lowest cost.", slo_policy_settings, {}, {}};
constexpr Section target_policy_section{"target policy",
                                        "services[].policy.target",
                                        "Keeps a signal at a target: need = value / target.",
                                        target_policy_settings,
                                        {},
                                        {}};
constexpr Section schedule_policy_section{
    "schedule policy", "services[].policy.schedule", "Sizes by the calendar.", schedule_policy_settings, {}, {}};
constexpr Section schedule_entry_section{"schedule entry",
                                         "services[].policy.schedule.entries[]",
                                         "A floor, and perhaps a ceiling, while the window is open.",
                                         schedule_entry_settings,
                                         {},
                                         {}};
constexpr Section static_policy_section{
    "static policy", "services[].policy.static", "Always the same size.", static_policy_settings, {}, {}};
}  // namespace tidegate
