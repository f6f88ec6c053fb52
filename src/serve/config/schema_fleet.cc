// The tables of the file, the machine and the pools. Order is the order of the reference.
#include <array>

#include "core/model/target_spec.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;
using Words = std::string_view;

constexpr std::array targets_later{Words{"aws"},   Words{"sagemaker"}, Words{"ray_serve"}, Words{"webhook"},
                                   Words{"slurm"}, Words{"nomad"},     Words{"docker"}};
constexpr std::array fleet_later{Words{"cluster"}, Words{"operator"}};

constexpr std::array text_shape{Setting{"text", text, required(), "text"}};

// ---- the file

constexpr std::array service_shape{
    Setting{"service", section, required(), "one service", {.section = &service_section}}};
constexpr std::array fleet_settings{
    Setting{"services", list, required(), "the served models, one entry each", {.shapes = service_shape}},
    Setting{"machine",
            section,
            otherwise("all GPUs of the machine"),
            "what this machine lends to replicas",
            {.section = &machine_section}},
    Setting{"gateway", section, otherwise("127.0.0.1:8080"), "where clients connect", {.section = &gateway_section}},
    Setting{"api",
            section,
            otherwise("127.0.0.1:7070"),
            "where the API and the dashboard are served",
            {.section = &api_section}},
    Setting{"keda",
            section,
            otherwise("not served"),
            "where KEDA asks for the sizes of services",
            {.section = &keda_section}},
    Setting{"external_metrics",
            section,
            otherwise("not served"),
            "where an HPA reads the sizes of services",
            {.section = &external_metrics_section}},
    Setting{"control",
            section,
            otherwise("a decision each second"),
            "how often to decide and how long to remember",
            {.section = &control_section}},
    Setting{"budget",
            section,
            otherwise("no shared limit"),
            "limits that all services share",
            {.section = &budget_section}},
    Setting{"kubernetes",
            section,
            otherwise("the kubeconfig that kubectl uses, else the pod we run in"),
            "how the cluster of Kubernetes targets is reached",
            {.section = &cluster_section}}};

constexpr std::array gpu_shapes{
    Setting{"index", integer, required(), "its number in PCI bus order", {.unit = "index", .low = 0, .high = 1023}},
    Setting{"gpu", section, required(), "its number and memory", {.section = &gpu_section}}};
constexpr std::array gpu_shape{Setting{"gpu", one_of, required(), "one GPU", {.shapes = gpu_shapes}}};
constexpr std::array machine_settings{
    Setting{"gpus", list, otherwise("all that the driver lists"), "GPUs that replicas may use", {.shapes = gpu_shape}},
    Setting{"port_first",
            integer,
            literal("20000"),
            "lowest port given to replicas",
            {.unit = "port", .low = 1, .high = 65535}},
    Setting{"port_last",
            integer,
            literal("29999"),
            "highest port given to replicas",
            {.unit = "port", .low = 1, .high = 65535}},
    Setting{"state_directory", text, otherwise("$XDG_STATE_HOME/tidegate"),
            "folder of the journal, replica records and logs"}};
constexpr std::array gpu_settings{Setting{"index",
                                          integer,
                                          required(),
                                          "its number in PCI bus order, as nvidia-smi counts",
                                          {.unit = "index", .low = 0, .high = 1023}},
                                  Setting{"memory",
                                          bytes,
                                          otherwise("what the driver says"),
                                          "its memory, where no driver can tell",
                                          {.low = 1, .high = 1e15}}};
constexpr std::array gateway_settings{
    Setting{"listen", text, literal("127.0.0.1:8080"), "address and port for clients"},
    Setting{"link", text, otherwise("the gateway runs in this process"),
            "Unix socket of a gateway that runs as a process of its own"},
    Setting{"connections_max",
            integer,
            literal("10000"),
            "client connections at once",
            {.unit = "connections", .low = 1, .high = 1e6}},
    Setting{"idle_timeout",
            duration,
            literal("75s"),
            "how long an idle connection is kept",
            {.low = 1, .high = day_seconds}},
    Setting{"header_timeout",
            duration,
            literal("10s"),
            "how long a client may take to send a request's head",
            {.low = 0.1, .high = hour_seconds}},
    Setting{"body_max", bytes, literal("64MiB"), "largest request body", {.low = 1024, .high = 1e12}},
    Setting{"trust_forwarded", boolean, literal("false"), "keep the X-Forwarded fields that clients send"}};
