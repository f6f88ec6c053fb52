#include "lab/sim/request_feed.h"

#include <gtest/gtest.h>

#include "lab/sim/testing/traffic_text.h"

namespace tidegate {
namespace {

std::vector<SimulatedRequest> all_of(RequestFeed feed, std::size_t at_once) {
  std::vector<SimulatedRequest> all, batch(at_once);
  for (;;) {
    const auto count = feed(batch);
    EXPECT_TRUE(count.has_value());
    if (!count || *count == 0) return all;
    all.insert(all.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

TEST(RequestFeed, a_list_is_handed_out_whole_whatever_the_batch) {
  const std::vector<SimulatedRequest> list{{1s, 10, 2}, {2s, 20, 3}, {2s, 30, 4}};
  for (const std::size_t at_once : {1, 2, 3, 100}) EXPECT_EQ(all_of(feed_of(list), at_once), list);
}

TEST(RequestFeed, ends_at_a_length) {
  const std::vector<SimulatedRequest> list{{1s, 10, 2}, {2s, 20, 3}, {3s, 30, 4}};
  EXPECT_EQ(all_of(until(feed_of(list), 3s), 2).size(), 2u);
  EXPECT_EQ(all_of(until(feed_of(list), 1h), 2).size(), 3u);
  EXPECT_TRUE(all_of(until(feed_of(list), 0s), 2).empty());
}

TEST(RequestFeed, an_arrival_stream_gets_sizes) {
  const auto arrivals = [] {
    return renewal_arrivals(RateCurve{}.knot(0s, 1).knot(5500ms, 1).knot(5500ms, 0), 0, Prng{1});
  };
  const auto fixed = all_of(feed_of(arrivals(), {100, 20, 0, 0}, Prng{2}), 3);
  ASSERT_EQ(fixed.size(), 5u);
  EXPECT_EQ(fixed[4], (SimulatedRequest{5s, 100, 20}));
  EXPECT_EQ(all_of(feed_of(arrivals(), {}, Prng{2}), 1), all_of(feed_of(arrivals(), {}, Prng{2}), 64));
}

TEST(RequestFeed, a_traffic_file_starts_at_its_origin) {
  auto reader =
      TrafficReader::open(bytes_of("t_seconds,input_tokens,output_tokens\n100,7,3\n101.5,8,0\n", 16), "t.csv");
  ASSERT_TRUE(reader.has_value());
  const auto origin = reader->origin();
  const auto all = all_of(feed_of(std::move(*reader), origin), 4);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], (SimulatedRequest{0s, 7, 3}));
  EXPECT_EQ(all[1], (SimulatedRequest{1500ms, 8, 1}));  // a request has at least one token
}

TEST(RequestFeed, a_broken_file_says_where) {
  auto reader =
      TrafficReader::open(bytes_of("t_seconds,input_tokens,output_tokens\n1,7,3\n2,7,3\nx,8,0\n", 16), "t.csv");
  ASSERT_TRUE(reader.has_value());
  auto feed = feed_of(std::move(*reader), 0s);
  std::vector<SimulatedRequest> batch(10);
  const auto count = feed(batch);
  ASSERT_FALSE(count.has_value());
  EXPECT_TRUE(count.error().message.starts_with("t.csv:4:1:")) << count.error().message;
}

}  // namespace
}  // namespace tidegate
