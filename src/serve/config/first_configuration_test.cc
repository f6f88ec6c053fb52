#include "serve/config/first_configuration.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "serve/config/configuration.h"

namespace tidegate {
namespace {

LoadedConfiguration load(const std::string& text) {
  auto loaded = load_configuration(text, "tidegate.yaml", {});
  EXPECT_TRUE(loaded.fleet) << text << render(loaded.problems, loaded.filename, text);
  EXPECT_EQ(loaded.problems.warnings(), 0U) << render(loaded.problems, loaded.filename, text);
  return loaded;
}

const FoundServer llama{
    .pid = 41,
    .command = {"/usr/bin/python3", "/usr/local/bin/vllm", "serve", "meta-llama/Llama-3.1-8B", "--port", "8001",
                "--api-key", "hunter2", "hunter3", "-tp", "2", "--hf-token=hunter4"},
    .port = 8001};

TEST(FirstConfiguration, an_empty_machine_gets_the_emulator) {
  const auto loaded = load(first_configuration({}));
  ASSERT_TRUE(loaded.fleet);
  const auto& process = std::get<ProcessTargetSpec>(loaded.fleet->services.at(0).pools.at(0).target);
  EXPECT_EQ(process.command.at(1), "emulate");
  EXPECT_FALSE(loaded.fleet->machine.gpus);
}

TEST(FirstConfiguration, gpus_are_listed_and_used) {
  const auto loaded = load(
      first_configuration({.gpus = {{.index = 0, .name = "NVIDIA H200", .memory = Bytes{141LL << 30}}, {.index = 3}}}));
  ASSERT_TRUE(loaded.fleet);
  EXPECT_EQ(loaded.fleet->machine.gpus, (std::vector<GpuSpec>{{.index = 0}, {.index = 3}}));
  EXPECT_EQ(loaded.fleet->services.at(0).pools.at(0).gpus, 1);
  EXPECT_EQ(loaded.fleet->services[0].guardrails.replicas_max, Replicas{2});
  EXPECT_TRUE(loaded.text.contains("NVIDIA H200, 141 GiB"));
}

TEST(FirstConfiguration, a_running_server_is_watched_and_its_keys_stay_out) {
  const auto loaded = load(first_configuration({.prometheus = 9090, .servers = {llama}}));
  ASSERT_TRUE(loaded.fleet);
  const auto& service = loaded.fleet->services.at(0);
  EXPECT_EQ(service.name, "llama-3.1-8b");
  EXPECT_EQ(service.mode, Mode::shadow);
  EXPECT_EQ(service.match.models, (std::vector<std::string>{"meta-llama/Llama-3.1-8B"}));
  EXPECT_EQ(service.pools.at(0).gpus, 2);
  EXPECT_EQ(service.signals.queries.size(), 3U);
  EXPECT_TRUE(service.signals.queries.at(0).query.contains(R"(model_name="meta-llama/Llama-3.1-8B")"));
  for (const auto& query : service.signals.queries)
    EXPECT_EQ(std::ranges::count(query.query, '('), std::ranges::count(query.query, ')')) << query.query;
  const auto& process = std::get<ProcessTargetSpec>(service.pools[0].target);
  EXPECT_EQ(process.command, (std::vector<std::string>{"/usr/bin/python3", "/usr/local/bin/vllm", "serve",
                                                       "meta-llama/Llama-3.1-8B", "--port", "{port}", "-tp", "2"}));
  EXPECT_EQ(process.environment.at("VLLM_API_KEY"), Value{EnvRef{"VLLM_API_KEY"}});
  EXPECT_EQ(process.environment.at("HF_TOKEN"), Value{EnvRef{"HF_TOKEN"}});
  EXPECT_FALSE(loaded.text.contains("hunter"));
}

TEST(FirstConfiguration, servers_of_one_model_are_one_service) {
  auto second = llama;
  second.pid = 42;
  second.command = {"vllm", "serve", "meta-llama/Llama-3.1-8B", "--port=8002", "--max-num-seqs", "64"};
  second.port = 8002;
  const FoundServer other{.pid = 43, .command = {"vllm", "serve", "x/llama-3.1-8b"}, .port = 8000};
  const auto loaded = load(first_configuration({.servers = {llama, second, other}}));
  ASSERT_TRUE(loaded.fleet);
  ASSERT_EQ(loaded.fleet->services.size(), 2U);
  EXPECT_EQ(loaded.fleet->services[0].guardrails.replicas_min, Replicas{2});
  EXPECT_EQ(loaded.fleet->services[1].name, "llama-3.1-8b-2");
}

RC_GTEST_PROP(FirstConfiguration, any_command_line_reads_back_unchanged, ()) {
  const auto word = rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  auto extra = *rc::gen::container<std::vector<std::string>>(word);
  std::erase_if(
      extra, [](const std::string& one) { return one.starts_with("--") || one.contains('{') || one.starts_with("-"); });
  std::vector<std::string> command{"vllm", "serve", "m"};
  command.insert(command.end(), extra.begin(), extra.end());
  const auto text = first_configuration({.servers = {{.pid = 1, .command = command}}});
  const auto loaded = load_configuration(text, "f", {});
  RC_ASSERT(loaded.fleet.has_value());
  command.insert(command.end(), {"--port", "{port}"});
  RC_ASSERT((std::get<ProcessTargetSpec>(loaded.fleet->services.at(0).pools.at(0).target).command == command));
}

}  // namespace
}  // namespace tidegate