constexpr std::array api_settings{
    Setting{"listen", text, literal("127.0.0.1:7070"), "address and port of the API and the dashboard"},
    Setting{"token", secret, otherwise("no token, so loopback only"), "bearer token that API clients must show"},
    Setting{"insecure", boolean, literal("false"), "allow listening beyond loopback without a token"}};
constexpr std::array control_settings{
    Setting{"tick", duration, literal("1s"), "time between decisions", {.low = 0.1, .high = 60}},
    Setting{"history",
            duration,
            literal("14d"),
            "how long decisions are kept",
            {.low = hour_seconds, .high = 3650 * day_seconds}}};
constexpr std::array budget_settings{
    Setting{"price_max", price, otherwise("no limit"), "most that all replicas together may cost"},
    Setting{"gpus_max",
            integer,
            otherwise("no limit"),
            "most GPUs in use at once",
            {.unit = "GPUs", .low = 1, .high = replicas_limit}}};
constexpr std::array cluster_settings{
    Setting{"kubeconfig", text, otherwise("$KUBECONFIG, else ~/.kube/config"), "path of a kubeconfig"},
    Setting{"context", text, otherwise("the current one"), "context of the kubeconfig"}};

// ---- pools

constexpr std::array price_shapes{
    Setting{"price", price, required(), "of one replica"},
    Setting{"node", section, required(), "of a whole node", {.section = &node_price_section}}};
constexpr std::array replica_includes{&process_section};
constexpr std::array replica_settings{
    Setting{
        "price", one_of, otherwise("none: GPU-hours are the cost"), "what a replica costs", {.shapes = price_shapes}},
    Setting{"gpus", integer, literal("0"), "GPUs of one replica", {.unit = "GPUs", .low = 0, .high = 1024}},
    Setting{"gpu_share",
            number,
            otherwise("whole GPUs"),
            "of one GPU, where a MIG slice or a time slice is all a replica has: what counts as its GPUs",
            {.unit = "GPUs", .low = 0.001, .high = 1}},
    Setting{"gpu_memory",
            bytes,
            otherwise("whole GPUs"),
            "GPU memory of one replica, when it shares a GPU",
            {.low = 1, .high = 1e15}},
    Setting{
        "startup", duration, otherwise("learned"), "first guess of the cold start", {.low = 0, .high = day_seconds}},
    Setting{"capacity",
            section,
            otherwise("learned"),
            "first guess of what a replica carries",
            {.section = &capacity_section}},
    Setting{"target",
            section,
            otherwise("none: the service can be simulated, not run"),
            "what starts and stops the replicas",
            {.section = &target_section}}};
constexpr std::array pool_includes{&replica_section};
constexpr std::array pool_settings{
    Setting{"name", text, literal("default"), "its name: letters, digits, `.`, `_` and `-`, at most 63"},
    Setting{"replicas_max",
            integer,
            otherwise("the service's max"),
            "most replicas of this pool",
            {.unit = "replicas", .low = 0, .high = replicas_limit}}};
constexpr std::array node_price_settings{Setting{"node", price, required(), "price of the node"},
                                         Setting{"gpus",
                                                 integer,
                                                 required(),
                                                 "GPUs of the node; a replica pays for those it uses",
                                                 {.unit = "GPUs", .low = 1, .high = 1024}}};
constexpr std::array capacity_settings{
    Setting{"profile", text, otherwise("none"), "a row of the profiles that come with tidegate"},
    Setting{"slots",
            number,
            otherwise("learned"),
            "requests a replica serves at once within the SLO",
            {.unit = "requests", .low = 0.01, .high = 1e6}},
    Setting{"service",
            duration,
            otherwise("learned"),
            "mean time a request spends in service",
            {.low = 1e-4, .high = day_seconds}},
    Setting{"slots_max",
            number,
            otherwise("no limit"),
            "the server's own limit on requests at once",
            {.unit = "requests", .low = 1, .high = 1e6}}};
