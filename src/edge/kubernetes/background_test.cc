// What works in the background against a server in memory: the leader's lease, the recorder of events.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "edge/kubernetes/event_recorder.h"
#include "edge/kubernetes/leader_lease.h"
#include "edge/kubernetes/testing/fake_api_server.h"

namespace tidegate {
namespace {

const ObjectRef lease_ref{resources::leases, {"default", "tidegate"}};

class BackgroundTest : public testing::Test {
 protected:
  LeaderLeaseOptions lease(const std::string& identity) {
    return {.lease = lease_ref.key,
            .identity = identity,
            .times = {.duration = 2s, .renew_deadline = 1500ms, .retry_period = 200ms}};
  }

  FakeApiServer server_;
  SteadyClock clock_;
  Cluster cluster_{server_.access(), clock_, {.requests_per_second = 10'000, .requests_burst = 10'000}};
};

TEST_F(BackgroundTest, OneLeadsAndTheOtherTakesOverWhenItIsGivenBack) {
  std::atomic<int> told{0};
  auto options = lease("first");
  options.changed = [&](bool leads) { told += leads ? 1 : 100; };
  auto first = std::make_unique<LeaderLease>(cluster_, options);
  ASSERT_TRUE(eventually([&] { return first->leads(); }));
  EXPECT_EQ(first->view().epoch, 1);
  LeaderLease second{cluster_, lease("second")};
  ASSERT_TRUE(eventually([&] { return second.view().holder == "first"; }));
  EXPECT_FALSE(second.leads());
  // It is renewed for longer than it lasts, and nobody else gets it.
  std::this_thread::sleep_for(std::chrono::milliseconds{2500});
  EXPECT_TRUE(first->leads());
  EXPECT_FALSE(second.leads());
  const auto began = std::chrono::steady_clock::now();
  first.reset();
  ASSERT_TRUE(eventually([&] { return second.leads(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);  // sooner than the lease runs out
  EXPECT_EQ(second.view().epoch, 2);
  EXPECT_EQ(told, 101);
}

TEST_F(BackgroundTest, WithoutTheServerNobodyLeadsForLong) {
  LeaderLease only{cluster_, lease("only")};
  ASSERT_TRUE(eventually([&] { return only.leads(); }));
  server_.intercept([](const FakeApiRequest&) { return FakeApiAnswer{.status = 503, .body = "away"}; });
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return !only.leads(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1700ms);
  EXPECT_TRUE(only.view().problem.contains("503")) << only.view().problem;
  server_.intercept({});
  EXPECT_TRUE(eventually([&] { return only.leads(); }));
  EXPECT_EQ(only.view().epoch, 1);  // nobody else had it
}

TEST_F(BackgroundTest, ForeignFieldsOfALeaseAreLeftAlone) {
  LeaderLease only{cluster_, lease("only")};
  ASSERT_TRUE(eventually([&] { return only.leads(); }));
  server_.edit(lease_ref, [](Json& object) { object["metadata"]["labels"]["team"] = "serving"; });
  const std::string renewed = text_field(*server_.find(lease_ref), {"spec", "renewTime"});
  ASSERT_TRUE(eventually([&] { return text_field(*server_.find(lease_ref), {"spec", "renewTime"}) != renewed; }));
  EXPECT_EQ(text_field(*server_.find(lease_ref), {"metadata", "labels", "team"}), "serving");
  EXPECT_TRUE(only.leads());
}

TEST(Lease, IsTheSameThereAndBack) {
  const LeaseRecord record{.holder = "a",
                           .duration = 15s,
                           .acquired = Instant{1'772'348'709s} + 250us,
                           .renewed = Instant{1'772'348'710s},
                           .epoch = 4,
                           .resource_version = "7"};
  EXPECT_EQ(lease_record_of(lease_of(record, {"default", "x"})), record);
  EXPECT_EQ(lease_record_of(Json::object()), LeaseRecord{});
}

ClusterEvent scaled(const std::string& note) {
  return {.object = {resources::deployments, {"default", "code"}},
          .uid = "u-1",
          .type = EventType::normal,
          .reason = "ScaledUp",
          .action = "Scale",
          .note = note};
}

TEST_F(BackgroundTest, EventsAreWrittenAndRepeatsCounted) {
  {
    EventRecorder recorder{cluster_, {.instance = "here"}};
    recorder.record(scaled("2 -> 4"));
    recorder.record(scaled("4 -> 8"));
    ASSERT_TRUE(eventually([&] { return recorder.tally().written == 2; }));
    for (int i = 0; i < 10; ++i) recorder.record(scaled("4 -> 8"));
  }
  const auto events = server_.all(resources::events);
  ASSERT_EQ(events.size(), 2u);
  const Json& first = events[0]["note"] == "2 -> 4" ? events[0] : events[1];
  const Json& repeated = events[0]["note"] == "2 -> 4" ? events[1] : events[0];
  EXPECT_EQ(first["reason"], "ScaledUp");
  EXPECT_EQ(first["type"], "Normal");
  EXPECT_EQ(first["reportingInstance"], "here");
  EXPECT_EQ(first["regarding"]["name"], "code");
  EXPECT_EQ(first["regarding"]["uid"], "u-1");
  EXPECT_EQ(first["regarding"]["apiVersion"], "apps/v1");
  EXPECT_FALSE(first.contains("series"));
  EXPECT_EQ(repeated["series"]["count"], 11);
  EXPECT_EQ(server_.count("POST"), 2u);
  EXPECT_EQ(server_.count("PATCH"), 1u);
}

TEST_F(BackgroundTest, RecordingNeverWaitsAndIsBounded) {
  server_.intercept([](const FakeApiRequest&) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    return FakeApiAnswer{.status = 500, .body = "broken"};
  });
  EventRecorder recorder{cluster_, {.instance = "here", .queue_max = 10, .flush_within = 10ms}};
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) recorder.record(scaled(std::to_string(i)));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  EXPECT_GE(recorder.tally().dropped, 900);
  ASSERT_TRUE(eventually([&] { return recorder.tally().failed > 0; }));
  EXPECT_TRUE(recorder.tally().problem.contains("500"));
}

TEST_F(BackgroundTest, AnEventThatIsGoneIsWrittenAnew) {
  EventRecorder recorder{cluster_, {.instance = "here", .limits = {.period = 1ms}}};
  recorder.record(scaled("no data"));
  ASSERT_TRUE(eventually([&] { return recorder.tally().written == 1; }));
  const std::string name = server_.all(resources::events)[0]["metadata"]["name"];
  server_.remove({resources::events, {"default", name}});
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  recorder.record(scaled("no data"));
  ASSERT_TRUE(eventually([&] { return recorder.tally().written == 2; }));
  EXPECT_EQ(server_.all(resources::events)[0]["series"]["count"], 2);
}

}  // namespace
}  // namespace tidegate
