// The target against an API server in memory: what the threads, watches and writes around the plan do.
#include "edge/targets/kubernetes_target.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "edge/kubernetes/testing/fake_api_server.h"
#include "edge/kubernetes/testing/fault_proxy.h"
#include "edge/machine/system_clock.h"

namespace tidegate {
namespace {

const std::string deployments_path = "/apis/apps/v1/namespaces/default/deployments";

Json deployment(const std::string& name, int replicas) {
  return {{"metadata", {{"name", name}, {"namespace", "default"}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", {{"app", name}}}}},
            {"template", {{"spec", {{"containers", {{{"name", "server"}, {"image", "m"}}}}}}}}}},
          {"status", {{"observedGeneration", 1}, {"replicas", replicas}, {"updatedReplicas", replicas}}}};
}

Json ready_pod(const std::string& name, const std::string& app) {
  return {
      {"metadata",
       {{"name", name},
        {"namespace", "default"},
        {"labels", {{"app", app}, {"pod-template-hash", "1"}}},
        {"ownerReferences", {{{"kind", "ReplicaSet"}, {"name", app + "-1"}, {"controller", true}}}}}},
      {"spec", {{"nodeName", "n1"}, {"containers", {{{"name", "server"}, {"ports", {{{"containerPort", 8000}}}}}}}}},
      {"status",
       {{"phase", "Running"},
        {"podIP", "10.0.0.1"},
        {"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
        {"containerStatuses", {{{"name", "server"}, {"restartCount", 0}, {"state", {{"running", Json::object()}}}}}}}}};
}

ServiceSpec service_of(const std::string& name, KubernetesTargetSpec target = {}) {
  if (target.name.empty()) target.name = name;
  ServiceSpec service{.name = name};
  service.pools = {PoolSpec{.target = target}};
  return service;
}

class KubernetesTargetTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.put(resources::deployments, deployment("chat", 3), "kubectl");
    for (int i = 0; i < 3; ++i) server_.put(resources::pods, ready_pod(fmt::format("chat-1-{}", i), "chat"));
  }
  KubernetesTargetOptions options() {
    return {.may_write = [this] { return leads_.load(); },
            .lost_after = 300ms,
            .watch = {.times = {.backoff = {.first = 10ms, .longest = 100ms}}, .idle = 10s},
            .client = {.timeout = 5s, .retries = {.attempts_max = 1}}};
  }
  void open(KubernetesTargetOptions options) { open(std::move(options), server_.access()); }
  void open(KubernetesTargetOptions options, ClusterAccess access) {
    target_.reset();
    cluster_ = std::make_unique<Cluster>(std::move(access), clock_,
                                         ClusterOptions{.requests_per_second = 10'000, .requests_burst = 10'000});
    target_ = std::make_unique<KubernetesTarget>(*cluster_, std::move(options));
    target_->configure(services_);
  }
  void order(std::int32_t replicas, const std::string& service = "chat") {
    target_->order(service, {{.pool = "default", .replicas = Replicas{replicas}}});
  }
  [[nodiscard]] std::optional<std::int64_t> replicas(const std::string& name = "chat") const {
    const auto object = server_.find({resources::deployments, {"default", name}});
    return object ? integer_field(*object, {"spec", "replicas"}) : std::nullopt;
  }
  // Looks until the view is so; what was said on the way is kept.
  bool becomes(const std::function<bool(const TargetView& view)>& is_so) {
    return eventually([&] {
      view_ = target_->look();
      events_.insert(events_.end(), view_.events.begin(), view_.events.end());
      return is_so(view_);
    });
  }
  static std::ptrdiff_t count(const TargetView& view, ReplicaState state) {
    return std::ranges::count(view.replicas, state, &Replica::state);
  }
  [[nodiscard]] bool was_said(Reason reason, const std::string& part) const {
    return std::ranges::any_of(
        events_, [&](const TargetEvent& one) { return one.reason == reason && one.message.contains(part); });
  }