constexpr std::array target_settings{
    Setting{"process", section, otherwise("none"), "processes of this machine", {.section = &process_section}},
    Setting{"kubernetes",
            section,
            otherwise("none"),
            "an object of a Kubernetes cluster that has a scale",
            {.section = &kubernetes_section}}};
constexpr std::array kubernetes_settings{
    Setting{"deployment", text, otherwise("not used"), "name of a Deployment"},
    Setting{"statefulset", text, otherwise("not used"), "name of a StatefulSet"},
    Setting{"api_version", text, literal("apps/v1"), "group and version of another kind"},
    Setting{"kind", text, otherwise("Deployment or StatefulSet"), "another kind that has a scale subresource"},
    Setting{"name", text, otherwise("not used"), "name of the object of that kind"},
    Setting{"namespace", text, otherwise("the ScaledModel's own, in a file the context's"), "namespace of the object"},
    Setting{"port", text, otherwise("the first port of the first container"),
            "port that the pods serve on: a number, or the name of a container port"},
    Setting{"second_owner",
            choice,
            literal("yield"),
            "when somebody else writes the size too: leave it alone while they do, write ours again at most once a "
            "minute, or pause until resumed",
            {.choices = enum_words<SecondOwner>}}};
constexpr std::array process_settings{
    Setting{"command",
            list,
            required(),
            "program and arguments, no shell; {port}, {gpu} and {weights} are filled in",
            {.shapes = text_shape}},
    Setting{"environment", values, otherwise("ours"), "variables added to ours"},
    Setting{"working_directory", text, otherwise("ours"), "folder the process starts in"},
    Setting{"log_directory", text, otherwise("in the state directory"), "folder of its logs"},
    Setting{"weights", text, otherwise("none"), "what {weights} stands for in the command"},
    Setting{
        "ready", section, otherwise("GET /health answers 200"), "when a replica is ready", {.section = &ready_section}},
    Setting{"drain_deadline",
            duration,
            literal("5m"),
            "how long running requests may take to end",
            {.low = 0, .high = day_seconds}},
    Setting{"kill_after", duration, literal("10s"), "time from SIGTERM to SIGKILL", {.low = 0, .high = hour_seconds}}};
constexpr std::array ready_settings{
    Setting{"path", text, literal("/health"), "what is asked for"},
    Setting{"status",
            integer,
            literal("200"),
            "the status that means ready",
            {.unit = "HTTP status", .low = 100, .high = 599}},
    Setting{"model", text, otherwise("not checked"), "a model that /v1/models must list"},
    Setting{"body_contains", text, otherwise("not checked"), "text that the answer must hold"},
    Setting{"headers", values, otherwise("none"), "headers to send; keys and tokens only by reference"},
    Setting{"period", duration, literal("500ms"), "time between questions", {.low = 0.01, .high = 600}},
    Setting{"deadline",
            duration,
            literal("30m"),
            "when a replica that is not ready counts as failed",
            {.low = 1, .high = day_seconds}}};

}  // namespace

constexpr Section fleet_section{"file", "", "The whole file.", fleet_settings, {}, fleet_later};
constexpr Section operator_section{"file", "",         "The operator's own file.", std::span(fleet_settings).subspan(1),
                                   {},     fleet_later};
constexpr Section machine_section{"machine",        "machine", "What this machine lends to replicas.",
                                  machine_settings, {},        {}};
constexpr Section gpu_section{"gpu", "machine.gpus[]", "A GPU that replicas may use.", gpu_settings, {}, {}};
constexpr Section gateway_section{"gateway", "gateway", "The door for clients.", gateway_settings, {}, {}};
constexpr Section api_section{"api",        "api", "The door for operators: API, metrics and dashboard.",
                              api_settings, {},    {}};
