#include "serve/import/import.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "serve/import/foreign_map.h"
#include "serve/import/manifests.h"
#include "serve/resource/scaled_model.h"

namespace tidegate {
namespace {

// The one service of a manifest, as it reads back.
ServiceSpec imported(const std::string& text, const ImportOptions& options = {}) {
  const auto import = import_manifests({{.filename = "f", .text = text}}, options, ImportForm::resource);
  EXPECT_EQ(import.errors, "");
  const auto loaded = load_scaled_model(import.yaml, {});
  for (const auto& problem : loaded.problems) ADD_FAILURE() << field_line(problem) << "\n" << import.yaml;
  return loaded.service.value_or(ServiceSpec{});
}

TEST(Import, quantities_of_kubernetes) {
  EXPECT_EQ(kubernetes_quantity("500m"), 0.5);
  EXPECT_EQ(kubernetes_quantity("1k"), 1000);
  EXPECT_EQ(kubernetes_quantity("2Gi"), 2147483648.0);
  EXPECT_EQ(kubernetes_quantity("1.5"), 1.5);
  EXPECT_EQ(kubernetes_quantity("1x"), std::nullopt);
  EXPECT_EQ(kubernetes_quantity(""), std::nullopt);
  EXPECT_EQ(kubernetes_quantity("inf"), std::nullopt);
}

TEST(Import, documents_keep_their_lines) {
  const auto documents = split_documents("# only a comment\n---\na: 1\n---\n\nb: |\n  x\n--- # here\nc: 3\n");
  ASSERT_EQ(documents.size(), 3U);
  Diagnostics problems;
  const auto last = parse_yaml(documents[2], problems);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->keys.at(0).at.line, 9);
}

TEST(Import, an_hpa_is_its_own_peer_with_its_real_settings) {
  const auto service = imported(R"yaml(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: chat-hpa, namespace: prod}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: chat}
  minReplicas: 2
  maxReplicas: 12
  metrics:
    - type: Pods
      pods: {metric: {name: vllm_num_requests_running}, target: {type: AverageValue, averageValue: 6500m}}
    - type: External
      external: {metric: {name: queue_length}, target: {type: AverageValue, averageValue: "3"}}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 120
      selectPolicy: Min
      policies: [{type: Pods, value: 1, periodSeconds: 60}]
)yaml");
  EXPECT_EQ(service.name, "chat");
  EXPECT_EQ(service.mode, Mode::shadow);
  EXPECT_EQ(service.guardrails.replicas_min, Replicas{2});
  EXPECT_EQ(service.guardrails.replicas_max, Replicas{12});
  HpaPolicy hpa{.signal = Signal::in_flight, .target_average = 6.5, .stabilize_down = 2min};
  hpa.metrics = {{.signal = Signal::queued, .type = HpaTarget::average_value, .target = 3}};
  hpa.down_select = HpaSelect::min;
  hpa.down_policies = {{.unit = HpaScalingUnit::pods, .value = 1, .period = 1min}};
  EXPECT_EQ(service.compare_with, (std::vector<PolicySpec>{hpa}));
  EXPECT_EQ(std::get<KubernetesTargetSpec>(service.pools.at(0).target),
            (KubernetesTargetSpec{.kind = "StatefulSet", .name = "chat"}));
  EXPECT_TRUE(service.signals.preset);
}

TEST(Import, a_scaled_object_is_its_own_peer_with_its_real_settings) {
  const auto service = imported(R"yaml(
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: chat-so}
spec:
  scaleTargetRef: {name: chat}
  minReplicaCount: 0
  maxReplicaCount: 9
  cooldownPeriod: 600
  pollingInterval: 10
  idleReplicaCount: 0
  fallback: {failureThreshold: 4, replicas: 5, behavior: currentReplicasIfHigher}
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}}
  triggers:
    - type: prometheus
      metadata: {serverAddress: "http://prom:9090", query: "sum(rate(istio_requests_total{app=\"chat\"}[1m]))", threshold: "20"}
    - type: prometheus
      name: waiting
      metricType: Value
      useCachedMetrics: true
      metadata: {serverAddress: "http://prom:9090", query: "sum(vllm:num_requests_waiting)", threshold: "5", activationThreshold: "1", ignoreNullValues: "false"}
    - type: cron
      metadata: {timezone: Europe/Berlin, start: 0 8 * * 1-5, end: 0 18 * * 1-5, desiredReplicas: "3"}
)yaml");
  EXPECT_EQ(service.guardrails.replicas_min, Replicas{0});  // the rate of requests sees them arrive
  ASSERT_TRUE(service.signals.traffic);
  EXPECT_EQ(service.signals.queries.size(), 1U);
  KedaPolicy keda;
  keda.triggers = {{.signal = Signal::arrivals, .threshold = 20},
                   {.signal = Signal::queued,
                    .threshold = 5,
                    .activation_threshold = 1,
                    .metric_type = HpaTarget::value,
                    .ignore_null_values = false,
                    .use_cached_metrics = true}};
  keda.polling_interval = 10s;
  keda.cooldown_period = 10min;
  keda.idle_replicas = Replicas{0};
  keda.fallback = KedaFallback{4, Replicas{5}, KedaFallbackBehavior::current_replicas_if_higher};
  keda.stabilize_down = 1min;
  EXPECT_EQ(service.compare_with, (std::vector<PolicySpec>{keda}));
  ASSERT_EQ(service.policies.size(), 2U);
  EXPECT_EQ(std::get<SchedulePolicy>(service.policies[1]).entries.at(0).replicas_min, Replicas{3});
  EXPECT_EQ(service.timezone, "Europe/Berlin");
}

