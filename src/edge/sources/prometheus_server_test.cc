// Against the real Prometheus server: it scrapes an exporter of ours every second, we ask it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>

#include "edge/machine/system_clock.h"
#include "edge/net/testing/fake_http_server.h"
#include "edge/sources/prometheus_source.h"
#include "edge/sources/testing/await.h"
#include "edge/sources/testing/prometheus_server.h"
#include "edge/sources/testing/vllm_page.h"

namespace tidegate {
namespace {

class RealPrometheus : public testing::Test {
 protected:
  void SetUp() override {
    if (!PrometheusServer::is_installed())
      GTEST_SKIP() << PrometheusServer::binary << " is missing; install the package prometheus";
    std::string folder = (std::filesystem::temp_directory_path() / "tidegate_prometheus_XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    std::ofstream{folder_ / "prometheus.yml"} << fmt::format(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n"
        "scrape_configs:\n"
        "  - job_name: replicas\n"
        "    static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
        exporter_.port());
    server_.emplace(folder_);
  }
  void TearDown() override {
    server_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  QuerySpec query(Signal signal, const std::string& text) const {
    return {.signal = signal, .query = text, .server = {.url = server_->url(), .period = 500ms, .timeout = 2s}};
  }

  std::atomic<bool> gone_ = false;
  std::atomic<double> running_ = 6;
  std::atomic<int> pages_ = 0;
  FakeHttpServer exporter_{[this](const std::string&) {
    if (gone_) return http_answer(200, "# nothing left\n");
    return http_answer(200, vllm_page({.running = running_, .finished = 1000.0 + 20 * ++pages_}),
                       "Content-Type: text/plain; version=0.0.4\r\n");
  }};
  std::filesystem::path folder_;
  std::optional<PrometheusServer> server_;
  SystemClock clock_;
};

TEST_F(RealPrometheus, NumbersAbsenceErrorsAndItsDeathStayApart) {
  ServiceSpec chat{.name = "chat"};
  chat.signals.queries = {query(Signal::in_flight, "sum(vllm:num_requests_running)"),
                          query(Signal::queued, "sum(no_such_metric)"), query(Signal::kv_usage, "0/0"),
                          query(Signal::completions, "sum("), query(Signal::output_tokens, "up[1m]")};
  const auto arrivals = query(Signal::arrivals, "sum(rate(vllm:request_success_total[5s]))");
  chat.signals.traffic = TrafficSpec{.server = arrivals.server, .arrivals = arrivals.query};
  PrometheusSource source{clock_};
  ASSERT_TRUE(source.configure({chat}));
  const auto of = [&](Signal signal) {
    for (Sample& sample : source.latest())
      if (sample.signal == signal) return sample;
    return Sample{};
  };
  const auto number = [&](Signal signal) {
    const Sample sample = of(signal);
    const auto* gauge = std::get_if<Gauge>(&sample.value);
    return sample.quality == Quality::fresh && gauge != nullptr ? gauge->value : -1;
  };
  ASSERT_TRUE(await([&] { return number(Signal::in_flight) == 6; })) << of(Signal::in_flight).cause;
  ASSERT_TRUE(await([&] { return number(Signal::arrivals) > 15 && number(Signal::arrivals) < 25; }))
      << "20 requests a second, it says " << number(Signal::arrivals);
  ASSERT_TRUE(await([&] { return of(Signal::output_tokens).cause.contains("matrix"); }));
  EXPECT_EQ(of(Signal::queued).quality, Quality::absent);
  EXPECT_EQ(of(Signal::kv_usage).quality, Quality::nan);
  EXPECT_EQ(of(Signal::completions).quality, Quality::error);
  EXPECT_TRUE(of(Signal::completions).cause.starts_with("Prometheus says bad_data: ")) << of(Signal::completions).cause;
  running_ = 9;
  ASSERT_TRUE(await([&] { return number(Signal::in_flight) == 9; }));
  gone_ = true;
  ASSERT_TRUE(await([&] { return of(Signal::in_flight).quality == Quality::absent; })) << "its series have ended";
  server_->stop();
  ASSERT_TRUE(await([&] { return of(Signal::in_flight).quality == Quality::error; }));
}

}  // namespace
}  // namespace tidegate
