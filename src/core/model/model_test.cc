#include <gtest/gtest.h>

#include <set>

#include "core/base/archive.h"
#include "core/model/decision.h"
#include "core/model/fleet_spec.h"
#include "core/model/observation.h"

namespace tidegate {
namespace {

template <class Enum>
void expect_table_is_complete() {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < enum_texts<Enum>.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(enum_texts<Enum>[i].value), i) << "order of " << enum_texts<Enum>[i].text;
    EXPECT_TRUE(seen.insert(enum_texts<Enum>[i].text).second);
    EXPECT_EQ(from_text<Enum>(enum_texts<Enum>[i].text), enum_texts<Enum>[i].value);
  }
}

TEST(Model, EnumTablesListEveryEnumeratorInOrder) {
  expect_table_is_complete<Reason>();
  expect_table_is_complete<Signal>();
  expect_table_is_complete<Quality>();
  expect_table_is_complete<Verdict>();
  expect_table_is_complete<Stage>();
  EXPECT_EQ(enum_texts<Reason>.size(), static_cast<std::size_t>(Reason::unknown_capacity) + 1);
}

TEST(Model, AReadingLeftAloneIsAbsentNotZero) {
  const Observation seen;
  EXPECT_EQ(seen.arrivals.quality, Quality::absent);
  EXPECT_FALSE(seen.arrivals.fresh().has_value());
  EXPECT_TRUE(Reading::of(0).fresh().has_value());
}

TEST(Model, WarmingReplicasAreCommitted) {
  const PoolObservation pool{
      .pool = "a", .requested = 1, .starting = 1, .loading = 1, .ready = 2, .draining = 4, .failed = 5};
  EXPECT_EQ(pool.committed(), Replicas{5});
}

TEST(Model, ObservationRoundTrips) {
  Observation seen{.now = instant_at(12), .service = "chat", .arrivals = Reading::of(14)};
  seen.latency(LatencyKind::ttft, Percentile::p99) = Reading::of(0.42);
  seen.pools.push_back({.pool = "h100", .ready = 3, .available = 2});
  seen.manual = Override{.kind = OverrideKind::floor, .replicas = Replicas{4}, .author = "ops"};
  ByteWriter writer;
  writer(seen);
  Observation back;
  ByteReader reader{writer.bytes()};
  reader(back);
  EXPECT_FALSE(reader.failed());
  EXPECT_EQ(back, seen);
}

}  // namespace
}  // namespace tidegate