  FakeApiServer server_;
  SystemClock clock_;
  std::atomic<bool> leads_{true};
  std::vector<ServiceSpec> services_{service_of("chat")};
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<KubernetesTarget> target_;
  TargetView view_;
  std::vector<TargetEvent> events_;
};

TEST_F(KubernetesTargetTest, SeesAndScales) {
  open(options());
  // configure() has waited for the first look.
  view_ = target_->look();
  EXPECT_TRUE(view_.unseen.empty());
  ASSERT_EQ(count(view_, ReplicaState::ready), 3);
  EXPECT_EQ(view_.replicas[0].id, "chat-1-0.default");
  EXPECT_EQ(view_.replicas[0].host, "10.0.0.1");
  EXPECT_EQ(view_.replicas[0].port, 8000);
  order(5);
  EXPECT_TRUE(eventually([&] { return replicas() == 5; }));
  EXPECT_TRUE(becomes([&](const auto& view) { return count(view, ReplicaState::requested) == 2; }));
  server_.put(resources::pods, ready_pod("chat-1-3", "chat"));
  EXPECT_TRUE(becomes([&](const auto& view) { return count(view, ReplicaState::ready) == 4; }));
  order(5);
  EXPECT_EQ(server_.count("PUT"), 1U);
  EXPECT_TRUE(events_.empty());
}

TEST_F(KubernetesTargetTest, MarksTheIdlestBeforeItLowers) {
  open(options());
  target_->in_flight({{"chat-1-0.default", 3}, {"chat-1-1.default", 0}, {"chat-1-2.default", 2}});
  order(2);
  ASSERT_TRUE(eventually([&] { return replicas() == 2; }));
  const auto cost = [&](const std::string& name) {
    const auto pod = server_.find({resources::pods, {"default", name}});
    return pod ? text_field(*pod, {"metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost"}) : "none";
  };
  EXPECT_EQ(cost("chat-1-0"), "");
  EXPECT_EQ(cost("chat-1-1"), "-1000");
  EXPECT_EQ(cost("chat-1-2"), "");
  EXPECT_EQ(server_.count("PATCH"), 1U);
}

TEST_F(KubernetesTargetTest, AConflictIsReadAgainAndDecidedAnew) {
  open(options());
  // Somebody changes the object right before each of our first writes arrives.
  std::atomic<int> writes{0};
  server_.intercept([&](const FakeApiRequest& request) -> std::optional<FakeApiAnswer> {
    if (request.method != "PUT" || ++writes > 2) return std::nullopt;
    return FakeApiAnswer{.status = 409,
                         .body = R"({"kind":"Status","reason":"Conflict","code":409,"message":"changed"})"};
  });
  order(5);
  EXPECT_TRUE(eventually([&] { return replicas() == 5; }));
  EXPECT_EQ(writes, 3);
  EXPECT_GE(server_.count("GET", deployments_path + "/chat/scale"), 2U);
}

TEST_F(KubernetesTargetTest, AForeignWriteIsNamedAndLeftAlone) {
  open(options());
  order(5);
  // Known to us, not only written: what another sets before that is held against the size we knew.
  ASSERT_TRUE(becomes([&](const auto& view) { return count(view, ReplicaState::requested) == 2; }));
  server_.edit(
      {resources::deployments, {"default", "chat"}}, [](Json& object) { object["spec"]["replicas"] = 1; },
      "argocd-controller");
  // Another problem may show for a moment before.
  EXPECT_TRUE(becomes([&](const auto& view) {
    return view.problems.contains("chat") &&
           was_said(Reason::conflict, "argocd-controller set 1 replica of Deployment default/chat, we had 5");
  }));
  order(6);
  EXPECT_EQ(replicas(), 1);
  EXPECT_EQ(server_.count("PUT"), 1U);
}

TEST_F(KubernetesTargetTest, AnAutoscalerIsNoticed) {
  open(options());
  server_.put(resources::autoscalers,
              {{"metadata", {{"name", "peer"}, {"namespace", "default"}}},
               {"spec", {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "chat"}}}}}});
  EXPECT_TRUE(becomes([&](const auto& view) { return view.problems.contains("chat"); }));
  order(5);
  EXPECT_EQ(server_.count("PUT"), 0U);
  server_.remove({resources::autoscalers, {"default", "peer"}});
  EXPECT_TRUE(eventually([&] { return replicas() == 5; }));
}

