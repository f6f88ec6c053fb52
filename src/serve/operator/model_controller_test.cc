#include "serve/operator/model_controller.h"

#include <gtest/gtest.h>

#include <atomic>

#include "edge/kubernetes/testing/fake_api_server.h"
#include "edge/machine/system_clock.h"
#include "serve/operator/model_steering.h"
#include "serve/operator/testing/some_models.h"

namespace tidegate {
namespace {

const ServedType served_models{.type = scaled_models, .has_status = true};

class ModelControllerTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.serve(served_models);
    server_.put(scaled_models, model_json("chat", "chat-8b"));
    cluster_ = std::make_unique<Cluster>(server_.access(), clock_);
  }
  void open() {
    controller_ = std::make_unique<ModelController>(
        *cluster_,
        ModelControllerOptions{
            .identity = "us", .leader = [this] { return LeaderView{.leads = leads_, .epoch = 3}; }, .settle = 10ms});
    ASSERT_TRUE(controller_->wait_until_synced(10s));
    ASSERT_EQ(controller_->services().size(), 1U);
    controller_->start([this] {
      ++reloads_;
      [[maybe_unused]] const auto services = controller_->services();
    });
  }
  // A tick of the controller's own service.
  void tick(std::int32_t ready, std::int32_t wanted) {
    auto view = std::make_shared<FleetView>();
    view->now = clock_.now();
    for (const auto& service : controller_->services()) {
      auto one = some_view(view->now, ready, wanted);
      one.spec = std::make_shared<const ServiceSpec>(service);
      view->services.push_back(one);
    }
    controller_->take({.kind = FleetEvent::Kind::tick, .view = view});
  }
  template <class Condition>
  bool becomes(Condition condition) {
    const Instant deadline = clock_.now() + 10s;
    while (!condition()) {
      if (clock_.now() > deadline) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }
  Json status() { return server_.find(chat_)->value("status", Json::object()); }

  SystemClock clock_;
  FakeApiServer server_;
  std::unique_ptr<Cluster> cluster_;
  std::atomic<bool> leads_ = true;
  std::atomic<int> reloads_ = 0;
  const ObjectRef chat_{.type = scaled_models, .key = {.space = "prod", .name = "chat"}};
  std::unique_ptr<ModelController> controller_;
};

TEST_F(ModelControllerTest, TheLeaderWritesStatusAndEventsAndNobodyElse) {
  leads_ = false;
  open();
  tick(1, 2);
  ASSERT_TRUE(becomes([&] { return server_.count("GET") > 1; }));
  EXPECT_EQ(status(), Json::object());
  leads_ = true;
  tick(1, 2);
  ASSERT_TRUE(becomes([&] { return status().contains("desired"); }));
  EXPECT_EQ(status()["desired"], 2);
  EXPECT_EQ(status()["leader"]["epoch"], 3);
  EXPECT_EQ(server_.count("PUT", "/apis/tidegate.dev/v1alpha1/namespaces/prod/scaledmodels/chat/status"), 1U);
  ASSERT_TRUE(becomes([&] { return !server_.all(resources::events).empty(); }));
  EXPECT_EQ(server_.all(resources::events)[0]["reason"], "ScaledUp");
}

TEST_F(ModelControllerTest, OurOwnStatusBringsNoReloadAndAnotherSpecDoes) {
  open();
  tick(1, 2);
  ASSERT_TRUE(becomes([&] { return status().contains("desired"); }));
  server_.edit(chat_, [](Json& model) { model["metadata"]["labels"] = {{"a", "b"}}; });
  EXPECT_EQ(reloads_, 0);
  server_.edit(chat_, [](Json& model) {
    model["metadata"]["generation"] = 2;
    model["spec"]["replicas"]["max"] = 5;
  });
  ASSERT_TRUE(becomes([&] { return reloads_ > 0; }));
  EXPECT_EQ(controller_->services()[0].guardrails.replicas_max, Replicas{5});
}

TEST_F(ModelControllerTest, ASpecThatIsRefusedSaysSoInTheStatus) {
  open();
  server_.edit(chat_, [](Json& model) {
    model["metadata"]["generation"] = 2;
    model["spec"]["polcy"] = 1;
  });
  ASSERT_TRUE(becomes([&] { return reloads_ > 0; }));
  tick(1, 1);
  ASSERT_TRUE(becomes([&] { return status().dump().find("polcy") != std::string::npos; })) << status();
}

TEST_F(ModelControllerTest, SteeringIsKeptInTheResource) {
  open();
  ASSERT_TRUE(controller_->set("chat.prod", {.pause = Pause{.author = "ada", .comment = "night"}}));
  ASSERT_TRUE(becomes([&] { return controller_->all().contains("chat.prod"); }));
  EXPECT_EQ(controller_->all().at("chat.prod").pause->comment, "night");
  ASSERT_TRUE(controller_->set("chat.prod", {}));
  ASSERT_TRUE(becomes([&] { return controller_->all().empty(); }));
  EXPECT_EQ(controller_->set("gone.prod", {}).error().kind, ErrorKind::not_found);
}

TEST_F(ModelControllerTest, ASecretOfTheNamespaceIsLookedUp) {
  const ResourceType secrets{.plural = "secrets", .kind = "Secret"};
  server_.serve({.type = secrets});
  auto model = model_json("chat", "chat-8b");
  model["spec"]["signals"]["queries"] =
      Json::array({{{"signal", "queued"},
                    {"query", "q"},
                    {"prometheus", {{"url", "http://p"}, {"bearer_token", {{"secret", "prom"}, {"key", "token"}}}}}}});
  server_.put(scaled_models, model);
  ModelController early(*cluster_, {.identity = "early", .leader = [] { return LeaderView{}; }});
  ASSERT_TRUE(early.wait_until_synced(10s));
  ASSERT_EQ(early.services().size(), 1U) << "a Secret that is missing stops nothing";
  EXPECT_TRUE(std::holds_alternative<SecretRef>(*early.services()[0].signals.queries[0].server.bearer_token));
  server_.put(secrets, {{"metadata", {{"name", "prom"}, {"namespace", "prod"}}}, {"data", {{"token", "czNjcjN0"}}}});
  open();
  EXPECT_EQ(std::get<std::string>(*controller_->services()[0].signals.queries[0].server.bearer_token), "s3cr3t");
}

TEST_F(ModelControllerTest, AStatusThatSomebodyElseChangedIsReadAnewAndWritten) {
  open();
  tick(1, 2);
  ASSERT_TRUE(becomes([&] { return status().contains("desired"); }));
  server_.cut_watches();
  server_.edit(chat_, [](Json& model) { model["status"]["desired"] = 77; });
  tick(2, 3);
  ASSERT_TRUE(becomes([&] { return status()["desired"] == 3; })) << status();
}

}  // namespace
}  // namespace tidegate
