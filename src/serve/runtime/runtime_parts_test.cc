// The pure parts: the route of a service, its history in columns, attainment, repeated lines, watched files.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/capacity/cold_start.h"
#include "serve/runtime/attainment.h"
#include "serve/runtime/control_loop.h"
#include "serve/runtime/file_watch.h"
#include "serve/runtime/log.h"
#include "serve/runtime/replica_view.h"
#include "serve/runtime/route_table.h"
#include "serve/runtime/series_book.h"

namespace tidegate {
namespace {

constexpr Instant start{std::chrono::hours{1000}};

Replica replica(const std::string& id, ReplicaState state, Instant created = start) {
  return {.id = id, .service = "chat", .pool = "default", .state = state, .host = "h", .port = 1, .created = created};
}

TEST(RouteTable, theNextReplicaIsExpectedByItsAge) {
  ServiceSpec spec{.name = "chat", .pools = {PoolSpec{}}};
  EXPECT_EQ(time_to_ready({.spec = spec, .replicas = {}}, start), 0s);  // nothing is known
  spec.pools[0].startup = 20s;
  EXPECT_EQ(time_to_ready({.spec = spec, .replicas = {}}, start), 20s);
  const std::vector replicas{replica("a", ReplicaState::loading), replica("b", ReplicaState::ready)};
  EXPECT_EQ(time_to_ready({.spec = spec, .replicas = replicas}, start + 6400ms), 14s);
  EXPECT_EQ(time_to_ready({.spec = spec, .replicas = replicas}, start + 60s), 1s);
  ServiceState learned;
  for (int i = 0; i < 30; ++i) observe(learned.pools["default"].cold_starts, 5s);
  EXPECT_EQ(time_to_ready({.spec = spec, .replicas = {}, .state = &learned}, start), 5s);
}

TEST(RouteTable, slotsAreRoundedDownAndNeverZero) {
  const ServiceSpec spec{.name = "chat", .pools = {PoolSpec{}}};
  const std::vector replicas{replica("a", ReplicaState::ready)};
  for (const auto& [slots, wanted] : {std::pair{7.9, 7}, {0.4, 1}, {0.0, 1}, {1e12, 1'000'000}}) {
    const Decision decision{.pools = {{.pool = "default", .slots = slots}}};
    const auto route = route_of({.spec = spec, .replicas = replicas, .decision = &decision}, start);
    EXPECT_EQ(route.endpoints.at(0).slots, wanted) << slots;
  }
  EXPECT_EQ(route_of({.spec = spec, .replicas = replicas}, start).endpoints.at(0).slots, 1);
}

TEST(ReplicaView, workIsTheHighestFreshWordAndSilenceIsNotZero) {
  const auto sample = [](const std::string& id, Origin origin, double value, Signal signal = Signal::in_flight) {
    return Sample{
        .service = "chat", .replica = id, .signal = signal, .value = Gauge{value}, .taken = start, .origin = origin};
  };
  std::vector<Sample> samples{sample("a", Origin::gateway, 1), sample("a", Origin::replica, 2),
                              sample("a", Origin::replica, 3, Signal::queued), sample("b", Origin::gateway, 4)};
  samples.push_back(sample("c", Origin::gateway, 0));
  samples.back().taken = start - 10s;
  EXPECT_EQ(in_flight_by_replica(samples, {}, start), (std::map<std::string, std::int64_t>{{"a", 5}, {"b", 4}}));
  EXPECT_EQ(in_flight_by_replica(samples, {"chat"}, start), (std::map<std::string, std::int64_t>{{"a", 5}}));
}

TEST(Attainment, countsTheLastHour) {
  Attainment attainment;
  EXPECT_FALSE(attainment.share(start));
  Observation seen{.now = start};
  seen.within_slo = Reading::of(9);
  seen.missed_slo = Reading::of(1);
  attainment.add(seen);
  EXPECT_DOUBLE_EQ(attainment.share(start).value_or(0), 0.9);
  seen.now = start + 30min;
  seen.missed_slo = Reading{};  // not measured
  attainment.add(seen);
  EXPECT_DOUBLE_EQ(attainment.share(start + 30min).value_or(0), 18.0 / 19);
  EXPECT_DOUBLE_EQ(attainment.share(start + 62min).value_or(0), 1);
  EXPECT_FALSE(attainment.share(start + 120min));
}

TEST(SeriesBook, coarsePointsFoldTheFineOnes) {
  SeriesBook book;
  for (int i = 0; i < 20; ++i) {
    ServiceView view;
    view.seen.now = start + i * 1s;
    view.seen.in_flight = Reading::of(i);
    view.seen.latency(LatencyKind::ttft, Percentile::p99) = i == 3 ? Reading::of(9) : Reading{};
    view.decision.peers = {{.policy = "hpa", .replicas = Replicas{i}}};
    book.add(view);
  }
  const auto fine = book.read(start + 20s, 10min);
  ASSERT_EQ(fine.t.size(), 20U);
  EXPECT_EQ(fine.columns.back().name, "peer:hpa");
  EXPECT_EQ(fine.columns[8].values[7], 7);
  EXPECT_TRUE(std::isnan(fine.columns[10].values[4]));
  EXPECT_TRUE(std::isnan(fine.columns[13].values[4]));  // no price is not free
  const auto coarse = book.read(start + 20s, 1h);
  ASSERT_EQ(coarse.t.size(), 2U);
  EXPECT_EQ(coarse.columns[8].values[0], 4.5);
  EXPECT_EQ(coarse.columns[10].values[0], 9);
  EXPECT_TRUE(std::isnan(coarse.columns[10].values[1]));
  EXPECT_EQ(coarse.columns.back().values[1], 19);
}

TEST(SeriesBook, inALargeFleetEachReachesLessFarBack) {
  SeriesBook book;
  const auto fill = [&] {
    for (int i = 0; i < 1000; ++i) {
      ServiceView view;
      view.seen.now = Instant{std::chrono::seconds{i}};
      book.add(view);
    }
  };
  fill();
  const Instant end{1000s};
  EXPECT_EQ(book.read(end, 10min).t.size(), 600U);
  book.share_among(4000);
  EXPECT_EQ(book.read(end, 1min).t.size(), 60U);
  EXPECT_EQ(book.read(end, 10min).t.size(), 60U) << "every 10 s";
  book.share_among(1);
  EXPECT_EQ(book.read(end, 1min).t.size(), 60U) << "what is gone stays gone";
}

TEST(SeriesBook, isBounded) {
  SeriesBook book;
  ServiceView view;
  for (int i = 0; i < 2000; ++i) {
    view.seen.now = start + i * 1s;
    book.add(view);
  }
  EXPECT_EQ(book.read(view.seen.now, 10min).t.size(), 600U);
  EXPECT_EQ(book.read(view.seen.now, 1h).t.size(), 200U);
}

TEST(Log, valuesThatCouldBeMisreadAreQuoted) {
  EXPECT_EQ(text_of({.level = LogLevel::warning,
                     .event = "start_failed",
                     .service = "chat",
                     .fields = {{"replica", "chat-1"}, {"note", ""}},
                     .message = "say \"no\"\nnow"}),
            R"(level=warning event=start_failed service=chat replica=chat-1 note="" message="say \"no\"\nnow")");
}

TEST(Log, repeatsAreHeldBackAndCounted) {
  RepeatFilter filter;
  const LogLine line{.event = "journal", .message = "the disk is full"};
  EXPECT_EQ(filter.admit(line, start), 0);
  for (int i = 1; i < 60; ++i) EXPECT_FALSE(filter.admit(line, start + i * 1s));
  EXPECT_EQ(filter.admit({.event = "journal", .message = "another"}, start + 1s), 0);
  EXPECT_EQ(filter.admit(line, start + 60s), 59);
  EXPECT_EQ(filter.admit({.event = "decision"}, start), 0);
  EXPECT_EQ(filter.admit({.event = "decision"}, start), 0);
}

TEST(Headline, saysWhatAndWhy) {
  Decision decision{.reason = Reason::load_rise,
                    .pools = {{.pool = "a", .replicas = Replicas{3}}},
                    .band = {.floor = WeightedReplicas{2.4}, .ceiling = WeightedReplicas{3.1}},
                    .lead_time = 21s,
                    .demand_rate = 4.1,
                    .demand_expected = 6};
  EXPECT_EQ(headline(decision, Replicas{1}),
            "1 -> 3 replicas, load_rise (2.4 needed, 3.1 worth keeping; 4.10 requests/s, 6.00 expected in 21s)");
  EXPECT_TRUE(headline(decision, Replicas{3}).starts_with("3 replicas, load_rise"));
}

class FileWatchTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name) const { std::ofstream(folder_ + "/" + name) << "x"; }
  const std::string folder_ = testing::TempDir() + fmt::format("file_watch_{}", ::getpid());
};