constexpr Section control_section{"control", "control", "The control loop.", control_settings, {}, {}};
constexpr Section budget_section{"budget", "budget", "Limits that all services share.", budget_settings, {}, {}};
constexpr Section cluster_section{"cluster",        "kubernetes", "The cluster of Kubernetes targets.",
                                  cluster_settings, {},           {}};
constexpr Section pool_section{"pool",        "services[].pools[]", "Identical replicas on one kind of machine or GPU.",
                               pool_settings, pool_includes,        {}};
constexpr Section replica_section{"replica",
                                  "services[].pools[], or services[] for a single pool",
                                  "One replica of a pool: what it takes and what starts it. The settings of its "
                                  "process may stand here directly.",
                                  replica_settings,
                                  replica_includes,
                                  {}};
constexpr Section node_price_section{
    "node price", "services[].pools[].price", "The price of a whole node.", node_price_settings, {}, {}};
constexpr Section capacity_section{"capacity",
                                   "services[].pools[].capacity",
                                   "What a replica carries: a first guess, corrected by measurement.",
                                   capacity_settings,
                                   {},
                                   {}};
constexpr Section target_section{
    "target", "services[].pools[].target", "What carries decisions out.", target_settings, {}, targets_later};
constexpr Section process_section{
    "process", "services[].pools[].target.process", "Replicas as processes of this machine.", process_settings, {}, {}};
constexpr Section kubernetes_section{"kubernetes",
                                     "services[].pools[].target.kubernetes",
                                     "Replicas as the pods of a Kubernetes object: `deployment`, `statefulset`, or "
                                     "`kind` and `name`.",
                                     kubernetes_settings,
                                     {},
                                     {}};
constexpr Section ready_section{"ready",
                                "services[].pools[].target.process.ready",
                                "When a replica is ready: not before its model is loaded.",
                                ready_settings,
                                {},
                                {}};

std::span<const Section* const> all_sections() {
  static constexpr std::array all{&fleet_section,
                                  &service_section,
                                  &slo_section,
                                  &replicas_section,
                                  &guardrails_section,
                                  &match_section,
                                  &hold_section,
                                  &pool_section,
                                  &replica_section,
                                  &node_price_section,
                                  &capacity_section,
                                  &target_section,
                                  &process_section,
                                  &ready_section,
                                  &kubernetes_section,
                                  &cluster_section,
                                  &signals_section,
                                  &preset_section,
                                  &query_section,
                                  &prometheus_section,
                                  &traffic_section,
                                  &traffic_query_section,
                                  &policy_section,
                                  &slo_policy_section,
                                  &target_policy_section,
                                  &schedule_policy_section,
                                  &schedule_entry_section,
                                  &hpa_policy_section,
                                  &hpa_metric_section,
                                  &hpa_scaling_section,
                                  &keda_policy_section,
                                  &keda_trigger_section,
                                  &keda_fallback_section,
                                  &knative_policy_section,
                                  &ray_serve_policy_section,
                                  &nomad_policy_section,
                                  &nomad_check_section,
                                  &nomad_target_value_section,
                                  &nomad_threshold_section,
                                  &nomad_pass_through_section,
                                  &nomad_fixed_value_section,
                                  &nomad_schedule_section,
                                  &aws_target_tracking_policy_section,
                                  &aws_step_policy_section,
                                  &aws_step_section,
                                  &aws_predictive_policy_section,
                                  &gcp_policy_section,
                                  &sagemaker_policy_section,
                                  &dynamo_policy_section,
                                  &wva_policy_section,
                                  &aibrix_policy_section,
                                  &keep_alive_policy_section,
                                  &peer_metric_section,
                                  &static_policy_section,
                                  &machine_section,
                                  &gpu_section,
                                  &gateway_section,
                                  &api_section,
                                  &control_section,
                                  &budget_section,
                                  &keda_section,
                                  &keda_tls_section,
                                  &external_metrics_section,
                                  &certificate_section,
                                  &metrics_fallback_section};
  return all;
}

}  // namespace tidegate
