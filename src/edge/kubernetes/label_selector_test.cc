#include "edge/kubernetes/label_selector.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

const Labels chat{{"app", "chat"}, {"tier", "a"}};

bool picks(std::string_view selector, const Labels& labels) {
  const auto parsed = parse_label_selector(selector);
  EXPECT_TRUE(parsed) << selector;
  return parsed && parsed->picks(labels);
}

TEST(LabelSelector, EveryFormOfText) {
  EXPECT_TRUE(picks("app=chat", chat));
  EXPECT_TRUE(picks("app==chat, tier = a", chat));
  EXPECT_FALSE(picks("app=chat,tier=b", chat));
  EXPECT_TRUE(picks("app!=code", chat));
  EXPECT_FALSE(picks("app!=chat", chat));
  EXPECT_TRUE(picks("tier in (a, b),app", chat));
  EXPECT_FALSE(picks("tier notin (a,b)", chat));
  EXPECT_TRUE(picks("zone notin (a)", chat));
  EXPECT_TRUE(picks("!canary", chat));
  EXPECT_FALSE(picks("canary", chat));
  EXPECT_TRUE(picks("leaderworkerset.sigs.k8s.io/name=m", {{"leaderworkerset.sigs.k8s.io/name", "m"}}));
}

TEST(LabelSelector, WhatCannotBeReadPicksNothing) {
  for (const char* text : {"", ",", "app=chat,", "app in", "app in ()x", "app in (", "a b=c", "=x", "!", "a=\"b\""})
    EXPECT_FALSE(parse_label_selector(text)) << text;
  EXPECT_FALSE(LabelSelector{}.picks(chat));
}

TEST(LabelSelector, TheObjectOfAWorkload) {
  simdjson::dom::parser parser;
  const std::string text = R"({"spec": {"selector": {"matchLabels": {"app": "chat"},
    "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "c"]},
                         {"key": "canary", "operator": "DoesNotExist"}]},
    "odd": {"matchExpressions": [{"key": "tier", "operator": "Near"}]}, "none": {}}})";
  const JsonView object = parser.parse(text).value();
  const auto selector = label_selector_of(object, {"spec", "selector"});
  ASSERT_TRUE(selector);
  EXPECT_TRUE(selector->picks(chat));
  EXPECT_FALSE(selector->picks({{"app", "chat"}, {"tier", "b"}}));
  EXPECT_EQ(selector->anchor(), (std::pair<std::string, std::string>{"app", "chat"}));
  EXPECT_FALSE(label_selector_of(object, {"spec", "odd"}));
  EXPECT_FALSE(label_selector_of(object, {"spec", "none"}));
  EXPECT_FALSE(label_selector_of(object, {"spec", "missing"}));
}

}  // namespace
}  // namespace tidegate
