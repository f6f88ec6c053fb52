// A plan and a cluster that is nothing but records: for tests of what is decided.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "edge/targets/kubernetes_plan.h"

namespace tidegate {

inline ServiceSpec kubernetes_service(const std::string& name, KubernetesTargetSpec target = {}) {
  if (target.name.empty()) target.name = name;
  ServiceSpec service{.name = name};
  service.guardrails.replicas_max = Replicas{100};
  service.pools = {PoolSpec{.target = target}};
  return service;
}

class PlanTest : public testing::Test {
 protected:
  explicit PlanTest(KubernetesPlanOptions options = {}) : plan_(std::move(options)) {}
  // Everything is seen, and there is one Deployment of three ready pods.
  void SetUp() override {
    services_ = {kubernetes_service("chat")};
    plan_.let_write(true);
    plan_.configure(services_, now_);
    deploy("chat", 3);
    for (int i = 0; i < 3; ++i) pod(fmt::format("chat-1-{}", i), ReplicaState::ready);
    see_all();
    EXPECT_TRUE(step().empty());
  }

  void see_all() {
    for (const auto what : {std::string_view{"pods"}, rivals_sight, std::string_view{"Deployment"},
                            std::string_view{"StatefulSet"}, std::string_view{"LeaderWorkerSet"}})
      plan_.see(what, "", "", now_);
  }

  static WorkloadId id(const std::string& name, const std::string& kind = "Deployment") {
    return {.key = {"default", name}, .kind = kind, .api_version = "apps/v1"};
  }
  // Of a Deployment; what is not given stays.
  WorkloadRecord& record(const std::string& name) { return records_[name]; }
  void deploy(const std::string& name, std::int32_t replicas, const std::string& manager = "kubectl",
              const std::string& kind = "Deployment") {
    auto& one = record(name);
    one.uid = "uid-" + name;
    one.replicas = replicas;
    one.selector = LabelSelector{{{.key = "app", .rule = LabelRule::in, .values = {name}}}};
    one.writer.manager = manager;
    tell(name, kind);
  }
  void tell(const std::string& name, const std::string& kind = "Deployment") {
    auto& one = record(name);
    one.resource_version = std::to_string(++version_);
    plan_.workload(id(name, kind), std::make_shared<const WorkloadRecord>(one), now_);
  }
  // "chat-1-0" belongs to chat, its revision is 1.
  PodRecord pod_record(const std::string& name, ReplicaState state) const {
    const auto owner = name.substr(0, name.rfind('-'));
    const auto app = owner.substr(0, owner.rfind('-'));
    return {.uid = "uid-" + name,
            .node = state == ReplicaState::requested ? "" : "n1",
            .ip = state == ReplicaState::requested ? "" : "10.0.0.1",
            .labels = {{"app", app}, {"pod-template-hash", owner.substr(owner.rfind('-') + 1)}},
            .owner_kind = "ReplicaSet",
            .owner_name = owner,
            .state = state,
            .created = now_,
            .ports = {{"http", 8000}}};
  }
  void pod(const std::string& name, ReplicaState state) { pod(name, pod_record(name, state)); }
  void pod(const std::string& name, const PodRecord& record) {
    plan_.pod({"default", name}, std::make_shared<const PodRecord>(record), now_);
  }
  void no_pod(const std::string& name) { plan_.pod({"default", name}, nullptr, now_); }

  void order(std::int32_t replicas, const std::string& service = "chat") {
    plan_.order(service, {{.pool = "default", .replicas = Replicas{replicas}}}, now_);
  }
  std::vector<ClusterWrite> step() { return plan_.step(now_); }
  // The one write, which the server takes.
  ClusterWrite written() {
    const auto writes = step();
    EXPECT_EQ(writes.size(), 1U);
    if (writes.size() != 1) return {};
    take(writes[0]);
    return writes[0];
  }
  void take(const ClusterWrite& write) {
    auto& one = record(write.workload.key.name);
    one.replicas = write.replicas;
    one.writer.manager = "tidegate";
    const auto version = std::to_string(++version_);
    plan_.answered(write, {.scale = Scale{.replicas = write.replicas, .resource_version = version, .uid = one.uid}},
                   now_);
  }
  void refuse(const ClusterWrite& write, ApiReason reason, std::optional<Scale> now = {}) {
    plan_.answered(write, {.error = ApiError{.reason = reason, .message = "refused"}, .scale = std::move(now)}, now_);
  }
  TargetView look() {
    EXPECT_TRUE(step().empty());
    return plan_.look();
  }
  static int count(const TargetView& view, ReplicaState state, const std::string& service = "chat") {
    return static_cast<int>(std::ranges::count_if(
        view.replicas, [&](const Replica& one) { return one.state == state && one.service == service; }));
  }
  static bool has_problem(const TargetView& view, Reason reason, const std::string& part,
                          const std::string& service = "chat") {
    const auto all = view.problems.find(service);
    return all != view.problems.end() && std::ranges::any_of(all->second, [&](const TargetProblem& one) {
             return one.reason == reason && one.message.contains(part);
           });
  }
  static int events(const TargetView& view, Reason reason) {
    return static_cast<int>(std::ranges::count(view.events, reason, &TargetEvent::reason));
  }
  void pass(Duration time) { now_ += time; }

  Instant now_{1'000'000s};
  KubernetesPlan plan_;
  std::vector<ServiceSpec> services_;
  std::map<std::string, WorkloadRecord> records_;
  std::int64_t version_ = 100;
};

}  // namespace tidegate
