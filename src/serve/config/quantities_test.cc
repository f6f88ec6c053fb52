#include "serve/config/quantities.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tidegate {
namespace {

TEST(Quantities, durations_as_people_write_them) {
  EXPECT_EQ(read_duration("800ms"), 800ms);
  EXPECT_EQ(read_duration("2s"), 2s);
  EXPECT_EQ(read_duration("2.5s"), 2500ms);
  EXPECT_EQ(read_duration("1h30m"), 90min);
  EXPECT_EQ(read_duration("5min"), 5min);
  EXPECT_EQ(read_duration("14d"), std::chrono::hours{14 * 24});
  EXPECT_EQ(read_duration("1d2h3m4s5ms6us7ns"), std::chrono::hours{26} + 3min + 4s + 5ms + Duration{6007});
  EXPECT_EQ(read_duration(" 0s "), 0s);
  EXPECT_EQ(read_duration("0.1s"), 100ms);
}

TEST(Quantities, what_is_not_a_duration_says_so) {
  for (const char* text : {"",
                           " ",
                           "s",
                           "2",
                           "2 s",
                           "2x",
                           "-2s",
                           "+2s",
                           "1.s",
                           ".5",
                           "1..2s",
                           "2s3",
                           "1e3s",
                           "ten",
                           "1h1h",
                           "1s1m",
                           "1m 30s",
                           "3651d9999h",
                           "99999999999999d",
                           "1234567890123456s"})
    EXPECT_FALSE(read_duration(text)) << text;
  EXPECT_EQ(read_duration("800").error(),
            (QuantityError{"missing_unit", "`800` has no unit", "write `800ms` or `800s`"}));
  EXPECT_EQ(read_duration("2").error().help, "write `2s` or `2ms`");
  EXPECT_EQ(read_duration("4000d").error().code, "out_of_range");
}

TEST(Quantities, sizes_prices_shares_rates) {
  EXPECT_EQ(read_bytes("24GiB"), Bytes{24LL << 30});
  EXPECT_EQ(read_bytes("80 GB"), Bytes{80'000'000'000});
  EXPECT_EQ(read_bytes("1.5KiB"), Bytes{1536});
  EXPECT_EQ(read_bytes("9999999TiB").error().code, "out_of_range");
  EXPECT_EQ(read_bytes("24G").error().help, "write the unit as `GiB`");
  EXPECT_EQ(read_price("$3.50/h"), MicroUsdPerHour{3'500'000});
  EXPECT_EQ(read_price("$0.000001/h"), MicroUsdPerHour{1});
  EXPECT_FALSE(read_price("$0.0000001/h"));
  EXPECT_FALSE(read_price("$0/h"));
  EXPECT_FALSE(read_price("$-1/h"));
  EXPECT_EQ(read_price("3.50/h").error().help, "write `$3.50/h`");
  EXPECT_EQ(read_share("80%"), 0.8);
  EXPECT_EQ(read_share("0.25"), 0.25);
  EXPECT_EQ(read_share("80").error().help, "write `80%`");
  EXPECT_FALSE(read_share("101%"));
  EXPECT_EQ(read_rate("4 per 1m"), (RateLimit{Replicas{4}, 1min}));
  for (const char* text : {"4", "4 per", "4per1m", "0 per 1m", "4 per 10ms", "x per 1m", "4 per 1"})
    EXPECT_FALSE(read_rate(text)) << text;
}

TEST(Quantities, numbers_are_finite_and_plain) {
  EXPECT_EQ(read_number("-0.5"), -0.5);
  EXPECT_EQ(read_number("1e3"), 1000);
  for (const char* text : {"", "nan", "inf", "0x10", "1,000", "1_000", "5s", "1e999"})
    EXPECT_FALSE(read_number(text)) << text;
  EXPECT_EQ(read_integer("-3"), -3);
  for (const char* text : {"", "3.0", "3x", "99999999999999999999"}) EXPECT_FALSE(read_integer(text)) << text;
  EXPECT_EQ(read_boolean("true"), true);
  EXPECT_FALSE(read_boolean("yes"));
}

RC_GTEST_PROP(Quantities, a_duration_reads_back_exactly, ()) {
  const auto value = Duration{*rc::gen::inRange<std::int64_t>(0, 315'000'000'000'000'000)};
  RC_ASSERT((read_duration(exact_text(value)) == value));
}

RC_GTEST_PROP(Quantities, a_size_reads_back_exactly, ()) {
  // Text holds fifteen digits, and so does every size a machine has.
  const auto value = Bytes{*rc::gen::inRange<std::int64_t>(0, 999'999'999'999'999)};
  RC_ASSERT((read_bytes(exact_text(value)) == value));
}

RC_GTEST_PROP(Quantities, a_price_reads_back_exactly, ()) {
  const auto value = MicroUsdPerHour{*rc::gen::inRange<std::int64_t>(1, 1'000'000'000'000)};
  RC_ASSERT((read_price(exact_text(value)) == value));
}

RC_GTEST_PROP(Quantities, a_rate_reads_back_exactly, ()) {
  const auto value = RateLimit{Replicas{*rc::gen::inRange(1, 100'000)},
                               Duration{*rc::gen::inRange<std::int64_t>(1'000'000'000, 86'400'000'000'000)}};
  RC_ASSERT((read_rate(exact_text(value)) == value));
}

RC_GTEST_PROP(Quantities, any_text_is_a_quantity_or_an_error_with_help, (const std::string& text)) {
  const auto fine = [](const auto& read) {
    return read || (!read.error().message.empty() && !read.error().help.empty());
  };
  RC_ASSERT(fine(read_duration(text)) && fine(read_bytes(text)) && fine(read_price(text)) && fine(read_share(text)) &&
            fine(read_rate(text)) && fine(read_number(text)) && fine(read_integer(text)) && fine(read_boolean(text)));
}

}  // namespace
}  // namespace tidegate
