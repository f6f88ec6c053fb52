#include "serve/operator/model_roster.h"

#include <gtest/gtest.h>

#include "edge/kubernetes/rfc3339.h"
#include "serve/operator/model_steering.h"
#include "serve/operator/testing/some_models.h"

namespace tidegate {
namespace {

class ModelRosterTest : public testing::Test {
 protected:
  std::shared_ptr<const ModelRecord> read(const std::string& text) {
    simdjson::dom::parser parser;
    auto record = reader_.read(parser.parse(text));
    EXPECT_TRUE(record);
    return std::make_shared<const ModelRecord>(std::move(*record));
  }
  const RosterEntry& entry(const std::string& name) { return roster_.entries().at({.space = "prod", .name = name}); }

  ModelReader reader_{{}};
  ModelRoster roster_;
};

TEST_F(ModelRosterTest, AModelIsAServiceNamedWithItsNamespace) {
  roster_.take({read(model_text("chat", "chat-8b"))});
  const auto services = roster_.services();
  ASSERT_EQ(services.size(), 1U);
  EXPECT_EQ(services[0].name, "chat.prod");
  EXPECT_EQ(services[0].match.models, std::vector<std::string>{"chat"});
  EXPECT_EQ(std::get<KubernetesTargetSpec>(services[0].pools[0].target).name_space, "prod");
  EXPECT_EQ(model_of_service("chat.prod"), (ObjectKey{.space = "prod", .name = "chat"}));
  EXPECT_EQ(model_of_service("chat.v2.prod"), (ObjectKey{.space = "prod", .name = "chat.v2"}));
  EXPECT_EQ(model_of_service("chat"), std::nullopt);
}

TEST_F(ModelRosterTest, ATypoLeavesTheLastValidSpecInPlace) {
  roster_.take({read(model_text("chat", "chat-8b", 1))});
  roster_.take({read(model_text("chat", "chat-8b", 2, "", R"("polcy": [],)"))});
  EXPECT_EQ(roster_.services().size(), 1U);
  EXPECT_NE(entry("chat").refusal.find("polcy"), std::string::npos) << entry("chat").refusal;
  EXPECT_NE(entry("chat").refusal.find("generation 1 is carried out meanwhile"), std::string::npos);
  roster_.take({read(model_text("chat", "chat-8b", 3))});
  EXPECT_EQ(entry("chat").refusal, "");
}

TEST_F(ModelRosterTest, AnInvalidModelThatWasNeverValidIsNoService) {
  roster_.take({read(model_text("chat", "chat-8b", 2, "", R"("polcy": [],)"))});
  EXPECT_TRUE(roster_.services().empty());
  EXPECT_EQ(entry("chat").refusal.find("meanwhile"), std::string::npos);
}

TEST_F(ModelRosterTest, TheOlderOfTwoModelsHasTheWorkload) {
  const auto older = read(model_text("old", "shared"));
  auto newer = *read(model_text("a-new", "shared"));
  newer.created += 1h;
  roster_.take({std::make_shared<const ModelRecord>(newer), older});
  ASSERT_EQ(roster_.services().size(), 1U);
  EXPECT_EQ(roster_.services()[0].name, "old.prod");
  EXPECT_EQ(entry("a-new").refusal_reason, "conflict");
  EXPECT_NE(entry("a-new").refusal.find("Deployment prod/shared is scaled by the older ScaledModel prod/old"),
            std::string::npos)
      << entry("a-new").refusal;
}

TEST_F(ModelRosterTest, AWorkloadOfAnotherNamespaceIsRefused) {
  auto text = model_text("chat", "chat-8b");
  text.replace(text.find(R"("deployment")"), 0, R"("namespace": "kube-system", )");
  roster_.take({read(text)});
  EXPECT_TRUE(roster_.services().empty());
  EXPECT_NE(entry("chat").refusal.find("kube-system"), std::string::npos) << entry("chat").refusal;
}

TEST_F(ModelRosterTest, ASpecIsReadOnceAGeneration) {
  const auto first = read(model_text("chat", "chat-8b", 1));
  EXPECT_EQ(read(model_text("chat", "chat-8b", 1))->spec, first->spec);
  EXPECT_NE(read(model_text("chat", "chat-8b", 2))->spec, first->spec);
}

std::string annotations(const std::string& text) { return R"("annotations": {)" + text + "},"; }

TEST_F(ModelRosterTest, AnnotationsSteer) {
  const auto model = read(model_text("chat", "d", 1, annotations(R"("tidegate.dev/paused": "upgrade",
      "tidegate.dev/override": "floor 3", "tidegate.dev/override-until": "2026-03-01T13:00:00Z",
      "tidegate.dev/steered-by": "ada")")));
  EXPECT_EQ(model->steering_problem, "");
  ASSERT_TRUE(model->steering.pause && model->steering.manual);
  EXPECT_EQ(model->steering.pause->comment, "upgrade");
  EXPECT_EQ(model->steering.pause->author, "ada");
  EXPECT_EQ(model->steering.pause->expires, std::nullopt);
  EXPECT_EQ(model->steering.manual->kind, OverrideKind::floor);
  EXPECT_EQ(model->steering.manual->replicas, Replicas{3});
}

TEST_F(ModelRosterTest, AnOverrideThatCannotBeReadSteersNothingAndSaysSo) {
  for (const auto* text : {R"("tidegate.dev/override": "floor")", R"("tidegate.dev/override": "floor -1")",
                           R"("tidegate.dev/override": "floor 3x")", R"("tidegate.dev/override": "floor 3")",
                           R"("tidegate.dev/override": "pin 3", "tidegate.dev/override-until": "soon")"}) {
    const auto model = read(model_text("chat", "d", 1, annotations(text)));
    EXPECT_FALSE(model->steering.manual) << text;
    EXPECT_NE(model->steering_problem.find("tidegate.dev/override"), std::string::npos) << text;
  }
}

TEST_F(ModelRosterTest, WhatIsSetIsReadBack) {
  const Instant end = *parse_rfc3339("2026-03-01T13:00:00Z");
  const Steering steering{
      .manual = Override{.kind = OverrideKind::pin, .replicas = Replicas{5}, .expires = end, .author = "ada"},
      .pause = Pause{.expires = end, .author = "ada", .comment = "night"}};
  auto object = model_json("chat", "d");
  object.merge_patch(steering_change(steering));
  EXPECT_EQ(read(object.dump())->steering, steering);
  object.merge_patch(steering_change({}));
  EXPECT_EQ(read(object.dump())->steering, Steering{});
}

}  // namespace
}  // namespace tidegate
