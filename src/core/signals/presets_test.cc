#include "core/signals/presets.h"

#include <gtest/gtest.h>

#include <set>

namespace tidegate {
namespace {

TEST(Presets, EachNameStandsForOneSignalOnly) {
  for (const Preset& preset : presets()) {
    EXPECT_TRUE(preset.path.starts_with('/')) << preset.name;
    std::set<std::string_view> names;
    std::set<Signal> signals;
    for (const PresetMetric& metric : preset.metrics) {
      EXPECT_TRUE(signals.insert(metric.signal).second) << preset.name << " " << to_text(metric.signal);
      EXPECT_FALSE(metric.names[0].empty()) << preset.name << " " << to_text(metric.signal);
      for (std::string_view name : metric.names) EXPECT_TRUE(name.empty() || names.insert(name).second) << name;
    }
  }
}

TEST(Presets, VllmFallsBackFromV1ToV0) {
  const Preset* vllm = find_preset("vllm");
  ASSERT_NE(vllm, nullptr);
  for (const PresetMetric& metric : vllm->metrics) {
    if (metric.signal != Signal::kv_usage) continue;
    EXPECT_EQ(metric.names[0], "vllm:kv_cache_usage_perc");
    EXPECT_EQ(metric.names[1], "vllm:gpu_cache_usage_perc");
  }
  EXPECT_EQ(find_preset("nonesuch"), nullptr);
}

}  // namespace
}  // namespace tidegate
