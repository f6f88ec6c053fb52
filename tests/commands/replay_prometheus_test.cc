// `replay --prometheus` against the real Prometheus server, with two days of an HPA and a vLLM Deployment in it.
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>

#include "edge/sources/testing/await.h"
#include "edge/sources/testing/prometheus_server.h"
#include "tests/commands/program.h"

namespace tidegate {
namespace {

using nlohmann::json;

constexpr const char* tool_binary = "/usr/bin/promtool";
constexpr int sample_period = 30;  // seconds

// Series as OpenMetrics text wants them: every sample of one name together, oldest first.
class OpenMetrics {
 public:
  void add(const std::string& name, const std::string& labels, double value, std::int64_t at) {
    by_name_[name][labels] += fmt::format("{}{{{}}} {:.6g} {}\n", name, labels, value, at);
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& [name, series] : by_name_)
      for (const auto& [labels, lines] : series) all += lines;
    return all + "# EOF\n";
  }

 private:
  std::map<std::string, std::map<std::string, std::string>> by_name_;
};

class ReplayOfPrometheus : public ProgramInFolder {
 protected:
  void SetUp() override {
    if (!PrometheusServer::is_installed() || access(tool_binary, X_OK) != 0)
      GTEST_SKIP() << PrometheusServer::binary << " is missing; install the package prometheus";
    ProgramInFolder::SetUp();
    const std::int64_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    write("past.om", past(now - now % sample_period, 2 * 86'400));
    ASSERT_EQ(std::system(fmt::format("cd '{}' && {} tsdb create-blocks-from openmetrics past.om data >made 2>&1",
                                      folder_.string(), tool_binary)
                              .c_str()),
              0)
        << read("made");
    write("prometheus.yml", "global: {}\n");
    server_.emplace(folder_);
    url_ = server_->url();
    // Ready once it answers with what it has.
    ASSERT_TRUE(await([&] {
      return run("replay --since 15m --no-bounds --against deployment/prod/nobody --prometheus " + url_) == 5;
    })) << "Prometheus does not answer: "
        << read("err") << read("log");
  }
  void TearDown() override {
    server_.reset();
    if (!folder_.empty()) ProgramInFolder::TearDown();
  }

  // A Deployment chat-vllm that an HPA sizes for 6 requests in service a pod, of 8 that it takes: a daily wave, a cold
  // start of 90 s, 3 s in service; kube-state-metrics behind a Prometheus that renames its namespace.
  static std::string past(std::int64_t now, std::int64_t length) {
    OpenMetrics past;
    const std::string hpa = R"(namespace="monitoring",exported_namespace="prod",horizontalpodautoscaler="chat")";
    const std::string pod = R"(namespace="prod",pod="chat-vllm-5d4f9-x2k8p")";
    double ended = 0, size = 3;
    std::int64_t grown = 0;
    for (std::int64_t at = now - length; at <= now; at += sample_period) {
      const double rate = 4 + 3 * std::sin(2 * std::numbers::pi * static_cast<double>(at) / 86'400);
      ended += rate * sample_period;
      const double wanted = std::ceil(rate * 3 / 6);
      const double before = size;
      if (wanted > size) size = wanted, grown = at;
      if (wanted < size && at % 300 == 0) size -= 1;
      const double ready = at < grown + 90 && grown > 0 ? std::min(before, size - 1) : size;
      past.add("kube_horizontalpodautoscaler_status_current_replicas", hpa, size, at);
      past.add("kube_horizontalpodautoscaler_spec_min_replicas", hpa, 2, at);
      past.add("kube_horizontalpodautoscaler_spec_max_replicas", hpa, 9, at);
      past.add("kube_horizontalpodautoscaler_info",
               hpa + R"(,scaletargetref_kind="Deployment",scaletargetref_name="chat-vllm")", 1, at);
      past.add("kube_horizontalpodautoscaler_spec_target_metric",
               hpa + R"(,metric_name="vllm_num_requests_running",metric_target_type="average")", 6, at);
      past.add("kube_deployment_status_replicas_ready", R"(namespace="prod",deployment="chat-vllm")", ready, at);
      past.add("vllm:request_success_total", pod, std::round(ended), at);
      past.add("vllm:num_requests_running", pod, rate * 3, at);
      for (const auto& [edge, share] : {std::pair{"1.0", 0.9}, {"2.5", 0.99}, {"+Inf", 1.0}})
        past.add("vllm:time_to_first_token_seconds_bucket", fmt::format("{},le=\"{}\"", pod, edge), ended * share, at);
      // One that scales by a thing no simulated fleet has, and a Deployment without any server's metrics.
      const std::string web = R"(namespace="prod",horizontalpodautoscaler="web")";
      past.add("kube_horizontalpodautoscaler_status_current_replicas", web, 4, at);
      past.add("kube_horizontalpodautoscaler_spec_max_replicas", web, 4, at);
      past.add("kube_horizontalpodautoscaler_spec_target_metric",
               web + R"(,metric_name="cpu",metric_target_type="utilization")", 70, at);
    }
    return past.text();
  }

  std::string url_;
  std::optional<PrometheusServer> server_;
};

TEST_F(ReplayOfPrometheus, SaysWhatAnotherPolicyWouldHaveDone) {
  ASSERT_EQ(run("replay --since 47h --warm-up 23h --no-bounds --tick 5s --against hpa/prod/chat --prometheus " + url_ +
                " --report page.html -o json"),
            0)
      << read("err");
  const auto answer = json::parse(read("out"));
  ASSERT_EQ(answer["runs"].size(), 3U);
  EXPECT_EQ(answer["runs"][0]["policy"], "recorded");
  EXPECT_EQ(answer["runs"][1]["policy"], "hpa/prod/chat");
  EXPECT_EQ(answer["runs"][2]["policy"], "slo");
  const auto& recorded = answer["recorded"];
  // A whole day: 4 requests a second, ceil(rate / 2) replicas and what was not yet lowered.
  for (const auto& run : answer["runs"]) EXPECT_NEAR(run["requests"].get<double>(), 4 * 86'400, 3'000) << run;
  EXPECT_NEAR(answer["runs"][0]["replica_hours"].get<double>(), recorded["replica_hours"].get<double>(), 0.5);
  EXPECT_GT(recorded["replica_hours"].get<double>(), 54);
  EXPECT_LT(recorded["replica_hours"].get<double>(), 64);
  // 2 s lie two thirds into the bucket from 1 s to 2.5 s.
  EXPECT_NEAR(recorded["slo_attainment"].get<double>(), 0.96, 0.001);
  // The rule that made these sizes, but now it sees requests come by chance and keeps the peaks of five minutes.
  const double rival_hours = answer["runs"][1]["replica_hours"].get<double>();
  EXPECT_GT(rival_hours, recorded["replica_hours"].get<double>());
  EXPECT_LT(rival_hours, 1.6 * recorded["replica_hours"].get<double>());
  EXPECT_GE(answer["runs"][2]["slo_attainment"].get<double>(), 0.99);
  EXPECT_NE(read("page.html").find("hpa/prod/chat"), std::string::npos);
  const auto talk = read("err");
  EXPECT_NE(talk.find("requests as vLLM counted them"), std::string::npos) << talk;
  EXPECT_NE(talk.find("{hpa: {signal: in_flight, type: pods_average, target_average: 6}}"), std::string::npos) << talk;
  EXPECT_NE(talk.find("3s each (as recorded)"), std::string::npos) << talk;
  EXPECT_EQ(talk.find("assumed"), std::string::npos) << "all of a replica is told by the metrics: " << talk;
}

TEST_F(ReplayOfPrometheus, TellsWhatItMisses) {
  const auto expect = [&](const std::string& arguments, int status, const std::string& message) {
    EXPECT_EQ(run("replay --no-bounds --tick 5s --prometheus " + url_ + " " + arguments), status)
        << arguments << ": " << read("err");
    EXPECT_NE(read("err").find(message), std::string::npos) << arguments << ": " << read("err");
  };
  expect("--since 2h --against hpa/prod/chta", 5, "it knows prod/chat, prod/web");
  expect("--since 2h --against keda/prod/chat", 5, "no HorizontalPodAutoscaler prod/keda-hpa-chat");
  expect("--since 9d --until 5d --against hpa/prod/chat", 5, "does not keep data so far back");
  expect("--since 2h --against hpa/prod/web", 5, "name the query that gives requests per second");
  expect("--since 2h --against hpa/prod/chat --traffic 'sum(rate(no_such_total[2m]))'", 5, "has no requests");
  expect("--since 2h --against hpa/prod/chat --traffic 'sum('", 2, "Prometheus says bad_data");
  expect("--since 2h --against deployment/prod/chat-vllm", 5, "--sizes QUERY");
  // With a query of one's own it goes on, also where the autoscaler's metric is none of the simulated fleet's.
  expect("--since 2h --against hpa/prod/web --traffic 'sum(rate(vllm:request_success_total[2m]))'", 0,
         "scales by cpu, which the simulated fleet does not have");
  expect(
      "--since 2h --replica slots=8,service=3s --cold-start 90s --traffic 'rate(vllm:request_success_total[2m])' "
      "--sizes 'kube_deployment_status_replicas_ready' --attained 'vector(0.97)'",
      0, "8 requests at once (as given)");
  EXPECT_NE(read("out").find("97.000 % within the SLO as it was measured"), std::string::npos) << read("out");
}

}  // namespace
}  // namespace tidegate
