#include "edge/targets/pod_record.h"

#include <gtest/gtest.h>

#include "edge/kubernetes/rfc3339.h"

namespace tidegate {
namespace {

PodRecord record_of(const Json& pod) {
  simdjson::dom::parser parser;
  return pod_record_of(parser.parse(pod.dump()).value());
}

Json some_pod() {
  return Json::parse(R"({
    "metadata": {"name": "chat-7d4b9-x2x4q", "namespace": "prod", "uid": "u1",
      "creationTimestamp": "2026-03-01T07:05:09Z", "labels": {"app": "chat", "pod-template-hash": "7d4b9"},
      "ownerReferences": [{"kind": "ReplicaSet", "name": "chat-7d4b9", "controller": true}]},
    "spec": {"nodeName": "n1", "containers": [
      {"name": "server", "ports": [{"name": "http", "containerPort": 8000}, {"containerPort": 9000}],
       "resources": {"limits": {"nvidia.com/gpu": "2", "memory": "1Gi"}}},
      {"name": "helper", "resources": {"limits": {"nvidia.com/mig-1g.10gb": "1"}}}]},
    "status": {"phase": "Running", "podIP": "10.1.2.3",
      "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
      "containerStatuses": [{"name": "server", "restartCount": 1, "state": {"running": {}}},
                            {"name": "helper", "restartCount": 0, "state": {"running": {}}}]}})");
}

TEST(PodRecord, WhatIsKeptOfAReadyPod) {
  const auto pod = record_of(some_pod());
  EXPECT_EQ(pod.state, ReplicaState::ready);
  EXPECT_EQ(pod.uid, "u1");
  EXPECT_EQ(pod.node, "n1");
  EXPECT_EQ(pod.ip, "10.1.2.3");
  EXPECT_EQ(pod.owner_kind, "ReplicaSet");
  EXPECT_EQ(pod.owner_name, "chat-7d4b9");
  EXPECT_EQ(pod.created, parse_rfc3339("2026-03-01T07:05:09Z"));
  EXPECT_EQ(pod.restarts, 1);
  EXPECT_EQ(pod.gpus, 3);
  EXPECT_EQ(serving_port(pod, ""), 8000);
  EXPECT_EQ(serving_port(pod, "http"), 8000);
  EXPECT_EQ(serving_port(pod, "7000"), 7000);
  EXPECT_FALSE(serving_port(pod, "metrics"));
  EXPECT_FALSE(serving_port({}, ""));
}

TEST(PodRecord, GpusAreWholeOnesAndSlicesOfThem) {
  const auto gpus_of = [](const Json& limits) {
    Json pod = some_pod();
    pod["spec"]["containers"] = Json::array({{{"name", "server"}, {"resources", {{"limits", limits}}}}});
    return record_of(pod).gpus;
  };
  EXPECT_EQ(gpus_of({{"nvidia.com/gpu", "4"}, {"cpu", "8"}}), 4);
  EXPECT_EQ(gpus_of({{"amd.com/gpu", "1"}}), 1);
  EXPECT_EQ(gpus_of({{"nvidia.com/mig-3g.40gb", "2"}}), 2);
  EXPECT_EQ(gpus_of({{"nvidia.com/mig-1g.10gb.shared", "1"}}), 1);
  EXPECT_EQ(gpus_of({{"nvidia.com/gpu.shared", "1"}}), 1);
  EXPECT_EQ(gpus_of({{"nvidia.com/gpu.product", "1"}, {"rdma/hca", "1"}, {"memory", "1Gi"}}), 0);
  EXPECT_EQ(gpus_of(Json::object()), 0);
}

TEST(PodRecord, HowFarItHasCome) {
  Json pod = some_pod();
  const auto set_ready = [&](const char* status) { pod["status"]["conditions"][1]["status"] = status; };
  set_ready("False");
  pod["status"]["conditions"][1]["message"] = "containers with unready status: [server]";
  EXPECT_EQ(record_of(pod).state, ReplicaState::loading);
  EXPECT_EQ(record_of(pod).trouble, "containers with unready status: [server]");
  pod["status"]["containerStatuses"][0]["state"] = {{"waiting", {{"reason", "ContainerCreating"}}}};
  EXPECT_EQ(record_of(pod).state, ReplicaState::starting);
  pod["status"].erase("containerStatuses");
  EXPECT_EQ(record_of(pod).state, ReplicaState::starting);
  pod["spec"].erase("nodeName");
  EXPECT_EQ(record_of(pod).state, ReplicaState::requested);
  EXPECT_TRUE(record_of(pod).unschedulable.empty());
  pod["status"]["conditions"] = {{{"type", "PodScheduled"},
                                  {"status", "False"},
                                  {"reason", "Unschedulable"},
                                  {"message", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}}};
  EXPECT_EQ(record_of(pod).state, ReplicaState::requested);
  EXPECT_EQ(record_of(pod).unschedulable, "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.");
}

TEST(PodRecord, WhatTroublesIt) {
  Json pod = some_pod();
  pod["status"]["conditions"][1]["status"] = "False";
  auto& server = pod["status"]["containerStatuses"][0];
  server["state"] = {{"waiting", {{"reason", "ImagePullBackOff"}, {"message", "Back-off pulling image \"m:1\""}}}};
  EXPECT_EQ(record_of(pod).state, ReplicaState::failed);
  EXPECT_EQ(record_of(pod).trouble, "ImagePullBackOff: Back-off pulling image \"m:1\"");
  server["state"] = {{"waiting", {{"reason", "CrashLoopBackOff"}}}};
  server["lastState"] = {{"terminated", {{"reason", "OOMKilled"}, {"exitCode", 137}}}};
  EXPECT_EQ(record_of(pod).trouble, "CrashLoopBackOff; it ended with OOMKilled (exit code 137)");
  // An init container that cannot start is as bad.
  pod["status"].erase("containerStatuses");
  pod["status"]["initContainerStatuses"] = {{{"state", {{"waiting", {{"reason", "ErrImagePull"}}}}}}};
  EXPECT_EQ(record_of(pod).state, ReplicaState::failed);
}

TEST(PodRecord, WhatEndsIsNoReplicaAnyMore) {
  Json pod = some_pod();
  pod["metadata"]["deletionTimestamp"] = "2026-03-01T08:00:00Z";
  EXPECT_EQ(record_of(pod).state, ReplicaState::draining);
  pod["metadata"].erase("deletionTimestamp");
  pod["status"] = {{"phase", "Failed"}, {"reason", "Evicted"}, {"message", "The node was low on memory"}};
  EXPECT_EQ(record_of(pod).state, ReplicaState::gone);
  EXPECT_EQ(record_of(pod).trouble, "Evicted: The node was low on memory");
}

TEST(PodRecord, StrangePodsAreReadWithoutHarm) {
  EXPECT_EQ(record_of(Json::object()).state, ReplicaState::requested);
  Json pod = some_pod();
  pod["spec"]["containers"][0]["ports"] = {
      {{"containerPort", 0}}, {{"containerPort", 70000}}, {{"containerPort", "x"}}};
  pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = "many";
  pod["metadata"]["annotations"] = {{"controller.kubernetes.io/pod-deletion-cost", "cheap"}};
  EXPECT_TRUE(record_of(pod).ports.empty());
  EXPECT_EQ(record_of(pod).gpus, 1);
  EXPECT_FALSE(record_of(pod).deletion_cost);
  pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "-7";
  EXPECT_EQ(record_of(pod).deletion_cost, -7);
}

TEST(PodRecord, Ordinals) {
  EXPECT_EQ(ordinal_of("chat-12"), 12);
  EXPECT_FALSE(ordinal_of("chat-x2x4q"));
  EXPECT_FALSE(ordinal_of("chat"));
  EXPECT_FALSE(ordinal_of("chat-"));
}

}  // namespace
}  // namespace tidegate