TEST_F(FileWatchTest, aBurstIsOneChange) {
  write("f");
  auto watch = FileWatch::open(folder_ + "/f");
  ASSERT_TRUE(watch);
  EXPECT_FALSE(watch->look(start));
  EXPECT_FALSE(watch->due());
  write("other");
  EXPECT_FALSE(watch->look(start));
  EXPECT_FALSE(watch->due());
  write("f");
  EXPECT_FALSE(watch->look(start));
  write("f");
  EXPECT_FALSE(watch->look(start + 150ms));
  EXPECT_EQ(watch->due(), start + 350ms);
  EXPECT_FALSE(watch->look(start + 340ms));
  EXPECT_TRUE(watch->look(start + 350ms));
  EXPECT_FALSE(watch->look(start + 1s));
}

TEST_F(FileWatchTest, aRenameOverItAndAFileThatNeverRests) {
  write("f");
  auto watch = FileWatch::open(folder_ + "/f");
  ASSERT_TRUE(watch);
  write("g");
  std::filesystem::rename(folder_ + "/g", folder_ + "/f");
  EXPECT_FALSE(watch->look(start));
  EXPECT_TRUE(watch->look(start + 300ms));
  Instant now = start + 1s;
  for (write("f"); !watch->look(now) && now < start + 10s; now += 100ms) write("f");
  EXPECT_EQ(now, start + 3s);
}

TEST_F(FileWatchTest, aFolderThatIsNotThereIsNamed) { EXPECT_FALSE(FileWatch::open(folder_ + "/none/f")); }

}  // namespace
}  // namespace tidegate