TEST(Import, knative_and_ray_serve_are_their_own_peers) {
  const auto knative = imported(R"yaml(
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: chat}
spec:
  template:
    metadata:
      annotations: {autoscaling.knative.dev/minScale: "1", autoscaling.knative.dev/max-scale: "7", autoscaling.knative.dev/target: "12", autoscaling.knative.dev/window: 90s}
    spec: {containerConcurrency: 16}
)yaml");
  EXPECT_EQ(knative.compare_with,
            (std::vector<PolicySpec>{KnativePolicy{.target = 12, .container_concurrency = 16, .window = 90s}}));
  EXPECT_EQ(knative.guardrails.replicas_max, Replicas{7});
  const auto ray = imported(R"yaml(
applications:
  - name: llm
    import_path: app:build
    deployments:
      - name: VLLMDeployment
        ray_actor_options: {num_gpus: 2}
        autoscaling_config: {min_replicas: 1, max_replicas: 5, target_ongoing_requests: 12, upscale_delay_s: 10, smoothing_factor: 0.5}
      - name: Router
        num_replicas: 2
)yaml");
  EXPECT_EQ(ray.name, "llm-vllmdeployment");
  EXPECT_EQ(ray.pools.at(0).gpus, 2);
  EXPECT_EQ(
      ray.compare_with,
      (std::vector<PolicySpec>{RayServePolicy{
          .target_ongoing_requests = 12, .upscale_delay = 10s, .upscaling_factor = 0.5, .downscaling_factor = 0.5}}));
}

TEST(Import, a_workload_beside_the_autoscaler_tells_of_its_replicas) {
  const auto service = imported(R"yaml(
apiVersion: v1
kind: List
items:
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: chat}
    spec:
      template:
        spec:
          containers:
            - image: vllm/vllm-openai:v0.11.0
              args: [--model, meta-llama/Llama-3.1-8B-Instruct, --served-model-name, chat-8b]
              resources: {limits: {nvidia.com/gpu: "2"}}
  - apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: chat}
    spec: {scaleTargetRef: {kind: Deployment, name: chat, apiVersion: apps/v1}, maxReplicas: 4, metrics: [{type: Pods, pods: {metric: {name: requests_running}, target: {averageValue: 4}}}]}
)yaml");
  EXPECT_EQ(service.pools.at(0).gpus, 2);
  EXPECT_EQ(service.match.models, (std::vector<std::string>{"chat-8b"}));
  EXPECT_TRUE(service.signals.preset);
}

TEST(Import, every_field_that_is_not_carried_over_is_named_with_its_line) {
  const auto import = import_manifests({{.filename = "so.yaml", .text = R"yaml(apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: so, annotations: {autoscaling.keda.sh/paused: "true"}}
spec:
  scaleTargetRef: {name: chat}
  minReplicaCount: 1
  advanced:
    scalingModifiers: {formula: a + b}
  surprise: 1
  triggers:
    - type: kafka
      metadata: {bootstrapServers: b, topic: t, lagThreshold: "50"}
      authenticationRef: {name: x}
)yaml"}},
                                       {}, ImportForm::resource);
  EXPECT_EQ(import.errors, "");
  for (const std::string part :
       {"so.yaml:3: metadata.annotations.autoscaling.keda.sh/paused", "so.yaml:8: spec.advanced.scalingModifiers",
        "so.yaml:9: spec.surprise", "spec.triggers[0].metadata: nothing measures `kafka_0`",
        "so.yaml:13: spec.triggers[0].authenticationRef"}) {
    EXPECT_TRUE(std::ranges::any_of(import.notes, [&](const auto& note) { return note.contains(part); })) << part;
    const auto spec = part.find("spec");
    EXPECT_TRUE(spec == std::string::npos || import.yaml.contains(part.substr(spec))) << part << import.yaml;
  }
}

}  // namespace
}  // namespace tidegate
