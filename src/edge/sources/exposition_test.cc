#include "edge/sources/exposition.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "edge/sources/testing/vllm_page.h"

namespace tidegate {
namespace {

struct Read {
  std::vector<std::string> samples;
  Result<ExpositionSummary> summary = ExpositionSummary{};
};

Read read(const std::string& page, std::size_t piece = 1 << 20, ExpositionLimits limits = {}) {
  static const NameSet wanted{{"a", "b_bucket", "up"}};
  ExpositionScanner scanner{wanted, limits};
  Read all;
  const auto sink = [&](int name, const SeriesSample& sample) {
    all.samples.push_back(fmt::format("{}{{{}}} {}{}", name, sample.labels, sample.value,
                                      sample.timestamp_ms ? fmt::format(" @{}", *sample.timestamp_ms) : ""));
  };
  scanner.begin();
  for (std::size_t at = 0; at < page.size(); at += piece)
    if (auto fed = scanner.feed(std::string_view{page}.substr(at, piece), sink); !fed) {
      all.summary = std::unexpected(fed.error());
      return all;
    }
  all.summary = scanner.finish();
  return all;
}

using Samples = std::vector<std::string>;

TEST(Exposition, ReadsWhatTheFormatsAllow) {
  const std::string page =
      "# HELP a Something with \\n and \"quotes\".\n"
      "# TYPE a gauge\n"
      "a 1\n"
      "a{x=\"1\"} 2.5\n"
      "a{x=\"2\",}\t-3e2\r\n"
      "a {x=\"3\"}   4   \n"
      "a{x=\"} 9 #\\\"\\\\\"} 5\n"
      "a{x=\"t\"} 6 1395066363000\n"
      "a{x=\"s\"} 7 1395066363.5\n"
      "\n"
      "unwanted{x=\"1\"} 8\n"
      "aa 9\n"
      "b_bucket{le=\"0.5\"} 10 # {trace=\"x} 1\"} 0.67 1520879607.789\n"
      "b_bucket{le=\"+Inf\"} 11 1520879607.789 # {trace=\"y\"} 0.1\n"
      "  up 1\n"
      "# EOF\n";
  const Read all = read(page);
  ASSERT_TRUE(all.summary) << all.summary.error().message;
  EXPECT_EQ(all.samples,
            (Samples{"0{} 1", "0{x=\"1\"} 2.5", "0{x=\"2\",} -300", "0{x=\"3\"} 4", "0{x=\"} 9 #\\\"\\\\\"} 5",
                     "0{x=\"t\"} 6 @1395066363000", "0{x=\"s\"} 7 @1395066363500", "1{le=\"0.5\"} 10",
                     "1{le=\"+Inf\"} 11 @1520879607789", "2{} 1"}));
  EXPECT_TRUE(all.summary->ended);
  for (std::size_t piece : {1, 2, 7, 64}) EXPECT_EQ(read(page, piece).samples, all.samples) << piece;
}

TEST(Exposition, Numbers) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<std::pair<const char*, double>> table = {
      {"0", 0},
      {"1", 1},
      {"-1", -1},
      {"+1", 1},
      {"0.1", 0.1},
      {".5", 0.5},
      {"5.", 5},
      {"1e3", 1e3},
      {"1E-3", 1e-3},
      {"123456789012345", 123456789012345},
      {"0.1234567890123456789", 0.1234567890123456789},
      {"+Inf", inf},
      {"-Inf", -inf},
      {"inf", inf},
      {"1e999", inf},
      {"-1e999", -inf},
      {"1e-999", 0},
      {"9007199254740993", 9007199254740992.0},
  };
  for (const auto& [text, value] : table) EXPECT_EQ(parse_sample_value(text), value) << text;
  EXPECT_TRUE(std::isnan(*parse_sample_value("NaN")));
  for (const char* bad : {"", "-", "+", ".", "1x", "1 ", "1.2.3", "++1", "+-1", "0x10", "1e", "--1"})
    EXPECT_FALSE(parse_sample_value(bad)) << bad;
}

TEST(Exposition, ErrorsNameTheLine) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"a 1\na\n", "line 2 of the metrics page: a name without a value"},
      {"a \n", "line 1 of the metrics page: a name without a value"},
      {"a{x=\"1\" 2\n", "line 1 of the metrics page: labels that do not end"},
      {"a{x=\"1} 2\n", "line 1 of the metrics page: labels that do not end"},
      {"# x\n\na one\n", "line 3 of the metrics page: the value is no number"},
      {"a 1 soon\n", "line 1 of the metrics page: the timestamp is no number"},
      {"a 1 2 3\n", "line 1 of the metrics page: something follows the value that is neither timestamp nor exemplar"},
      {"<!doctype html>\n",
       "line 1 of the metrics page: no metric name where one should begin; is this a metrics page?"},
      {"{\"error\":1}\n", "line 1 of the metrics page: no metric name where one should begin; is this a metrics page?"},
      {"Not Found!\n", "line 1 of the metrics page: the value is no number"},
      {"# EOF\na 1\n", "line 2 of the metrics page: something follows # EOF"},
      {"a 1\na{x=\"1\"} 2", "the metrics page ends within line 2: it was cut off"},
  };
  for (const auto& [page, message] : table) {
    const Read all = read(page);
    ASSERT_FALSE(all.summary) << page;
    EXPECT_EQ(all.summary.error().message, message);
  }
}

