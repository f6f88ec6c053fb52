#include "core/base/json_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace tidegate {
namespace {

TEST(JsonWriter, commas_and_nesting) {
  JsonWriter json;
  json.object().key("a").array().value(1).object().end().array().end().value("x").end();
  json.key("b").object().key("c").value(true).end().key("d").null().end();
  EXPECT_EQ(json.take(), R"({"a":[1,{},[],"x"],"b":{"c":true},"d":null})");
}

TEST(JsonWriter, what_is_no_number_is_null) {
  JsonWriter json;
  json.array();
  json.value(std::numeric_limits<double>::quiet_NaN()).value(std::numeric_limits<double>::infinity());
  json.value(std::optional<double>{}).value(std::optional<double>{14.25}).value(-0.0).value(1e300).value(0.1);
  EXPECT_EQ(json.end().take(), "[null,null,null,14.25,0,1e+300,0.1]");
}

TEST(JsonWriter, times_are_exact_to_the_millisecond) {
  JsonWriter json;
  json.array().value(Instant{1'789'380'900'212ms}).value(Instant{1'789'380'900s}).value(1500ms).end();
  EXPECT_EQ(json.take(), "[1789380900.212,1789380900,1.5]");
}

TEST(JsonWriter, exact_values_come_back) {
  JsonWriter json;
  json.array().exact(0.1 + 0.2).exact(Instant{1'789'380'900'212'000'001ns}).exact(-1500ms).exact(12s);
  json.exact(std::numeric_limits<double>::quiet_NaN()).end();
  EXPECT_EQ(json.take(), "[0.30000000000000004,1789380900.212000001,-1.5,12.0,null]");
}

TEST(JsonWriter, texts_from_outside_stay_json) {
  JsonWriter json;
  json.array().value("a\"\\\n\t\x01\x7f").value("caf\xc3\xa9 \xff\xc3 \xed\xa0\x80").end();
  EXPECT_EQ(json.take(),
            "[\"a\\\"\\\\\\n\\t\\u0001\\u007f\",\"caf\xc3\xa9 \xEF\xBF\xBD\xEF\xBF\xBD "
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"]");
}

RC_GTEST_PROP(JsonWriter, any_bytes_parse, (const std::string& text, double number)) {
  JsonWriter json;
  json.object().key(text).value(text).key(text + "n").value(number).end();
  const auto parsed = nlohmann::json::parse(json.take(), nullptr, false);
  RC_ASSERT(!parsed.is_discarded());
}

RC_GTEST_PROP(JsonWriter, ascii_comes_back, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  JsonWriter json;
  json.value(text);
  RC_ASSERT(nlohmann::json::parse(json.take()).get<std::string>() == text);
}

}  // namespace
}  // namespace tidegate
