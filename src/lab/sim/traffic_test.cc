#include "lab/sim/traffic.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lab/sim/testing/traffic_text.h"

namespace tidegate {
namespace {

const std::string requests_text =
    "t_seconds,input_tokens,output_tokens\n"
    "0,374,44\n"
    "4.315,396,109\n"
    "4.315,879,0\n";

TEST(Traffic, ReadsRequests) {
  const auto all = requests_of(requests_text);
  ASSERT_TRUE(all) << all.error().message;
  const std::vector<TrafficRequest> expected{
      {0s, 374, 44, {}, {}, {}}, {4315ms, 396, 109, {}, {}, {}}, {4315ms, 879, 0, {}, {}, {}}};
  EXPECT_EQ(*all, expected);
}

TEST(Traffic, ReadsColumnsInAnyOrderWithOthersBetween) {
  const auto all = requests_of(
      "\xEF\xBB\xBFoutput_tokens,client,t_seconds,prefix_hash_ids,input_tokens,more\r\n"
      "500,x,0.257,0 1 2,6758,y\r\n"
      "\r\n"
      "7,x,1,,10,\r\n");
  ASSERT_TRUE(all) << all.error().message;
  const std::vector<TrafficRequest> expected{{257ms, 6758, 500, {}, {}, {0, 1, 2}}, {1s, 10, 7, {}, {}, {}}};
  EXPECT_EQ(*all, expected);
}

TEST(Traffic, ReadsMooncake) {
  const auto all = requests_of(
      R"({"timestamp": 0, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]})"
      "\n"
      R"({"hash_ids":[],"x":{"y":[1,"}",null]},"output_length":1,"session_id":"s\"1","input_length":9,"timestamp":3500.5})");
  ASSERT_TRUE(all) << all.error().message;
  const std::vector<TrafficRequest> expected{{0s, 6955, 52, {}, {}, {46, 47}}, {3500500us, 9, 1, {}, R"(s\"1)", {}}};
  EXPECT_EQ(*all, expected);
}

TEST(Traffic, ReadsAzureLlmOfBothYears) {
  const auto all = requests_of(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n"
      "2023-11-16 23:59:59.6805900,374,44\n"
      "2023-11-17 00:00:00.1805901,396,109\n");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)[0].at, 0s);
  EXPECT_EQ((*all)[1].at, 500ms + 100ns);
  const auto later = requests_of(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n"
      "2024-05-10 00:00:00.009930+00:00,2162,5\n"
      "2024-05-10T00:00:01Z,2399,6\n");
  ASSERT_TRUE(later) << later.error().message;
  EXPECT_EQ((*later)[1].at, 990070us);
  EXPECT_EQ((*later)[1].input_tokens, 2399);
}

TEST(Traffic, ReadsBurstGpt) {
  const auto all = requests_of(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "45.0,GPT-4,1087,230,1317,API log\n");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)[1], (TrafficRequest{45s, 1087, 230, {}, {}, {}}));
  const auto sessions = requests_of(
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,12,3.1,ChatGPT,472.0,18,490,Conversation log\n");
  ASSERT_TRUE(sessions) << sessions.error().message;
  EXPECT_EQ((*sessions)[0], (TrafficRequest{5s, 472, 18, {}, "12", {}}));
}

TEST(Traffic, RatesKeepTheCountOfEveryBin) {
  const std::vector<int> counts{3, 0, 7, 50, 1, 0, 0, 12, 4};
  std::string text = "t_seconds,requests,observed\n";
  for (std::size_t i = 0; i < counts.size(); ++i) text += fmt::format("{},{},1\n", 100 + 60 * i, counts[i]);
  for (const double burstiness : {0.0, 0.5, 1.0, 4.0, 30.0}) {
    const auto all = requests_of(text, {.burstiness = burstiness, .seed = 7});
    ASSERT_TRUE(all) << all.error().message;
    std::vector<int> found(counts.size());
    for (const auto& one : *all) ++found[static_cast<std::size_t>((one.at - 100s) / 60s)];
    EXPECT_EQ(found, counts) << burstiness;
    EXPECT_TRUE(std::ranges::is_sorted(*all, {}, &TrafficRequest::at));
  }
}

