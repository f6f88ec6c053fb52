// Every point that `compare --sweep` and `tune` try is one that the configuration reads.
#include <gtest/gtest.h>

#include <set>

#include "core/model/policy_spec.h"
#include "lab/sweep/knobs.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

TEST(KnobPoints, AreReadByTheConfiguration) {
  const KnobScale scale{.slots = 8, .rate = 4, .peak_replicas = 10};
  for (const auto& table : knob_tables()) {
    auto points = points_of(table);
    if (!table.usual.empty()) points.push_back(table.usual);
    std::set<std::string> texts;
    for (const auto& point : points) {
      const auto text = policy_text(table.policy, spelled(table, point, scale));
      const auto policies = read_policy_text(text);
      ASSERT_TRUE(policies) << text << ": " << policies.error().message;
      ASSERT_EQ(policies->size(), 1U);
      EXPECT_EQ(policy_name(policies->front()), table.policy);
      texts.insert(text);
    }
    EXPECT_GE(texts.size(), points_of(table).size()) << "two points of " << table.policy << " are one";
  }
}

template <std::size_t... I>
std::vector<std::string_view> all_policies(std::index_sequence<I...>) {
  return {policy_name(PolicySpec{std::in_place_index<I>})...};
}

TEST(KnobPoints, AreThereForEveryPolicyButTheCalendar) {
  for (const auto name : all_policies(std::make_index_sequence<std::variant_size_v<PolicySpec>>{}))
    EXPECT_TRUE(name == "schedule" || find_knob_table(name) != nullptr) << name;
}

}  // namespace
}  // namespace tidegate