TEST_F(KubernetesTargetTest, AFollowerWritesNothingUntilItLeads) {
  leads_ = false;
  open(options());
  order(5);
  EXPECT_TRUE(becomes([&](const auto& view) { return count(view, ReplicaState::ready) == 3; }));
  EXPECT_EQ(server_.count("PUT"), 0U);
  leads_ = true;
  target_->leadership_changed();
  EXPECT_TRUE(eventually([&] { return replicas() == 5; }));
}

// Leadership ends between the decision and the write.
TEST_F(KubernetesTargetTest, EachWriteAsksAgainWhetherItMay) {
  std::atomic<int> asked{0};
  std::atomic<bool> is_over{false};
  auto given = options();
  given.may_write = [&] {
    ++asked;
    return !is_over;
  };
  open(given);
  server_.intercept([&](const FakeApiRequest& request) -> std::optional<FakeApiAnswer> {
    if (request.method == "PATCH") is_over = true;  // while the pods are marked
    return std::nullopt;
  });
  order(1);
  EXPECT_TRUE(eventually([&] { return is_over.load(); }));
  EXPECT_TRUE(becomes([&](const auto& view) { return count(view, ReplicaState::ready) == 3; }));
  EXPECT_EQ(server_.count("PUT"), 0U);
  EXPECT_EQ(server_.count("PATCH"), 1U);
  EXPECT_EQ(replicas(), 3);
}

TEST_F(KubernetesTargetTest, WhileTheServerIsAwayNothingIsKnownAndThenItGoesOn) {
  open(options());
  ASSERT_TRUE(target_->look().unseen.empty());
  server_.intercept([](const FakeApiRequest&) { return FakeApiAnswer{.status = 503, .body = "away"}; });
  server_.cut_watches();
  ASSERT_TRUE(becomes([&](const auto& view) { return view.unseen.contains("chat"); }));
  EXPECT_EQ(count(view_, ReplicaState::ready), 3);
  EXPECT_TRUE(view_.problems.contains("chat"));
  order(5);
  EXPECT_EQ(server_.count("PUT"), 0U);
  server_.intercept({});
  EXPECT_TRUE(becomes([&](const auto& view) { return view.unseen.empty(); }));
  EXPECT_TRUE(eventually([&] { return replicas() == 5; }));
  EXPECT_TRUE(was_said(Reason::target_error, "so sizes stay as they are"));
  EXPECT_TRUE(was_said(Reason::steady, "seen again"));
}

TEST_F(KubernetesTargetTest, AServerThatIsAwayFromTheStartIsWaitedForABit) {
  server_.intercept([](const FakeApiRequest&) { return FakeApiAnswer{.status = 503, .body = "away"}; });
  auto given = options();
  given.first_look = 50ms;
  open(given);
  order(0);
  view_ = target_->look();
  EXPECT_TRUE(view_.unseen.contains("chat"));
  EXPECT_TRUE(view_.replicas.empty());
  server_.intercept({});
  EXPECT_TRUE(becomes([&](const auto& view) { return view.unseen.empty(); }));
  EXPECT_TRUE(eventually([&] { return replicas() == 0; }));
}

TEST_F(KubernetesTargetTest, ManyServicesShareAFewWatches) {
  services_.clear();
  for (int i = 0; i < 60; ++i) {
    const auto name = fmt::format("s{}", i);
    server_.put(resources::deployments, deployment(name, 1));
    server_.put(resources::pods, ready_pod(name + "-1-0", name));
    services_.push_back(service_of(name));
  }
  open(options());
  EXPECT_TRUE(becomes([&](const auto& view) { return count(view, ReplicaState::ready) == 60; }));
  EXPECT_LE(server_.watches_open(), 4);
  for (const auto& service : services_) order(2, service.name);
  EXPECT_TRUE(eventually(
      [&] { return std::ranges::all_of(services_, [&](const ServiceSpec& one) { return replicas(one.name) == 2; }); }));
  EXPECT_EQ(server_.count("PUT"), 60U);
}