TEST(Traffic, FractionalCountsKeepTheirSum) {
  std::string text = "t_seconds,requests\n";
  for (int i = 0; i < 1000; ++i) text += fmt::format("{},0.3\n", i);
  const auto all = requests_of(text);
  ASSERT_TRUE(all);
  EXPECT_NEAR(static_cast<double>(all->size()), 300, 1);
}

TEST(Traffic, TokenRatesBecomeRequestsOfTheMeanSize) {
  const auto all = requests_of("t_seconds,tokens\n0,3000\n60,0\n120,6000\n", {.sizes = {200, 100, 0, 0}});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(std::ranges::count_if(*all, [](const auto& one) { return one.at < 60s; }), 10);
  EXPECT_EQ(all->size(), 30u);
  EXPECT_EQ(all->front().input_tokens, 200);
}

const std::string functions_text =
    "function,t_seconds,requests\n"
    "b,28800,2\n"
    "b,28920,5\n"
    "a,28860,4\n"
    "a,28980,1\n";

TEST(Traffic, FunctionsAreMergedInOrderOfTime) {
  const auto all = requests_of(functions_text);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_TRUE(std::ranges::is_sorted(*all, {}, &TrafficRequest::at));
  std::map<std::pair<std::string, int>, int> found;
  for (const auto& one : *all) ++found[{one.function, static_cast<int>(one.at / 60s) * 60}];
  const std::map<std::pair<std::string, int>, int> expected{
      {{"a", 28860}, 4}, {{"a", 28980}, 1}, {{"b", 28800}, 2}, {{"b", 28920}, 5}};
  EXPECT_EQ(found, expected);
}

