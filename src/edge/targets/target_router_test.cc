#include "edge/targets/target_router.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

class StillClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return Instant{1000s}; }
};

class NotedTarget final : public Target {
 public:
  void configure(const std::vector<ServiceSpec>& services) override { configured = services; }
  void order(const std::string& service, const std::vector<Order>& pools) override {
    for (const auto& pool : pools) orders[service + "/" + pool.pool] = pool.replicas.value();
  }
  void in_flight(const std::map<std::string, std::int64_t>& by_replica) override { reports = by_replica; }
  void resume(const std::string& service) override { resumed.push_back(service); }
  [[nodiscard]] Result<void> restart(const std::string& service) override {
    restarted.push_back(service);
    return {};
  }
  [[nodiscard]] TargetView look() override { return view; }

  std::vector<ServiceSpec> configured;
  std::map<std::string, std::int32_t> orders;
  std::map<std::string, std::int64_t> reports;
  std::vector<std::string> restarted, resumed;
  TargetView view;
};

PoolSpec pool(const std::string& name, TargetSpec target) { return {.name = name, .target = std::move(target)}; }

class TargetRouterTest : public testing::Test {
 protected:
  template <class Spec>
  TargetKind kind(std::string_view name, NotedTarget& target, int& opened) {
    return {.name = name,
            .takes = [](const TargetSpec& spec) { return std::holds_alternative<Spec>(spec); },
            .open = [this, &target, &opened]() -> Result<Target*> {
              ++opened;
              if (is_broken_) return fail(ErrorKind::failed, "no kubeconfig");
              return &target;
            }};
  }

  StillClock clock_;
  NotedTarget processes_, cluster_;
  int processes_opened_ = 0, cluster_opened_ = 0;
  bool is_broken_ = false;
  TargetRouter router_{{kind<ProcessTargetSpec>("process", processes_, processes_opened_),
                        kind<KubernetesTargetSpec>("Kubernetes", cluster_, cluster_opened_)},
                       clock_};
  const ServiceSpec local_{.name = "local", .pools = {pool("default", ProcessTargetSpec{})}};
  const ServiceSpec mixed_{
      .name = "mixed", .pools = {pool("here", ProcessTargetSpec{}), pool("there", KubernetesTargetSpec{.name = "m"})}};
};

TEST_F(TargetRouterTest, AKindThatNobodyNeedsIsNotOpened) {
  router_.configure({local_});
  EXPECT_EQ(processes_opened_, 1);
  EXPECT_EQ(cluster_opened_, 0);
  router_.configure({local_, mixed_});
  router_.configure({local_});
  EXPECT_EQ(cluster_opened_, 1);
  EXPECT_TRUE(cluster_.configured.empty());  // told that its service is gone
}

TEST_F(TargetRouterTest, EachPoolGoesToItsKind) {
  router_.configure({local_, mixed_});
  ASSERT_EQ(processes_.configured.size(), 2U);
  ASSERT_EQ(cluster_.configured.size(), 1U);
  EXPECT_EQ(cluster_.configured[0].pools.at(0).name, "there");
  router_.order("mixed", {{.pool = "here", .replicas = Replicas{2}}, {.pool = "there", .replicas = Replicas{3}}});
  router_.order("local", {{.pool = "default", .replicas = Replicas{1}}});
  EXPECT_EQ(processes_.orders, (std::map<std::string, std::int32_t>{{"local/default", 1}, {"mixed/here", 2}}));
  EXPECT_EQ(cluster_.orders, (std::map<std::string, std::int32_t>{{"mixed/there", 3}}));
  router_.in_flight({{"a", 1}});
  EXPECT_EQ(cluster_.reports, processes_.reports);
  EXPECT_TRUE(router_.restart("local"));
  EXPECT_TRUE(router_.restart("mixed"));
  EXPECT_FALSE(router_.restart("nobody"));
  EXPECT_EQ(processes_.restarted, (std::vector<std::string>{"local", "mixed"}));
  EXPECT_EQ(cluster_.restarted, (std::vector<std::string>{"mixed"}));
  router_.resume("mixed");
  EXPECT_EQ(cluster_.resumed, (std::vector<std::string>{"mixed"}));
}

TEST_F(TargetRouterTest, WhatTheySeeIsOneView) {
  router_.configure({local_, mixed_});
  processes_.view.replicas = {{.id = "b"}};
  processes_.view.available["mixed"]["here"] = 1;
  cluster_.view.replicas = {{.id = "a"}, {.id = "c"}};
  cluster_.view.available["mixed"]["there"] = 0;
  cluster_.view.rollouts["mixed"] = true;
  cluster_.view.unseen = {"mixed"};
  cluster_.view.problems["mixed"] = {{.message = "no node"}};
  const auto view = router_.look();
  ASSERT_EQ(view.replicas.size(), 3U);
  EXPECT_EQ(view.replicas[1].id, "b");
  EXPECT_EQ(view.available.at("mixed").size(), 2U);
  EXPECT_TRUE(view.rollouts.at("mixed"));
  EXPECT_TRUE(view.unseen.contains("mixed"));
  EXPECT_EQ(view.problems.at("mixed").size(), 1U);
}

TEST_F(TargetRouterTest, AKindThatCannotBeOpenedIsSaidAndTriedAgain) {
  router_.configure({local_});
  is_broken_ = true;
  router_.configure({local_, mixed_});
  auto view = router_.look();
  EXPECT_TRUE(view.unseen.contains("mixed"));
  EXPECT_FALSE(view.unseen.contains("local"));
  EXPECT_EQ(view.problems.at("mixed").at(0).message, "no kubeconfig");
  ASSERT_EQ(view.events.size(), 1U);
  EXPECT_TRUE(view.events[0].message.contains("no Kubernetes target: no kubeconfig"));
  router_.order("mixed", {{.pool = "there", .replicas = Replicas{3}}});
  is_broken_ = false;
  router_.configure({local_, mixed_});
  view = router_.look();
  EXPECT_TRUE(view.unseen.empty());
  EXPECT_EQ(cluster_.configured.size(), 1U);
}

}  // namespace
}  // namespace tidegate
