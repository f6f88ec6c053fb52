#include "serve/config/yaml_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "serve/config/yaml_node.h"

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;

YamlNode parsed(const std::string& text) {
  Diagnostics problems;
  auto root = parse_yaml(text, problems);
  EXPECT_FALSE(problems.has_errors()) << render(problems, "f", text);
  return root.value_or(YamlNode{});
}

TEST(YamlWriter, blocks_comments_and_lists) {
  YamlWriter yaml;
  yaml.map().key("name").value("chat").comment("nobody said").key("slo").raw("{ttft_p99: 2s}");
  yaml.key("pools").list().map().key("name").value("a").key("gpus").value(1).end().end();
  yaml.key("nothing").map().end().key("none").list().end().key("on").value(true).end();
  EXPECT_EQ(yaml.take(),
            "name: chat\n"
            "# nobody said\n"
            "slo: {ttft_p99: 2s}\n"
            "pools:\n"
            "  - name: a\n"
            "    gpus: 1\n"
            "nothing: {}\n"
            "none: []\n"
            "\"on\": true\n");
}

TEST(YamlWriter, what_any_yaml_could_mistake_is_quoted) {
  for (const std::string text : {"on", "No", "~", "", "1e3", "0x10", "a: b", "a #b", "- a", "{port}", "12:30", "null",
                                 "a\"b", "\ta", "$3.50/h", "@a", "1.5"})
    EXPECT_EQ(yaml_scalar(text).front(), '"') << text;
  for (const std::string text : {"chat", "800ms", "1h30m", "apps/v1", "vllm:num_requests_running", "a b", "5s"})
    EXPECT_EQ(yaml_scalar(text), text);
}

TEST(YamlWriter, a_tree_reads_back) {
  const Json tree{{"text", "one\ntwo\n"},
                  {"quoted", "a: \"b\" # c"},
                  {"enum", {"on", "off", "x"}},
                  {"maps", {Json{{"a", 1}, {"b", Json::array()}}, Json::object()}},
                  {"lists", {{{"a", {1, 2}}}}}};
  const auto root = parsed(yaml_text(tree));
  EXPECT_EQ(root.find("text")->text, "one\ntwo\n");
  EXPECT_EQ(root.find("quoted")->text, "a: \"b\" # c");
  EXPECT_TRUE(root.find("enum")->items.at(0).quoted);
  EXPECT_EQ(root.find("maps")->items.size(), 2U);
  EXPECT_EQ(root.find("maps")->items[1].kind, YamlKind::map);
  EXPECT_EQ(root.find("lists")->items[0].find("a")->items[1].text, "2");
}

TEST(YamlWriter, long_comments_are_wrapped) {
  YamlWriter yaml;
  yaml.map().comment(std::string(40, 'a') + " " + std::string(40, 'b') + " " + std::string(60, 'c')).end();
  EXPECT_EQ(yaml.take(),
            "# " + std::string(40, 'a') + " " + std::string(40, 'b') + "\n# " + std::string(60, 'c') + "\n{}\n");
}

}  // namespace
}  // namespace tidegate