TEST(Traffic, AFunctionAloneSendsWhatItSendsAmongAll) {
  auto all = requests_of(functions_text);
  const auto alone = requests_of(functions_text, {.function = "a"});
  ASSERT_TRUE(all && alone);
  std::erase_if(*all, [](const auto& one) { return one.function != "a"; });
  EXPECT_EQ(*all, *alone);
  const auto none = requests_of(functions_text, {.function = "c"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::not_found);
  EXPECT_EQ(none.error().message, "trace: no function 'c' among the 2 of the file");
}

TEST(Traffic, AnyPiecesGiveTheSameRequests) {
  for (const auto& text : {requests_text, functions_text, std::string{"t_seconds,requests\n0,5\n1,3\n"}}) {
    const auto whole = requests_of(text);
    ASSERT_TRUE(whole);
    for (std::size_t piece = 1; piece < 20; ++piece) EXPECT_EQ(requests_of(text, {}, piece), whole);
    EXPECT_NE(requests_of(text, {.burstiness = 2, .seed = 1}), Result<std::vector<TrafficRequest>>{});
  }
}

struct Wrong {
  std::string text;
  std::string message;
};

TEST(Traffic, WrongFilesAreNamedWithLineAndColumn) {
  const std::vector<Wrong> table{
      {"", "trace: the file is empty"},
      {"\n\n", "trace: the file is empty"},
      {"time,count\n1,2\n",
       "trace:1:1: not the header of a known traffic file: 'time,count'; known are "
       "'t_seconds,input_tokens,output_tokens', 't_seconds,requests', 'function,t_seconds,requests', Azure LLM, "
       "BurstGPT and Mooncake JSON lines"},
      {"t_seconds,input_tokens,output_tokens\n0,1\n", "trace:2:4: the row ends after 2 fields; the header has more"},
      {"t_seconds,input_tokens,output_tokens\n\n0,x,1\n", "trace:3:3: expected a number of tokens, not 'x'"},
      {"t_seconds,input_tokens,output_tokens\n0,1,-2\n", "trace:2:5: expected a number of tokens, not '-2'"},
      {"t_seconds,input_tokens,output_tokens\n0,1.5,2\n", "trace:2:3: expected a number of tokens, not '1.5'"},
      {"t_seconds,input_tokens,output_tokens\n5,1,2\n4,1,2\n",
       "trace:3:1: the row's time, 4 s, is before that of the row above it, 5 s; sort the file by time"},
      {"t_seconds,requests\n0,1\n1,nan\n", "trace:3:3: expected a count from 0 to 1e9, not 'nan'"},
      {"t_seconds,requests\n0,1\n1,2e9\n", "trace:3:3: expected a count from 0 to 1e9, not '2e9'"},
      {"t_seconds,requests\n1e99,1\n", "trace:2:1: expected seconds from 0 on, not '1e99'"},
      {"t_seconds,requests\n7,1\n",
       "trace:2:1: a rate file needs two bins, one after the other: their difference is the width of all"},
      {"t_seconds,requests\n0,1\n0,1\n",
       "trace:3:1: a rate file needs two bins, one after the other: their difference is the width of all"},
      {"t_seconds,requests\n0,1\n60,1\n90,1\n",
       "trace:4:1: the bin at 90 s begins before the one above it ends; bins are 1m wide, the difference of the first "
       "two rows"},
      {"function,t_seconds,requests\na,0,1\nb,0,1\na,0,1\n",
       "trace:4:1: function 'a' has a bin at 0 s after one at 0 s"},
      {"function,t_seconds,requests\n,0,1\n", "trace:2:1: expected a function's name of at most 256 bytes, not ''"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-16 18:15:46,1,1\n",
       "trace:2:1: expected a time like 2023-11-16 18:15:46.6805900, not '2023-13-16 18:15:46'"},
      {"t_seconds,input_tokens,output_tokens,prefix_hash_ids\n0,1,1,4  5\n",
       "trace:2:7: expected at most 16384 block ids with blanks between them, not '4  5'"},
      {"{\"timestamp\": 0, \"input_length\": 1}\n", "trace:1:36: no \"output_length\" in this object"},
      {"{\"timestamp\": 0, \"input_length\": 1, \"output_length\": \"7\"}\n", "trace:1:54: not a number of tokens"},
      {"{\"timestamp\": 0, \"input_length\": 1, \"output_length\": 7, \"hash_ids\": [1,]}\n",
       "trace:1:72: an id in \"hash_ids\" is not a whole number"},
      {"{\"timestamp\": -1}\n", "trace:1:15: \"timestamp\" is not milliseconds from 0 on"},
      {"{\"timestamp\": 1\n", "trace:1:16: expected ',' or '}'"},
  };
  for (const auto& [text, message] : table) {
    const auto all = requests_of(text, {}, 7);
    ASSERT_FALSE(all) << text;
    EXPECT_EQ(all.error().message, message) << text;
  }
  const auto broken = requests_of("t_seconds,requests\n" + std::string(2 << 20, '1'));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "trace:2:1048577: the line is longer than 1 MiB; is this a traffic file?");
}

std::string steady(int requests, double gap) {
  std::string text = "t_seconds,input_tokens,output_tokens,prefix_hash_ids\n";
  for (int i = 0; i < requests; ++i) text += fmt::format("{:.3f},{},20,{}\n", i * gap, 1 + i % 900, i % 5);
  return text;
}