TEST(Exposition, DuplicatesCountOnce) {
  const Read all = read("a{x=\"1\"} 1\na{x=\"2\"} 2\na{x=\"1\"} 100\n");
  ASSERT_TRUE(all.summary);
  EXPECT_EQ(all.samples, (Samples{"0{x=\"1\"} 1", "0{x=\"2\"} 2"}));
  EXPECT_EQ(all.summary->duplicates, 1u);
}

TEST(Exposition, IsBounded) {
  std::string many;
  for (int i = 0; i < 3000; ++i) many += fmt::format("a{{x=\"{}\"}} {}\n", i, i);
  ASSERT_TRUE(read(many).summary);
  EXPECT_EQ(read(many).samples.size(), 3000u);
  const Read series = read(many, 1 << 20, {.series_max = 2999});
  ASSERT_FALSE(series.summary);
  EXPECT_EQ(series.summary.error().kind, ErrorKind::too_large);
  EXPECT_FALSE(read(many, 100, {.page_bytes_max = 10'000}).summary);
  const std::string wide = "a{x=\"" + std::string(70'000, 'x') + "\"} 1\n";
  for (std::size_t piece : {std::size_t{100}, std::size_t{1} << 20}) {
    const Read line = read(wide, piece);
    ASSERT_FALSE(line.summary);
    EXPECT_EQ(line.summary.error().kind, ErrorKind::too_large);
  }
}

TEST(Exposition, LabelsAreReadAndUnescaped) {
  const std::string_view labels = R"(a="1", b = "x\\y\"z\n" ,c="")";
  EXPECT_EQ(find_label(labels, "a"), "1");
  EXPECT_EQ(unescaped(*find_label(labels, "b")), "x\\y\"z\n");
  EXPECT_EQ(find_label(labels, "c"), "");
  EXPECT_FALSE(find_label(labels, "d"));
  for (const char* bad : {"a", "a=", "a=1", "a=\"1", "=\"1\"", "a=\"1\"b=\"2\"", "a=\"\\"}) {
    LabelCursor cursor{bad};
    while (cursor.next()) {
    }
    EXPECT_TRUE(cursor.is_broken()) << bad;
  }
}

TEST(Exposition, ScannerServesManyPages) {
  const NameSet wanted{{"vllm:num_requests_running"}};
  ExpositionScanner scanner{wanted};
  for (int i = 0; i < 3; ++i) {
    double value = -1;
    const auto summary =
        scanner.scan(vllm_page({.running = double(i)}), [&](int, const SeriesSample& sample) { value = sample.value; });
    ASSERT_TRUE(summary) << summary.error().message;
    EXPECT_EQ(summary->lines, vllm_page_lines);
    EXPECT_EQ(value, i);
  }
}

RC_GTEST_PROP(Exposition, NumbersRoundTrip, (double value)) {
  const auto back = parse_sample_value(fmt::format("{}", value));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == value || (std::isnan(*back) && std::isnan(value)));
}

RC_GTEST_PROP(Exposition, AnyPieceSizeReadsTheSame, (std::vector<std::pair<std::string, double>> series)) {
  std::string page;
  for (const auto& [text, value] : series) {
    page += "a{x=\"";
    for (const char c : text) page += c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
    page += fmt::format("\"}} {}\n", value);
  }
  const Read whole = read(page);
  RC_ASSERT(whole.summary.has_value());
  RC_ASSERT(whole.samples.size() + whole.summary->duplicates == series.size());
  const auto piece = *rc::gen::inRange<std::size_t>(1, 40);
  RC_ASSERT(read(page, piece).samples == whole.samples);
}

}  // namespace
}  // namespace tidegate
