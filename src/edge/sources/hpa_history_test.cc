#include "edge/sources/hpa_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double gap = std::numeric_limits<double>::quiet_NaN();
constexpr Signal of_slots[] = {Signal::in_flight, Signal::queued, Signal::arrivals};

TEST(HpaHistory, ReadsWhoIsMeant) {
  const auto hpa = read_rival("hpa/prod/chat");
  ASSERT_TRUE(hpa);
  EXPECT_EQ(hpa->text(), "hpa/prod/chat");
  EXPECT_EQ(hpa->hpa_name(), "chat");
  EXPECT_EQ(read_rival("keda/prod/chat.v2")->hpa_name(), "keda-hpa-chat.v2");
  EXPECT_EQ(read_rival("deployment/a/b")->kind, RivalKind::deployment);
  for (const char* text : {"", "hpa", "hpa/prod", "vpa/prod/chat", "hpa//chat", "hpa/prod/", "hpa/prod/chat/more",
                           "hpa/prod/Chat", "hpa/prod/a\"}"}) {
    const auto rival = read_rival(text);
    ASSERT_FALSE(rival) << text;
    EXPECT_NE(rival.error().message.find("hpa/NAMESPACE/NAME"), std::string::npos);
  }
}

TEST(HpaHistory, AsksForBothSpellingsOfTheNamespace) {
  const Rival rival{.kind = RivalKind::keda, .space = "prod", .name = "chat"};
  EXPECT_EQ(sizes_query(rival),
            "max(kube_horizontalpodautoscaler_status_current_replicas{horizontalpodautoscaler=\"keda-hpa-chat\","
            "namespace=\"prod\"} or kube_horizontalpodautoscaler_status_current_replicas{horizontalpodautoscaler="
            "\"keda-hpa-chat\",exported_namespace=\"prod\"})");
  EXPECT_EQ(hpa_query(rival, "spec_max_replicas", 2h),
            "last_over_time(kube_horizontalpodautoscaler_spec_max_replicas{horizontalpodautoscaler=\"keda-hpa-chat\","
            "namespace=\"prod\"}[7200s]) or last_over_time(kube_horizontalpodautoscaler_spec_max_replicas{"
            "horizontalpodautoscaler=\"keda-hpa-chat\",exported_namespace=\"prod\"}[7200s])");
  EXPECT_EQ(sizes_query({.kind = RivalKind::deployment, .space = "prod", .name = "chat"}),
            workload_sizes_query("prod", "chat"));
}

TEST(HpaHistory, PodsAreThoseOfTheWorkload) {
  const auto all = traffic_candidates("prod", "chat.v2", 2min);
  const auto vllm = std::ranges::find(all, "vLLM", &TrafficCandidate::what);
  ASSERT_NE(vllm, all.end());
  EXPECT_EQ(vllm->query,
            "sum(rate(vllm:request_success_total{namespace=\"prod\",pod=~\"chat\\\\.v2-([a-z0-9]+-[a-z0-9]{5}|[0-9]+)"
            "\"}[120s]))");
  EXPECT_EQ(all.front().server, nullptr) << "counted before they wait";
  const auto sglang = std::ranges::find(all, "SGLang", &TrafficCandidate::what);
  EXPECT_EQ(running_query(*sglang->server, "prod", "chat"),
            "sum(max without (tp_rank, pp_rank) "
            "(sglang:num_running_reqs{namespace=\"prod\",pod=~\"chat-([a-z0-9]+-[a-z0-9]{5}|[0-9]+)\"}))");
}

TEST(HpaHistory, AWorkloadIsADeploymentOrAStatefulSet) {
  EXPECT_EQ(workload_ready_query("prod", "chat"),
            "max(kube_deployment_status_replicas_ready{deployment=\"chat\",namespace=\"prod\"} or "
            "kube_deployment_status_replicas_ready{deployment=\"chat\",exported_namespace=\"prod\"} or "
            "kube_statefulset_status_replicas_ready{statefulset=\"chat\",namespace=\"prod\"} or "
            "kube_statefulset_status_replicas_ready{statefulset=\"chat\",exported_namespace=\"prod\"})");
}

TEST(HpaHistory, NamesThoseThereAre) {
  const std::vector<RangeSeries> series{
      {.labels = {{"namespace", "monitoring"}, {"exported_namespace", "prod"}, {"horizontalpodautoscaler", "chat"}}},
      {.labels = {{"namespace", "lab"}, {"horizontalpodautoscaler", "code"}}}};
  EXPECT_EQ(hpas_named(series), (std::vector<std::string>{"lab/code", "prod/chat"}));
}