TEST(Traffic, ScaleBelowOneThins) {
  const auto all = requests_of(steady(20'000, 0.05), {.scale = 0.25, .seed = 3});
  ASSERT_TRUE(all);
  // Binomial: 5000 on average, deviation 61.
  EXPECT_NEAR(static_cast<double>(all->size()), 5000, 250);
  EXPECT_TRUE(std::ranges::is_sorted(*all, {}, &TrafficRequest::at));
  EXPECT_EQ(requests_of(steady(20'000, 0.05), {.scale = 0.25, .seed = 3}), all);
  EXPECT_NE(requests_of(steady(20'000, 0.05), {.scale = 0.25, .seed = 4}), all);
}

TEST(Traffic, ScaleAboveOneRepeatsAndKeepsTheShape) {
  // Ten quiet minutes, ten busy ones.
  std::string text = "t_seconds,input_tokens,output_tokens\n";
  for (int i = 0; i < 600; ++i) text += fmt::format("{},5,6\n", i);
  for (int i = 0; i < 6000; ++i) text += fmt::format("{:.1f},5,6\n", 600 + i * 0.1);
  const auto all = requests_of(text, {.scale = 2.5});
  ASSERT_TRUE(all);
  EXPECT_NEAR(static_cast<double>(all->size()), 2.5 * 6600, 200);
  EXPECT_TRUE(std::ranges::is_sorted(*all, {}, &TrafficRequest::at));
  const auto quiet = std::ranges::count_if(*all, [](const auto& one) { return one.at < 600s; });
  EXPECT_NEAR(static_cast<double>(quiet), 1500, 60);
  // No two thirds of the requests at the same instants: copies are spread.
  std::set<Duration> times;
  for (const auto& one : *all) times.insert(one.at);
  EXPECT_GT(times.size(), all->size() * 95 / 100);
}

TEST(Traffic, CopiesAreOtherUsers) {
  const auto once = requests_of(steady(100, 10));
  const auto all = requests_of(steady(100, 10), {.scale = 3});
  ASSERT_TRUE(once && all);
  ASSERT_EQ(all->size(), 300u);
  std::set<std::uint64_t> ids;
  for (const auto& one : *all) ids.insert(one.prefix.at(0));
  EXPECT_EQ(ids.size(), 15u);
  // The first copies are the file itself.
  std::size_t same = 0;
  for (const auto& one : *all) same += static_cast<std::size_t>(std::ranges::count(*once, one));
  EXPECT_EQ(same, 100u);
}

TEST(Traffic, ScaledRatesKeepTheirMean) {
  std::string text = "t_seconds,requests\n";
  for (int i = 0; i < 2000; ++i) text += fmt::format("{},{}\n", i, i % 7);
  for (const double scale : {0.01, 0.6, 1.5, 4.0}) {
    const auto all = requests_of(text, {.scale = scale});
    ASSERT_TRUE(all);
    const double expected = 5997 * scale;
    EXPECT_NEAR(static_cast<double>(all->size()), expected, 5 * std::sqrt(expected) + 1) << scale;
  }
}

TEST(Traffic, ATooLargeScaleIsRefusedNotSwallowed) {
  const auto all = requests_of(steady(10, 0), {.scale = 1e6});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().kind, ErrorKind::too_large);
}

TEST(Traffic, SummaryCountsWithoutMakingRequests) {
  const auto summary = summarize_traffic(bytes_of(requests_text), "trace", {});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->requests, 3);
  EXPECT_EQ(summary->span(), 4315ms);
  EXPECT_NEAR(summary->input_tokens, 549.67, 0.01);
  // An hour at 1/s with ten busy minutes at 5/s from the 20th minute on.
  std::string text = "t_seconds,requests\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("{},{}\n", i * 60, i >= 20 && i < 30 ? 300 : 60);
  const auto rates = summarize_traffic(bytes_of(text), "trace", {});
  ASSERT_TRUE(rates);
  EXPECT_NEAR(rates->peak_rate, 5, 1e-9);
  EXPECT_EQ(rates->span(), 1h);
  EXPECT_EQ(rates->requests, 6000);
  EXPECT_NEAR(scale_for_peak(*rates, 2.5, 8), 4, 1e-9);
  const auto functions = summarize_traffic(bytes_of(functions_text), "trace", {});
  ASSERT_TRUE(functions);
  EXPECT_EQ(functions->requests, 12);
  EXPECT_NEAR(functions->peak_rate, 12.0 / 240, 1e-9);
}

TEST(Traffic, SizesAreReadAndDrawn) {
  EXPECT_EQ(read_token_sizes("1000,200"), (TokenSizes{1000, 200, 0, 0}));
  EXPECT_EQ(read_token_sizes("1000,200,0.5"), (TokenSizes{1000, 200, 0.5, 0.5}));
  for (const auto* wrong : {"", "1000", "1000,", "0,5", "1,2,9", "1,2,3,4", "1;2", "nan,2"})
    EXPECT_FALSE(read_token_sizes(wrong)) << wrong;
  Prng random{5};
  double input = 0, output = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto size = draw_size({}, random);
    input += static_cast<double>(size.input_tokens);
    output += static_cast<double>(size.output_tokens);
  }
  EXPECT_NEAR(input / 20'000, 1155, 25);
  EXPECT_NEAR(output / 20'000, 211, 8);
}

}  // namespace
}  // namespace tidegate
