// KEDA's ScaledObject.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/time_zone.h"
#include "serve/import/autoscalers.h"

namespace tidegate {
namespace {

constexpr std::size_t triggers_most = 16;
constexpr std::int32_t replicas_most = 100'000;

// What a trigger's metadata calls its target, by the type of the trigger.
struct TargetKeys {
  std::string_view type;
  std::string_view target;
  std::string_view activation;
};
constexpr TargetKeys target_keys[] = {{"prometheus", "threshold", "activationThreshold"},
                                      {"metrics-api", "targetValue", "activationTargetValue"},
                                      {"kubernetes-workload", "value", "activationValue"},
                                      {"kafka", "lagThreshold", "activationLagThreshold"},
                                      {"rabbitmq", "value", "activationValue"},
                                      {"redis", "listLength", "activationListLength"},
                                      {"redis-streams", "pendingEntriesCount", "activationLagCount"},
                                      {"nats-jetstream", "lagThreshold", "activationLagThreshold"},
                                      {"pulsar", "msgBacklogThreshold", "activationMsgBacklogThreshold"},
                                      {"aws-sqs-queue", "queueLength", "activationQueueLength"},
                                      {"aws-cloudwatch", "targetMetricValue", "activationTargetMetricValue"},
                                      {"azure-queue", "queueLength", "activationQueueLength"},
                                      {"azure-servicebus", "messageCount", "activationMessageCount"},
                                      {"gcp-pubsub", "value", "activationValue"},
                                      {"postgresql", "targetQueryValue", "activationTargetQueryValue"},
                                      {"mysql", "queryValue", "activationQueryValue"},
                                      {"datadog", "queryValue", "activationQueryValue"},
                                      {"graphite", "threshold", "activationThreshold"},
                                      {"influxdb", "thresholdValue", "activationThresholdValue"},
                                      {"loki", "threshold", "activationThreshold"},
                                      {"new-relic", "threshold", "activationThreshold"},
                                      {"elasticsearch", "targetValue", "activationTargetValue"}};

struct KedaImport {
  ImportedService service;
  KedaPolicy policy;
  std::vector<HpaMetric> resources;  // cpu and memory triggers: the HorizontalPodAutoscaler's own metrics
  const ImportContext& context;
};

// The query without what stands in braces: names and operators.
std::string without_selectors(std::string_view query) {
  std::string text;
  int depth = 0;
  for (const char c : query) {
    depth += c == '{';
    if (depth == 0) text += c;
    depth -= c == '}' && depth > 0;
  }
  return text;
}

// A query that is more than one metric summed up measures something of its own.
NamedSignal signal_of_query(const std::string& query, const std::string& name) {
  const auto text = without_selectors(query);
  const bool plain = text.find_first_of("/*-+><") == std::string::npos && !text.contains(" or ") &&
                     !text.contains(" and ") && !text.contains("histogram_quantile");
  // A rate of requests is arrivals, a number of requests is not.
  const bool is_rate = text.contains("rate(") || text.contains("increase(");
  const auto found = signal_named(text);
  if (plain && is_rate && (found.signal == Signal::arrivals || text.contains("requests_total")))
    return {.signal = Signal::arrivals};
  if (plain && !is_rate && found.signal != Signal::custom && found.signal != Signal::arrivals) return found;
  return {.signal = Signal::custom, .name = name};
}

void read_prometheus(ForeignMap& metadata, const std::string& name, KedaTrigger& trigger, KedaImport& into) {
  const auto query = metadata.text("query").value_or("");
  const auto address = metadata.text("serverAddress").value_or("");
  if (const auto ignores = metadata.text("ignoreNullValues")) trigger.ignore_null_values = *ignores != "false";
  metadata.leave_out("authModes", "write `bearer_token: {secret: NAME, key: KEY}` beside the address");
  metadata.leave_out("namespace", "the query itself must say its namespace");
  metadata.leave_out("customHeaders", "no headers are sent");
  metadata.leave_out("unsafeSsl", "certificates are always checked");
  const auto signal = signal_of_query(query, name);
  trigger.signal = signal.signal;
  trigger.name = signal.name;
  auto& signals = into.service.signals;
  const PrometheusServerSpec server{.url = address};
  if (query.empty() || !(address.starts_with("http://") || address.starts_with("https://"))) {
    metadata.note("", "a prometheus trigger without `query` or the http address of a server has no source");
  } else if (signal.signal == Signal::arrivals) {
    if (!signals.traffic) signals.traffic = TrafficSpec{.server = server, .arrivals = query};
  } else if (std::ranges::none_of(signals.queries, [&](const QuerySpec& other) {
               return other.signal == signal.signal && other.name == signal.name;
             })) {
    // What an empty answer means stays the peer's affair: to tidegate nothing measured is not zero.
    signals.queries.push_back({.signal = signal.signal, .name = signal.name, .query = query, .server = server});
  } else {
    metadata.note("query", fmt::format("a second query for {} is left out", to_text(signal.signal)));
  }
}

void read_cron(ForeignMap& metadata, KedaImport& into) {
  const auto start = metadata.text("start").value_or(""), end = metadata.text("end").value_or("");
  const auto zone = metadata.text("timezone").value_or("UTC");
  const auto replicas = metadata.integer("desiredReplicas").value_or(0);
  auto from = parse_cron(start), until = parse_cron(end);
  if (!from || !until || !find_time_zone(zone) || replicas < 0 || replicas > replicas_most) {
    metadata.note("", "a cron trigger that is not understood is left out");
    return;
  }
  auto& service = into.service;
  if (!service.schedule.empty() && service.timezone != zone) {
    metadata.note("timezone",
                  fmt::format("a service has one time zone, and this is a second one ({}): left out", zone));
    return;
  }
  service.timezone = zone;
  service.schedule.push_back({.start = *from, .end = *until, .replicas_min = Replicas{replicas}});
  metadata.note("", "becomes a `schedule` beside `slo`; the peer in compare_with is shown without it");
}

void read_resource_trigger(ForeignMap& trigger, ForeignMap& metadata, const std::string& type, KedaImport& into) {
  auto kind = trigger.text("metricType").value_or("");
  if (const auto old = metadata.text("type"); old && kind.empty()) kind = *old;
  const auto value = metadata.number("value");
  metadata.leave_out("containerName", "usage is measured over the whole pod");
  if (!value) {
    metadata.note("", fmt::format("a {} trigger without `value` is left out", type));
    return;
  }
  const bool is_share = kind != "AverageValue";
  into.resources.push_back({.signal = Signal::custom,
                            .name = type,
                            .type = is_share ? HpaTarget::utilization : HpaTarget::pods_average,
                            .target = is_share ? *value / 100 : *value});
  add_source({.signal = {Signal::custom, type}, .metric = type}, trigger, into.service, into.context);
}

// Any other trigger: its target is known by name, its source is not one of ours.
void read_other(ForeignMap& metadata, const std::string& type, const std::string& name, KedaTrigger& trigger) {
  trigger.signal = Signal::custom;
  trigger.name = name;
  metadata.note("",
                fmt::format("nothing measures `{}` yet: the source of a `{}` trigger is not read; add a query for it "
                            "to `signals`",
                            name, type));
}

std::optional<HpaTarget> metric_type(ForeignMap& trigger) {
  const auto kind = trigger.text("metricType").value_or("AverageValue");
  if (kind == "AverageValue") return HpaTarget::average_value;
  if (kind == "Value") return HpaTarget::value;
  return std::nullopt;
}

void read_metric_trigger(ForeignMap& entry, ForeignMap& metadata, const std::string& type, const std::string& name,
                         KedaImport& into) {
  const auto* keys = std::ranges::find(target_keys, type, &TargetKeys::type);
  if (keys == std::end(target_keys)) {
    entry.note("", type.starts_with("external")
                       ? "the target of an external scaler stands in the scaler, not here: left out"
                       : fmt::format("a trigger of the type `{}` is left out", type));
    return;
  }
  KedaTrigger trigger;
  const auto threshold = metadata.number(keys->target);
  const auto activation = metadata.number(keys->activation);
  const auto kind = metric_type(entry);
  if (!threshold || *threshold <= 0 || !kind) {
    entry.note("", fmt::format("a trigger without a usable `{}` is left out", keys->target));
    return;
  }
  if (type == "prometheus")
    read_prometheus(metadata, name, trigger, into);
  else
    read_other(metadata, type, name, trigger);
  trigger.threshold = *threshold;
  trigger.activation_threshold = std::max(0.0, activation.value_or(0));
  trigger.metric_type = *kind;
  trigger.use_cached_metrics = entry.boolean("useCachedMetrics").value_or(false);
  if (type == "prometheus") metadata.leave_out_rest("not used by a query");
  if (into.policy.triggers.size() < triggers_most)
    into.policy.triggers.push_back(std::move(trigger));
  else
    entry.note("", fmt::format("only the first {} triggers are carried over", triggers_most));
}

void read_trigger(ForeignMap entry, std::size_t index, KedaImport& into) {
  const auto type = entry.text("type").value_or("");
  const auto name = entry.text("name").value_or(fmt::format("{}_{}", type, index));
  auto metadata = entry.map("metadata");
  if (type == "cron")
    read_cron(metadata, into);
  else if (type == "cpu" || type == "memory")
    read_resource_trigger(entry, metadata, type, into);
  else
    read_metric_trigger(entry, metadata, type, name, into);
  entry.leave_out("authenticationRef", "write `bearer_token: {secret: NAME, key: KEY}` beside the address");
  entry.pass_over({"metricType", "useCachedMetrics"});
  entry.leave_out_rest("not part of a trigger that is known");
}

void read_fallback(ForeignMap fallback, KedaPolicy& policy) {
  if (!fallback.is_given()) return;
  KedaFallback read;
  read.failure_threshold = std::max(0, fallback.integer("failureThreshold").value_or(3));
  read.replicas = Replicas{std::clamp(fallback.integer("replicas").value_or(0), 0, replicas_most)};
  constexpr std::pair<std::string_view, KedaFallbackBehavior> behaviors[] = {
      {"static", KedaFallbackBehavior::fixed},
      {"currentReplicas", KedaFallbackBehavior::current_replicas},
      {"currentReplicasIfHigher", KedaFallbackBehavior::current_replicas_if_higher},
      {"currentReplicasIfLower", KedaFallbackBehavior::current_replicas_if_lower}};
  const auto word = fallback.text("behavior").value_or("static");
  const auto* found = std::ranges::find(behaviors, word, &std::pair<std::string_view, KedaFallbackBehavior>::first);
  if (found != std::end(behaviors))
    read.behavior = found->second;
  else
    fallback.note("behavior", fmt::format("`{}` is not carried over; static is used", word));
  fallback.leave_out_rest("not part of a fallback that is known");
  policy.fallback = read;
}

// The HorizontalPodAutoscaler that KEDA makes: the peer has its windows alone.
void read_advanced(ForeignMap advanced, KedaImport& into) {
  auto config = advanced.map("horizontalPodAutoscalerConfig");
  config.pass_over({"name"});
  auto behavior = config.map("behavior");
  for (const bool up : {true, false}) {
    auto rules = behavior.map(up ? "scaleUp" : "scaleDown");
    const auto window = rules.seconds("stabilizationWindowSeconds");
    if (window) (up ? into.policy.stabilize_up : into.policy.stabilize_down) = *window;
    rules.leave_out_rest("the keda peer has the windows of a behavior, not its limits");
  }
  behavior.leave_out_rest("not a behavior that is known");
  config.leave_out_rest("not known");
  advanced.leave_out("restoreToOriginalReplicaCount", "tidegate leaves the size as it is when it goes");
  advanced.leave_out("scalingModifiers", "formulas over triggers are not carried over; each trigger counts by itself");
  advanced.leave_out_rest("not known");
}

void choose_peer(ForeignMap& spec, KedaImport& into) {
  auto& [service, policy, resources, context] = into;
  if (!policy.triggers.empty()) {
    service.peer = policy;
    if (!resources.empty())
      spec.note("triggers", "the keda peer has no cpu and memory triggers; those are left out of it");
    return;
  }
  if (resources.empty()) {
    spec.note("triggers", "no trigger could be carried over, so compare_with has no peer");
    return;
  }
  // With cpu and memory alone, what KEDA makes is an HorizontalPodAutoscaler and nothing else.
  HpaPolicy hpa{.signal = resources[0].signal,
                .name = resources[0].name,
                .target_average = resources[0].target,
                .type = resources[0].type};
  hpa.metrics.assign(resources.begin() + 1, resources.end());
  hpa.stabilize_up = policy.stabilize_up.value_or(hpa.stabilize_up);
  hpa.stabilize_down = policy.stabilize_down.value_or(hpa.stabilize_down);
  service.peer = hpa;
}

void note_annotations(ForeignMap root) {
  auto metadata = root.map("metadata");
  auto annotations = metadata.map("annotations");
  for (const std::string_view key :
       {"autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas", "autoscaling.keda.sh/paused-scale-in",
        "autoscaling.keda.sh/paused-scale-out", "autoscaling.keda.sh/force-activation"})
    annotations.leave_out(key, "a paused ScaledObject is imported as if it ran");
}

}  // namespace

ImportedService import_keda(const Manifest& manifest, const ImportContext& context) {
  KedaImport into{.service = {.owner = "ScaledObject"}, .policy = {}, .resources = {}, .context = context};
  into.policy.triggers.clear();
  ForeignMap root(&manifest.node, "", context.log);
  note_annotations(root);
  auto spec = root.map("spec");
  read_scale_target(spec.map("scaleTargetRef"), manifest, into.service, context);
  into.service.replicas_min = Replicas{spec.integer("minReplicaCount").value_or(0)};
  into.service.replicas_max = Replicas{spec.integer("maxReplicaCount").value_or(100)};
  if (const auto poll = spec.seconds("pollingInterval")) into.policy.polling_interval = *poll;
  if (const auto cooldown = spec.seconds("cooldownPeriod")) into.policy.cooldown_period = *cooldown;
  if (const auto initial = spec.seconds("initialCooldownPeriod")) into.policy.initial_cooldown_period = *initial;
  if (const auto idle = spec.integer("idleReplicaCount"))
    into.policy.idle_replicas = Replicas{std::clamp(*idle, 0, replicas_most)};
  read_fallback(spec.map("fallback"), into.policy);
  read_advanced(spec.map("advanced"), into);
  auto triggers = spec.maps("triggers");
  for (std::size_t i = 0; i < triggers.size(); ++i) read_trigger(triggers[i], i, into);
  choose_peer(spec, into);
  spec.leave_out_rest("not a field that is known");
  keep_one_without_traffic(spec, "minReplicaCount", into.service);
  return into.service;
}

}  // namespace tidegate
