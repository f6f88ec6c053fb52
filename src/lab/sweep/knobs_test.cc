#include "lab/sweep/knobs.h"

#include <gtest/gtest.h>

#include <set>

namespace tidegate {
namespace {

TEST(Knobs, TablesAreOfOnePolicyEachAndBounded) {
  std::set<std::string_view> names;
  for (const auto& table : knob_tables()) {
    EXPECT_TRUE(names.insert(table.label.empty() ? table.policy : table.label).second) << table.policy;
    EXPECT_LE(points_of(table).size(), points_most) << table.policy;
    EXPECT_TRUE(table.usual.empty() || table.usual.size() == table.axes.size()) << table.policy;
    for (const auto& axis : table.axes) {
      EXPECT_FALSE(axis.values.empty()) << axis.name;
      for (std::size_t i = 1; i < axis.values.size(); ++i) EXPECT_LT(axis.values[i - 1], axis.values[i]) << axis.name;
      if (axis.unit == KnobUnit::word) {
        EXPECT_LT(axis.values.back(), static_cast<double>(axis.words.size())) << axis.name;
      } else {
        EXPECT_LE(axis.least, axis.values.front()) << axis.name;
        EXPECT_GE(axis.most, axis.values.back()) << axis.name;
      }
    }
  }
}

TEST(Knobs, SpellsAPointAsTheConfigurationWould) {
  const KnobTable* hpa = find_knob_table("hpa");
  ASSERT_NE(hpa, nullptr);
  const auto points = points_of(*hpa);
  EXPECT_EQ(points.front(), (KnobValues{0.4, 60}));
  EXPECT_EQ(points.back(), (KnobValues{0.9, 900}));
  const KnobScale scale{.slots = 8, .rate = 2, .peak_replicas = 24};
  EXPECT_EQ(policy_text("hpa", spelled(*hpa, {0.75, 300}, scale)), "{hpa: {target_average: 6, stabilize_down: 300s}}");
  const KnobTable* fixed = find_knob_table("static");
  ASSERT_NE(fixed, nullptr);
  EXPECT_EQ(policy_text("static", spelled(*fixed, {0.01}, scale)), "{static: {replicas: 1}}");
  EXPECT_EQ(policy_text("static", spelled(*fixed, {1.4}, scale)), "{static: {replicas: 34}}");
}

TEST(Knobs, AValueMayStandWithinALongerText) {
  const KnobTable* keda = find_knob_table("keda");
  ASSERT_NE(keda, nullptr);
  EXPECT_EQ(policy_text("keda", spelled(*keda, {0.5, 300}, {.slots = 8})),
            "{keda: {triggers: [{signal: in_flight, threshold: 4}, {signal: queued, threshold: 4}], "
            "stabilize_down: 300s}}");
}

TEST(Knobs, APolicyWithoutKnobsIsOnePoint) {
  const KnobTable* ours = find_knob_table("slo");
  ASSERT_NE(ours, nullptr);
  EXPECT_EQ(points_of(*ours).size(), 1U);
  EXPECT_EQ(policy_text("slo", {}), "slo");
  EXPECT_EQ(find_knob_table("nobody"), nullptr);
}

}  // namespace
}  // namespace tidegate
