#include "edge/machine/gpu_slots.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tidegate {
namespace {

constexpr Bytes gib(std::int64_t n) { return Bytes{n << 30}; }

std::vector<Gpu> eight(std::vector<std::int32_t> foreign = {}) {
  std::vector<Gpu> machine;
  for (std::int32_t i = 0; i < 8; ++i)
    machine.push_back({.index = i, .memory = gib(80), .foreign = std::ranges::find(foreign, i) != foreign.end()});
  return machine;
}

std::vector<GpuPlacement> whole(std::vector<std::int32_t> taken) { return {{.gpus = std::move(taken)}}; }

struct Row {
  const char* what;
  GpuNeed need;
  std::vector<std::int32_t> foreign;
  std::vector<GpuPlacement> placed;
  std::vector<std::int32_t> chosen;
};

TEST(GpuSlots, ChoosesByTheRules) {
  const Row rows[] = {
      {"none wanted, none given", {}, {}, {}, {}},
      {"one on an empty machine", {.gpus = 1}, {}, {}, {0}},
      {"one keeps pairs whole", {.gpus = 1}, {}, whole({0, 3, 4, 6, 7}), {5}},
      {"one avoids a foreign process", {.gpus = 1}, {0}, {}, {1}},
      {"two are neighbours", {.gpus = 2}, {}, whole({0, 4, 5, 7}), {2, 3}},
      {"two prefer an aligned pair", {.gpus = 2}, {0}, {}, {2, 3}},
      {"two with a gap when there is nothing closer", {.gpus = 2}, {}, whole({1, 2, 3, 4, 6, 7}), {0, 5}},
      {"four aligned", {.gpus = 4}, {}, whole({1}), {4, 5, 6, 7}},
      {"a share on an empty machine", {.memory = gib(20)}, {}, {}, {0}},
      {"a share goes onto the fullest that fits",
       {.memory = gib(20)},
       {},
       {{.gpus = {3}, .memory = gib(40)}, {.gpus = {5}, .memory = gib(70)}},
       {3}},
      {"a share avoids whole and foreign ones", {.memory = gib(20)}, {1}, whole({0}), {2}},
      {"one GPU with memory named is a share",
       {.gpus = 1, .memory = gib(20)},
       {},
       {{.gpus = {4}, .memory = gib(60)}},
       {4}},
      {"the whole machine", {.gpus = 8}, {}, {}, {0, 1, 2, 3, 4, 5, 6, 7}},
  };
  for (const auto& row : rows) {
    const auto chosen = choose_gpus(row.need, eight(row.foreign), row.placed);
    ASSERT_TRUE(chosen) << row.what << ": " << chosen.error().message;
    EXPECT_EQ(*chosen, row.chosen) << row.what;
  }
}

TEST(GpuSlots, SaysWhyNothingFits) {
  EXPECT_EQ(choose_gpus({.gpus = 8}, eight({7}), {}).error().reason, Reason::gpu_busy);
  EXPECT_TRUE(choose_gpus({.gpus = 8}, eight({7}), {}).error().message.contains("GPU 7"));
  EXPECT_EQ(choose_gpus({.gpus = 8}, eight(), {{.gpus = {2}, .memory = gib(1)}}).error().reason,
            Reason::capacity_unavailable);
  EXPECT_EQ(choose_gpus({.gpus = 1}, {}, {}).error().reason, Reason::capacity_unavailable);
  const auto unknown = choose_gpus({.memory = gib(1)}, {{.index = 0}}, {});
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().message.contains("machine.gpus"));
}

TEST(GpuSlots, CountsHowManyMoreFit) {
  EXPECT_EQ(placeable({}, eight(), {}), std::nullopt);
  EXPECT_EQ(placeable({.gpus = 1}, eight({0}), whole({1})), 6);
  EXPECT_EQ(placeable({.gpus = 2}, eight(), whole({0, 1, 2})), 2);
  EXPECT_EQ(placeable({.memory = gib(30)}, eight(), {}), 16);
  EXPECT_EQ(placeable({.memory = gib(30)}, eight(), {{.gpus = {0}, .memory = gib(60)}}), 14);
  EXPECT_EQ(placeable({.gpus = 1}, {}, {}), 0);
}

}  // namespace
}  // namespace tidegate
