#include "serve/keda/scaler_answers.h"

#include <gtest/gtest.h>

#include "edge/kubernetes/testing/test_clock.h"
#include "serve/scale_metrics/testing/scripted_panel.h"

namespace tidegate {
namespace {

using Metadata = std::map<std::string, std::string>;

ScaledObject object(const Metadata& metadata, const std::string& name = "chat") {
  return {.name = name, .name_space = "team-a", .metadata = metadata};
}

TEST(ScalerRequest, withoutMetadataItFollowsTheSizeOfItsOwnName) {
  const auto request = scaler_request(object({{"scalerAddress", "tidegate:6000"}, {"enableTLS", "true"}}));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->service, "chat");
  EXPECT_EQ(request->name_space, "team-a");
  EXPECT_EQ(request->question.metric.kind, ScaleMetricKind::desired_replicas);
  EXPECT_EQ(request->target, 1);
}

TEST(ScalerRequest, readsWhatItIsGiven) {
  const auto request = scaler_request(object({{"service", "code"}, {"metric", "concurrency"}, {"target", "8.5"}}));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->service, "code");
  EXPECT_EQ(request->question.metric.kind, ScaleMetricKind::concurrency);
  EXPECT_EQ(request->target, 8.5);
  EXPECT_EQ(scaler_request(object({{"pool", "h100"}}))->question.pool, "h100");
}

TEST(ScalerRequest, saysWhatIsWrong) {
  const auto said = [](const Metadata& metadata) {
    const auto request = scaler_request(object(metadata));
    EXPECT_EQ(request.error().kind, ErrorKind::invalid);
    return request.error().message;
  };
  EXPECT_EQ(said({{"servce", "chat"}}), "metadata `servce` is not known; known are service, metric, pool and target");
  EXPECT_EQ(said({{"bad\x1b[1m", ""}}), "metadata `bad?[1m` is not known; known are service, metric, pool and target");
  EXPECT_EQ(said({{"metric", "cpu"}}), "metadata `metric` knows no 'cpu'; known are " + scale_metric_names());
  EXPECT_EQ(said({{"metric", "queued"}}), "metadata `target` is missing: how much queued one replica is worth");
  for (const auto* target : {"", "0", "-1", "nan", "inf", "8s", "1e999"})
    EXPECT_TRUE(said({{"target", target}}).starts_with("metadata `target` wants a number above 0")) << target;
  EXPECT_EQ(said({{"metric", "floor"}, {"pool", "a"}}), "metadata `pool` goes with desired_replicas only");
  EXPECT_EQ(said({{"service", ""}}), "metadata `service` is empty, and the ScaledObject has no name");
}

class ScalerAnswersTest : public testing::Test {
 protected:
  TestClock clock_;
  ScriptedPanel panel_;
  ScalerAnswers answers_{panel_, clock_, ServiceNames::plain};
};

TEST_F(ScalerAnswersTest, numbersComeFromTheNewestTick) {
  panel_.put(clock_.now(), {service_view("chat.team-a", 20), service_view("chat", 7)});
  EXPECT_EQ(answers_.metric(object({}), "desired_replicas")->value, 20);
  EXPECT_EQ(answers_.is_active(object({})), true);
  panel_.put(clock_.now(), {service_view("chat.team-a", 0)});
  EXPECT_EQ(answers_.metric(object({}), "desired_replicas")->value, 0) << "zero is a number";
  EXPECT_EQ(answers_.is_active(object({})), false);
}

TEST_F(ScalerAnswersTest, whatIsNotKnownIsAnError) {
  EXPECT_EQ(answers_.is_active(object({})).error().message, "nothing was decided yet");
  panel_.put(clock_.now(), {service_view("chat", 1)});
  EXPECT_EQ(answers_.is_active(object({}, "code")).error().kind, ErrorKind::not_found);
  EXPECT_EQ(answers_.metric(object({}), "s0-other").error().kind, ErrorKind::not_found);
  EXPECT_EQ(answers_.metric(object({{"metric", "queued"}, {"target", "1"}}), "queued").error().kind,
            ErrorKind::unreachable);
  clock_.advance(31s);
  EXPECT_EQ(answers_.metric(object({}), "desired_replicas").error().kind, ErrorKind::unreachable);
}

TEST(ActivityWatchTest, tellsWhatIsNewAndNothingElse) {
  auto watch = ActivityWatch::of(object({}), ServiceNames::plain);
  ASSERT_TRUE(watch);
  ScriptedPanel panel;
  const auto told = [&](std::vector<ServiceView> services) {
    panel.put(Instant{1s}, std::move(services));
    return watch->look(*panel.view());
  };
  EXPECT_EQ(watch->look(*panel.view()), std::nullopt) << "before the first tick";
  EXPECT_EQ(told({}), std::nullopt) << "not there yet";
  EXPECT_EQ(told({service_view("chat", 0)}), false);
  EXPECT_EQ(told({service_view("chat", 0)}), std::nullopt);
  EXPECT_EQ(told({service_view("chat", 3)}), true);
  const auto older = panel.view();
  auto blind = service_view("chat", 0);
  blind.decision.band.ceiling_reason = Reason::no_data;
  EXPECT_EQ(told({blind}), std::nullopt) << "no grounds";
  EXPECT_EQ(told({service_view("chat", 0)}), false);
  EXPECT_EQ(watch->look(*older), std::nullopt) << "older than what was told";
}

}  // namespace
}  // namespace tidegate
