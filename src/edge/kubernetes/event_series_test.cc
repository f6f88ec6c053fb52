#include "edge/kubernetes/event_series.h"

#include <gtest/gtest.h>

#include <set>

namespace tidegate {
namespace {

const Instant start{1'000'000s};

ClusterEvent event(const std::string& note, const std::string& object = "code") {
  return {.object = {resources::deployments, {"default", object}},
          .uid = "u",
          .reason = "ScaledUp",
          .action = "Scale",
          .note = note};
}

TEST(EventSeries, ANewOneIsWrittenAtOnce) {
  EventSeries series;
  const auto write = series.add(event("2 -> 4"), start);
  ASSERT_TRUE(write);
  EXPECT_EQ(write->count, 1);
  EXPECT_EQ(write->first, start);
  EXPECT_TRUE(write->name.starts_with("code.")) << write->name;
  EXPECT_TRUE(series.due(start + 5min).empty());
}

TEST(EventSeries, RepeatsAreCountedAndWrittenOnceAMinute) {
  EventSeries series;
  const auto first = series.add(event("no data"), start);
  for (int second = 1; second <= 59; ++second)
    EXPECT_FALSE(series.add(event("no data"), start + second * Duration{1s}));
  const auto grown = series.add(event("no data"), start + 60s);
  ASSERT_TRUE(grown);
  EXPECT_EQ(grown->count, 61);
  EXPECT_EQ(grown->name, first->name);
  EXPECT_EQ(grown->first, start);
  EXPECT_EQ(grown->last, start + 60s);
}

TEST(EventSeries, WhatWasHeldBackIsWrittenWhenItIsDue) {
  EventSeries series;
  static_cast<void>(series.add(event("no data"), start));
  EXPECT_FALSE(series.add(event("no data"), start + 1s));
  EXPECT_TRUE(series.due(start + 59s).empty());
  const auto writes = series.due(start + 60s);
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].count, 2);
  EXPECT_EQ(writes[0].last, start + 1s);
  EXPECT_TRUE(series.due(start + 3min).empty());
  EXPECT_FALSE(series.add(event("no data"), start + 61s));
  EXPECT_EQ(series.due(start + 62s, true).size(), 1u);
}

TEST(EventSeries, AfterAWhileItIsANewOne) {
  EventSeries series;
  const auto first = series.add(event("no data"), start);
  const auto later = series.add(event("no data"), start + 6min + 1s);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->count, 1);
  EXPECT_NE(later->name, first->name);
  series.forget(event("no data"));
  EXPECT_EQ(series.add(event("no data"), start + 6min + 2s)->count, 1);
}

TEST(EventSeries, EveryChangeIsAnEventOfItsOwn) {
  EventSeries series;
  std::set<std::string> names;
  for (int i = 0; i < 80; ++i) {
    const auto write = series.add(event(std::to_string(i)), start + i * Duration{1s});
    ASSERT_TRUE(write) << i;
    names.insert(write->name);
  }
  EXPECT_EQ(names.size(), 80u);
  EXPECT_EQ(series.dropped(), 0);
}

TEST(EventSeries, OneObjectCannotFloodTheClusterNorSilenceAnother) {
  EventSeries series;
  int written = 0;
  for (int i = 0; i < 1000; ++i)
    written += series.add(event(std::to_string(i)), start + i * Duration{10ms}).has_value();
  EXPECT_GE(written, 100);
  EXPECT_LE(written, 103);
  EXPECT_EQ(series.dropped(), 1000 - written);
  EXPECT_TRUE(series.add(event("x", "other"), start + 10s));
}

TEST(EventSeries, RemembersNoMoreThanItsBound) {
  EventSeries series{{.series_max = 3, .burst = 1000}};
  for (int i = 0; i < 10; ++i) static_cast<void>(series.add(event(std::to_string(i)), start + i * Duration{1s}));
  EXPECT_FALSE(series.add(event("9"), start + 10s));  // still known
  EXPECT_EQ(series.add(event("0"), start + 11s)->count, 1);
}

TEST(EventSeries, NamesFitWhateverTheObjectIsCalled) {
  EventSeries series;
  const std::string name = series.add(event("x", std::string(253, 'a')), start)->name;
  EXPECT_LE(name.size(), 253u);
  EXPECT_TRUE(is_object_name(name)) << name;
}

}  // namespace
}  // namespace tidegate