TEST_F(KubernetesTargetTest, OnlyNamespacesInUseAreAskedFor) {
  auto given = options();
  given.only_namespaces_in_use = true;
  open(given);
  ASSERT_EQ(count(target_->look(), ReplicaState::ready), 3);
  EXPECT_GE(server_.count("GET", "/api/v1/namespaces/default/pods"), 1U);
  EXPECT_EQ(server_.count("GET", "/api/v1/pods"), 0U);
  // Another namespace with the next configuration.
  services_.push_back(service_of("code", {.name_space = "prod"}));
  Json code = deployment("code", 0);
  code["metadata"]["namespace"] = "prod";
  server_.put(resources::deployments, code);
  target_->configure(services_);
  EXPECT_TRUE(becomes([&](const auto& view) { return view.unseen.empty() && !view.problems.contains("code"); }));
  order(2, "code");
  EXPECT_TRUE(eventually([&] {
    const auto object = server_.find({resources::deployments, {"prod", "code"}});
    return object && integer_field(*object, {"spec", "replicas"}) == 2;
  }));
}

TEST_F(KubernetesTargetTest, AnyKindWithAScale) {
  const ServedType sets{
      .type = {.group = "leaderworkerset.x-k8s.io", .plural = "leaderworkersets", .kind = "LeaderWorkerSet"},
      .has_scale = true,
      .has_status = true};
  server_.serve(sets);
  server_.put(sets.type, {{"metadata", {{"name", "m"}, {"namespace", "default"}}},
                          {"spec", {{"replicas", 1}, {"selector", {{"matchLabels", {{"app", "m"}}}}}}}});
  server_.put(resources::pods, ready_pod("m-0", "m"));
  services_ = {service_of("m", {.api_version = "leaderworkerset.x-k8s.io/v1", .kind = "LeaderWorkerSet", .name = "m"}),
               service_of("lost", {.api_version = "nothing.dev/v1", .kind = "Nothing", .name = "lost"})};
  open(options());
  EXPECT_TRUE(becomes([&](const auto& view) { return count(view, ReplicaState::ready) == 1; }));
  EXPECT_FALSE(view_.unseen.contains("m"));
  EXPECT_TRUE(view_.unseen.contains("lost"));
  order(3, "m");
  EXPECT_TRUE(eventually(
      [&] { return integer_field(server_.find({sets.type, {"default", "m"}}).value(), {"spec", "replicas"}) == 3; }));
}

TEST_F(KubernetesTargetTest, ARestartGivesThePodsANewRevision) {
  open(options());
  ASSERT_TRUE(target_->restart("chat"));
  EXPECT_TRUE(eventually([&] {
    const auto object = server_.find({resources::deployments, {"default", "chat"}});
    return !text_field(*object, {"spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"})
                .empty();
  }));
}

// Every connection breaks in its own way; in the end the size is the newest one ordered, and nothing foreign was seen.
TEST_F(KubernetesTargetTest, OrdersArriveThroughABrokenNetwork) {
  Prng chance{7};
  std::mutex mutex;
  std::atomic<bool> calm{false};
  FaultProxy proxy{server_.port(), [&](int) -> ConnectionFault {
                     const std::lock_guard lock(mutex);
                     if (calm) return {};
                     const std::size_t at = 100 + chance.below(4000);
                     switch (chance.below(4)) {
                       case 0:
                         return {.cut_at = at};
                       case 1:
                         return {.mute_at = at};
                       case 2:
                         return {.refuses = true};
                       default:
                         return {};
                     }
                   }};
  ClusterAccess access = server_.access();
  access.server = fmt::format("http://127.0.0.1:{}", proxy.port());
  auto given = options();
  given.first_look = 100ms;
  given.client.timeout = given.watch.client.timeout = given.watch.idle = 300ms;
  open(given, access);
  for (int i = 0; i < 60; ++i) {
    order(3 + i % 5);
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
    view_ = target_->look();
    events_.insert(events_.end(), view_.events.begin(), view_.events.end());
  }
  calm = true;
  order(9);
  EXPECT_TRUE(eventually([&] { return replicas() == 9; }));
  EXPECT_TRUE(becomes([&](const auto& view) { return view.unseen.empty(); }));
  EXPECT_FALSE(was_said(Reason::conflict, ""));
}

}  // namespace
}  // namespace tidegate
