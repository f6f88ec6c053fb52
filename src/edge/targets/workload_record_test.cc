#include "edge/targets/workload_record.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

WorkloadRecord record_of(const Json& object, const std::string& kind = "Deployment") {
  simdjson::dom::parser parser;
  return workload_record_of(parser.parse(object.dump()).value(), kind);
}

Json deployment() {
  return Json::parse(R"({
    "metadata": {"name": "chat", "namespace": "prod", "uid": "u1", "resourceVersion": "77", "generation": 4,
      "managedFields": [
        {"manager": "kubectl-client-side-apply", "operation": "Update", "time": "2026-03-01T07:00:00Z",
         "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {}}}},
        {"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale",
         "time": "2026-03-01T08:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "other", "operation": "Update", "time": "2026-03-01T09:00:00Z",
         "fieldsV1": {"f:status": {"f:replicas": {}}}}]},
    "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "chat"}}, "template": {"spec": {"image": "m:1"}}},
    "status": {"observedGeneration": 4, "replicas": 5, "updatedReplicas": 5}})");
}

TEST(WorkloadRecord, SizeSelectorAndWhoWroteTheSize) {
  const auto record = record_of(deployment());
  EXPECT_EQ(record.replicas, 5);
  EXPECT_EQ(record.resource_version, "77");
  EXPECT_EQ(record.writer.manager, "kube-controller-manager");
  ASSERT_TRUE(record.selector);
  EXPECT_TRUE(record.selector->picks({{"app", "chat"}}));
  EXPECT_FALSE(is_rolling(record, record.template_hash));
  const auto odd = record_of(Json::object());
  EXPECT_FALSE(odd.replicas);
  EXPECT_FALSE(odd.selector);
}

TEST(WorkloadRecord, ADeploymentRollsWhileOlderPodsAreThere) {
  Json object = deployment();
  const auto settled = record_of(object).template_hash;
  // A new size alone is none.
  object["metadata"]["generation"] = 5;
  EXPECT_FALSE(is_rolling(record_of(object), settled));
  // A new template is one before its controller has seen it.
  object["spec"]["template"]["spec"]["image"] = "m:2";
  EXPECT_TRUE(is_rolling(record_of(object), settled));
  EXPECT_FALSE(is_rolling(record_of(object), std::nullopt));
  object["status"] = {{"observedGeneration", 5}, {"replicas", 6}, {"updatedReplicas", 1}};
  EXPECT_TRUE(is_rolling(record_of(object), settled));
  object["status"].erase("updatedReplicas");  // none yet
  EXPECT_TRUE(is_rolling(record_of(object), settled));
  object["status"] = {{"observedGeneration", 5}, {"replicas", 5}, {"updatedReplicas", 5}};
  EXPECT_FALSE(is_rolling(record_of(object), settled));
  object["status"]["conditions"] = {
      {{"type", "Progressing"}, {"status", "False"}, {"message", "ReplicaSet \"chat-2\" has timed out progressing."}}};
  EXPECT_EQ(record_of(object).stuck, "ReplicaSet \"chat-2\" has timed out progressing.");
}

TEST(WorkloadRecord, AStatefulSetRollsDownToItsPartition) {
  Json object = deployment();
  object["status"] = {{"observedGeneration", 4},
                      {"replicas", 5},
                      {"currentRevision", "a"},
                      {"updateRevision", "b"},
                      {"updatedReplicas", 1}};
  EXPECT_TRUE(is_rolling(record_of(object, "StatefulSet"), std::nullopt));
  object["spec"]["updateStrategy"] = {{"rollingUpdate", {{"partition", 4}}}};
  EXPECT_FALSE(is_rolling(record_of(object, "StatefulSet"), std::nullopt));  // a canary that stays
  object["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  EXPECT_FALSE(is_rolling(record_of(object, "StatefulSet"), std::nullopt));
  object["spec"].erase("updateStrategy");
  object["status"]["currentRevision"] = "b";
  EXPECT_FALSE(is_rolling(record_of(object, "StatefulSet"), std::nullopt));
}

TEST(WorkloadRecord, AKindThatCountsNoUpdatesNeverRolls) {
  Json object = deployment();
  object["status"].erase("updatedReplicas");
  EXPECT_FALSE(is_rolling(record_of(object, "ReplicaSet"), std::nullopt));
}

TEST(RivalRecord, WhatItScales) {
  simdjson::dom::parser parser;
  const Json hpa{{"metadata", {{"name", "chat"}}},
                 {"spec", {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "StatefulSet"}, {"name", "m"}}}}}};
  const auto rival = rival_record_of(parser.parse(hpa.dump()).value(), "HorizontalPodAutoscaler");
  ASSERT_TRUE(rival);
  EXPECT_EQ(rival->target_kind, "StatefulSet");
  EXPECT_EQ(rival->target_name, "m");
  const Json keda{{"metadata", {{"name", "chat"}, {"annotations", {{"autoscaling.keda.sh/paused", "true"}}}}},
                  {"spec", {{"scaleTargetRef", {{"name", "m"}}}}}};
  const auto paused = rival_record_of(parser.parse(keda.dump()).value(), "ScaledObject");
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->target_kind, "Deployment");
  EXPECT_TRUE(paused->is_paused);
  EXPECT_FALSE(rival_record_of(parser.parse(std::string{"{}"}).value(), "ScaledObject"));
}

}  // namespace
}  // namespace tidegate