TEST(HpaHistory, ReadsTheTargets) {
  const std::vector<RangeSeries> series{
      {.labels = {{"metric_name", "vllm_num_requests_running"}, {"metric_target_type", "average"}, {"pod", "a"}},
       .values = {6, 8}},
      {.labels = {{"metric_name", "vllm_num_requests_running"}, {"metric_target_type", "average"}, {"pod", "b"}},
       .values = {8}},
      {.labels = {{"metric_name", "cpu"}, {"metric_target_type", "utilization"}}, .values = {70, gap}},
      {.labels = {{"metric_name", "gone"}, {"metric_target_type", "value"}}, .values = {gap}}};
  const auto targets = hpa_targets(series);
  ASSERT_EQ(targets.size(), 2U);
  EXPECT_EQ(targets[0].target, 8) << "the newest";
  EXPECT_EQ(targets[1].type, "utilization");
  const auto policy = rival_policy(RivalKind::hpa, targets, of_slots);
  EXPECT_EQ(policy.text, "{hpa: {signal: in_flight, type: pods_average, target_average: 8}}");
  EXPECT_EQ(policy.left_out, (std::vector<std::string>{"cpu"}));
}

TEST(HpaHistory, SpellsTheRivalAsTheConfigurationWould) {
  const std::vector<HpaTargetSeen> targets{{"vllm:num_requests_waiting", "value", 5},
                                           {"vllm:kv_cache_usage_perc", "average", 80},
                                           {"http_requests_per_second", "average", 2.5}};
  const Signal everything[] = {Signal::in_flight, Signal::queued, Signal::arrivals, Signal::kv_usage};
  EXPECT_EQ(rival_policy(RivalKind::hpa, targets, everything).text,
            "{hpa: {signal: queued, type: value, target_average: 5, metrics: [{signal: kv_usage, type: pods_average, "
            "target: 0.8}, {signal: arrivals, type: pods_average, target: 2.5}]}}");
  EXPECT_EQ(rival_policy(RivalKind::keda, targets, of_slots).text,
            "{keda: {triggers: [{signal: queued, metric_type: value, threshold: 5}, {signal: arrivals, metric_type: "
            "average_value, threshold: 2.5}]}}");
  const std::vector<HpaTargetSeen> opaque{{"s0-prometheus", "average", 10}};
  EXPECT_EQ(rival_policy(RivalKind::keda, opaque, everything).text, "");
}

TEST(HpaHistory, KnowsWellKnownMetricsByTheirNames) {
  EXPECT_EQ(signal_of_metric("vllm:num_requests_running"), Signal::in_flight);
  EXPECT_EQ(signal_of_metric("tgi_queue_size"), Signal::queued);
  EXPECT_EQ(signal_of_metric("DCGM_FI_DEV_GPU_UTIL"), Signal::gpu_util);
  EXPECT_EQ(signal_of_metric("s0-prometheus-sglang-num_running_reqs"), Signal::in_flight);
  EXPECT_FALSE(signal_of_metric("cpu"));
  EXPECT_FALSE(signal_of_metric("s1-cron"));
}

TEST(HpaHistory, CountsWhatEndedWithinTheBound) {
  const std::vector<RangeSeries> buckets{{.labels = {{"le", "+Inf"}}, .values = {8, gap, 4}},
                                         {.labels = {{"le", "2.5"}}, .values = {6, 1, 4}},
                                         {.labels = {{"le", "1.0"}}, .values = {3, 1, 4}}};
  const auto at_2s = within_bound(buckets, 2s);
  ASSERT_EQ(at_2s.ended.size(), 3U);
  EXPECT_EQ(at_2s.ended[0], 8);
  EXPECT_DOUBLE_EQ(at_2s.within[0], 5);
  EXPECT_TRUE(std::isnan(at_2s.ended[1]) && std::isnan(at_2s.within[1]));
  EXPECT_EQ(at_2s.within[2], 4);
  EXPECT_DOUBLE_EQ(within_bound(buckets, 500ms).within[0], 1.5);
  EXPECT_DOUBLE_EQ(within_bound(buckets, 10s).within[0], 6) << "later than every bucket: late";
  EXPECT_TRUE(within_bound({}, 2s).ended.empty());
}

}  // namespace
}  // namespace tidegate
