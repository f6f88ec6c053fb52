#include "lab/sim/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

std::vector<SimulatedRequest> all_of(std::string_view text, GenerateOptions options = {}) {
  auto traffic = generate_traffic(text, options);
  EXPECT_TRUE(traffic.has_value()) << (traffic ? "" : traffic.error().message);
  std::vector<SimulatedRequest> all, batch(1000);
  for (;;) {
    const auto count = traffic->feed(batch);
    if (!count || *count == 0) return all;
    all.insert(all.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

double within(const std::vector<SimulatedRequest>& all, Duration from, Duration to) {
  return static_cast<double>(
      std::ranges::count_if(all, [&](const auto& one) { return one.at >= from && one.at < to; }));
}

TEST(Generate, every_kind_keeps_to_its_length_in_order_and_to_what_it_expects) {
  for (const auto* text :
       {"constant:rate=5", "ramp:from=1,to=9", "step:from=2,to=10,at=20m", "diurnal:rate=1,swing=0.8,weekend=0.5",
        "flash:rate=3,peak=10", "mmpp:rate=1,high=10", "onoff:rate=5,on=2m,off=5m", "regime:rate=2,every=1h",
        "sparse:every=5m",
        "constant:rate=2,length=10m;step:from=1,to=8,length=20m;constant:rate=1,length=5m,repeat=3"}) {
    const auto traffic = generate_traffic(text, {});
    ASSERT_TRUE(traffic.has_value()) << text;
    const auto all = all_of(text);
    EXPECT_TRUE(std::ranges::is_sorted(all, {}, &SimulatedRequest::at)) << text;
    ASSERT_FALSE(all.empty()) << text;
    EXPECT_LT(all.back().at, traffic->length) << text;
    const double expected = traffic->requests;
    EXPECT_NEAR(static_cast<double>(all.size()), expected, 5 * std::sqrt(expected) + 0.02 * expected) << text;
    EXPECT_EQ(all, all_of(text)) << text;
    EXPECT_NE(all, all_of(text, {.seed = 2})) << text;
  }
}

TEST(Generate, shapes_are_what_they_say) {
  const auto step = all_of("step:from=2,to=10,at=20m,burst=0");
  EXPECT_NEAR(within(step, 0s, 20min), 2400, 2);
  EXPECT_NEAR(within(step, 20min, 1h), 24000, 2);
  const auto week = all_of("diurnal:rate=2,swing=0.5,peak=14,weekend=0.5,burst=0");
  EXPECT_NEAR(within(week, 13h, 15h) / within(week, 1h, 3h), 3, 0.1);
  EXPECT_NEAR(within(week, 24h * 5, 24h * 6) / within(week, 0h, 24h), 0.5, 0.01);
  const auto flash = all_of("flash:rate=1,peak=11,at=10m,rise=1m,fall=10m,burst=0");
  EXPECT_NEAR(within(flash, 11min, 12min) / 60, 10.7, 0.3);
  EXPECT_NEAR(within(flash, 20min + 30s, 21min + 30s) / 60, 6, 0.2);
  const auto joined = all_of("constant:rate=1,length=10m,burst=0;constant:rate=4,length=10m,burst=0");
  EXPECT_NEAR(within(joined, 0s, 10min), 600, 2);
  EXPECT_NEAR(within(joined, 10min, 20min), 2400, 2);
  const auto shifted = all_of("step:from=2,to=10,at=20m,shift=15m,length=10m,burst=0");
  EXPECT_NEAR(within(shifted, 0min, 5min), 600, 2);
  EXPECT_NEAR(within(shifted, 5min, 10min), 3000, 2);
}

TEST(Generate, scale_and_peak) {
  const auto traffic = generate_traffic("step:from=2,to=10,at=20m", {.scale = 3});
  ASSERT_TRUE(traffic.has_value());
  EXPECT_NEAR(traffic->peak_rate, 30, 0.5);
  EXPECT_NEAR(traffic->requests, 79200, 800);
}

TEST(Generate, wrong_texts_say_what_there_is) {
  for (const auto* text : {"", "tide", "constant:rate", "constant:rate=-1", "constant:rat=1", "step:at=20", ";",
                           "constant:length=0s", "constant:rate=1;", "mmpp:high=x"})
    EXPECT_FALSE(generate_traffic(text, {}).has_value()) << text;
  EXPECT_NE(generate_traffic("tide", {}).error().message.find("diurnal"), std::string::npos);
  EXPECT_NE(generate_traffic("constant:rat=1", {}).error().message.find("rate"), std::string::npos);
}

}  // namespace
}  // namespace tidegate
