// `compare` and `tune` as a script meets them: statuses, JSON, files.
#include <nlohmann/json.hpp>

#include "tests/commands/program.h"

namespace tidegate {
namespace {

using nlohmann::json;

class Comparing : public ProgramInFolder {
 protected:
  void SetUp() override {
    ProgramInFolder::SetUp();
    write("tidegate.yaml", R"(services:
  - name: chat
    slo: {ttft_p99: 2s}
    replicas: {min: 1, max: 12}
    pools: [{name: h100, startup: 20s, capacity: {slots: 8, service: 4s}}]
)");
    // Ten minutes: a plateau of two replicas, then one of four.
    std::string rates = "t_seconds,requests\n";
    for (int minute = 0; minute < 10; ++minute) rates += fmt::format("{},{}\n", minute * 60, minute < 5 ? 240 : 480);
    write("rates.csv", rates);
  }
};

TEST_F(Comparing, SplicesOneTraceIntoAnother) {
  write("crowd.csv", "t_seconds,requests\n0,1000\n60,1000\n120,1000\n");
  const auto requests = [&](const std::string& options) {
    EXPECT_EQ(
        run("simulate --config tidegate.yaml --trace rates.csv --policy '{static: {replicas: 12}}' -o json " + options),
        0)
        << read("err");
    return json::parse(read("out"))["requests"].get<int>();
  };
  EXPECT_EQ(requests(""), 5 * 240 + 5 * 480);
  EXPECT_EQ(requests("--splice crowd.csv@2m:4m"), 3 * 240 + 5 * 480 + 2 * 1000);
  EXPECT_EQ(requests("--splice crowd.csv@2m"), 2 * 240 + 5 * 480 + 3 * 1000);
  EXPECT_EQ(requests("--splice crowd.csv@2m:3m --splice crowd.csv@9m"), 4 * 240 + 4 * 480 + 4 * 1000);
  EXPECT_EQ(requests("--splice crowd.csv@2m:4m --shift 3m"), 240 + 5 * 480 + 1000);
  EXPECT_EQ(run("simulate --config tidegate.yaml --trace rates.csv --splice crowd.csv@4m:2m"), 78) << read("err");
  EXPECT_EQ(run("simulate --config tidegate.yaml --trace rates.csv --splice crowd.csv@4m --splice crowd.csv@5m"), 1);
}

TEST_F(Comparing, SimulatesAFleetUnderItsBudget) {
  const std::string services = R"(services:
  - {name: chat, slo: {ttft_p99: 2s}, replicas: {min: 1, max: 12}, pools: [{name: a, price: $2/h, gpus: 1, startup: 20s, capacity: {slots: 8, service: 4s}}]}
  - {name: code, slo: {ttft_p99: 2s}, replicas: {min: 1, max: 12}, pools: [{name: b, price: $3/h, gpus: 1, startup: 20s, capacity: {slots: 8, service: 4s}}]}
)";
  write("free.yaml", services);
  write("bound.yaml", services + "budget: {gpus_max: 9}\n");
  const auto play = [&](const std::string& config) {
    EXPECT_EQ(run("simulate --config " + config + " --trace chat=rates.csv --trace code=rates.csv -o json"), 0)
        << read("err");
    return json::parse(read("out"));
  };
  const auto free = play("free.yaml"), bound = play("bound.yaml");
  ASSERT_EQ(bound["services"].size(), 2U);
  EXPECT_EQ(free["budget_capped_seconds"], 0);
  EXPECT_GT(bound["services"][1]["budget_capped_seconds"], 60);
  EXPECT_LT(bound["gpu_hours"], free["gpu_hours"]);
  EXPECT_LT(bound["services"][1]["slo_attainment"], bound["services"][0]["slo_attainment"]);
  ASSERT_EQ(run("simulate --config bound.yaml --trace chat=rates.csv --trace code=rates.csv"), 0);
  EXPECT_NE(read("out").find("budget-capped"), std::string::npos);
}

TEST_F(Comparing, SetsPoliciesBesideTheBounds) {
  ASSERT_EQ(run("compare --config tidegate.yaml --warm-up 1m --trace rates.csv --policies 'slo,{static: {replicas: "
                "6}}' --report page.html -o json"),
            0)
      << read("err");
  const auto answer = json::parse(read("out"));
  ASSERT_EQ(answer["runs"].size(), 2U);
  EXPECT_EQ(answer["runs"][0]["policy"], "slo");
  EXPECT_FALSE(answer["runs"][0].contains("knobs"));
  const auto& fixed = answer["runs"][1];
  EXPECT_GT(fixed["slo_attainment"].get<double>(), 0.99);
  // The first minute is not scored.
  EXPECT_NEAR(fixed["requests"].get<double>(), 3360, 1);
  EXPECT_NEAR(fixed["replica_hours"].get<double>(), 0.9, 0.02);
  EXPECT_GT(fixed["relative_to_clairvoyant"].get<double>(), 1.3);
  EXPECT_TRUE(answer["clairvoyant"]["meets_attainment"].get<bool>());
  EXPECT_GE(answer["rate_oracle"]["slo_attainment"].get<double>(), 0.99);
  EXPECT_EQ(answer["frontier"].size(), 2U);
  const auto page = read("page.html");
  EXPECT_NE(page.find("</svg>"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);
}

TEST_F(Comparing, TheSameAgainIsTheSame) {
  const std::string same =
      "compare --config tidegate.yaml --warm-up 1m --trace rates.csv --policies static --sweep --no-bounds --seeds 2 "
      "-o json --jobs ";
  ASSERT_EQ(run(same + "1"), 0) << read("err");
  auto once = json::parse(read("out"));
  ASSERT_EQ(run(same + "3"), 0);
  auto again = json::parse(read("out"));
  EXPECT_TRUE(once["clairvoyant"].is_null());
  EXPECT_GT(once["runs"].size(), 6U);
  for (auto* each : {&once, &again})
    for (auto& one : (*each)["runs"]) one.erase("wall_seconds");
  EXPECT_EQ(once, again);
}

TEST_F(Comparing, EveryPointOfTheTablesCanBePlayed) {
  ASSERT_EQ(run("compare --config tidegate.yaml --warm-up 1m --trace rates.csv --duration 2m --no-bounds --sweep -o "
                "json --policies "
                "slo,target,hpa,keda,knative,ray_serve,aws_target_tracking,dynamo,wva,aibrix,static"),
            0)
      << read("err");
  EXPECT_GT(json::parse(read("out"))["runs"].size(), 100U);
}

TEST_F(Comparing, RequireSaysThatNoSettingHeldTheSlo) {
  EXPECT_EQ(run("compare --config tidegate.yaml --warm-up 1m --trace rates.csv --policies '{static: {replicas: 2}}' "
                "--no-bounds --require"),
            99);
  EXPECT_NE(read("out").find("REPLICA-HOURS"), std::string::npos);
  EXPECT_EQ(run("compare --config tidegate.yaml --warm-up 1m --trace rates.csv --policies static --sweep --no-bounds "
                "--require"),
            0);
}

TEST_F(Comparing, SaysWhatCannotBePlayed) {
  EXPECT_EQ(run("compare --config tidegate.yaml --warm-up 1m --trace rates.csv --policies slo,nobody"), 2);
  EXPECT_NE(read("err").find("there is no policy `nobody` to play"), std::string::npos) << read("err");
  EXPECT_EQ(run("compare --config tidegate.yaml --warm-up 1m --trace rates.csv --policies '{hpa: {target: x}}'"), 2);
  EXPECT_EQ(run("compare --trace missing.csv"), 5);
  EXPECT_EQ(run("compare --config tidegate.yaml --warm-up 1m --trace rates.csv --seeds 0"), 2);
  EXPECT_EQ(run("compare --policies slo"), 2);
  EXPECT_NE(read("err").find("--trace FILE or --generate SPEC"), std::string::npos) << read("err");
}

TEST_F(Comparing, TuneFindsTheCheapestAndPrintsTheChange) {
  ASSERT_EQ(run("tune --config tidegate.yaml --warm-up 1m --trace rates.csv --policy static --points 20 -o json"), 0)
      << read("err");
  const auto answer = json::parse(read("out"));
  EXPECT_TRUE(answer["met"].get<bool>());
  // Four replicas carry the second plateau; four or five with the noise.
  const auto replicas = std::stoi(answer["best"]["knobs"]["replicas"].get<std::string>());
  EXPECT_GE(replicas, 4);
  EXPECT_LE(replicas, 5);
  EXPECT_EQ(answer["change"], fmt::format("policy: {{static: {{replicas: {}}}}}", replicas));
  EXPECT_LE(answer["runs"].size(), 20U);
  EXPECT_EQ(run("tune --config tidegate.yaml --warm-up 1m --trace rates.csv --policy slo"), 2);
  EXPECT_NE(read("err").find("has no knob to turn"), std::string::npos);
}

}  // namespace
}  // namespace tidegate
