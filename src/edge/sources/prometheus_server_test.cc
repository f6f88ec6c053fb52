// Against the real Prometheus server: it scrapes an exporter of ours every second, we ask it.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "edge/machine/system_clock.h"
#include "edge/net/testing/fake_http_server.h"
#include "edge/sources/prometheus_source.h"
#include "edge/sources/testing/await.h"
#include "edge/sources/testing/vllm_page.h"

namespace tidegate {
namespace {

constexpr const char* binary = "/usr/bin/prometheus";

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  close(fd);
  return ntohs(address.sin_port);
}

class RealPrometheus : public testing::Test {
 protected:
  void SetUp() override {
    if (access(binary, X_OK) != 0) GTEST_SKIP() << binary << " is missing; install the package prometheus";
    std::string folder = (std::filesystem::temp_directory_path() / "tidegate_prometheus_XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    std::ofstream{folder_ / "prometheus.yml"} << fmt::format(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n"
        "scrape_configs:\n"
        "  - job_name: replicas\n"
        "    static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
        exporter_.port());
    port_ = free_port();
    start();
  }
  void TearDown() override {
    stop();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void start() {
    const std::string config = "--config.file=" + (folder_ / "prometheus.yml").string();
    const std::string storage = "--storage.tsdb.path=" + (folder_ / "data").string();
    const std::string listen = fmt::format("--web.listen-address=127.0.0.1:{}", port_);
    const std::string log = (folder_ / "log").string();
    pid_ = fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // it does not outlive a crashed test
      const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(fd, 1);
      dup2(fd, 2);
      execl(binary, binary, config.c_str(), storage.c_str(), listen.c_str(), nullptr);
      _exit(127);
    }
  }
  void stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  QuerySpec query(Signal signal, const std::string& text) const {
    return {.signal = signal,
            .query = text,
            .server = {.url = fmt::format("http://127.0.0.1:{}", port_), .period = 500ms, .timeout = 2s}};
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
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  SystemClock clock_;
};

TEST_F(RealPrometheus, NumbersAbsenceErrorsAndItsDeathStayApart) {
  PrometheusSource source{{{.service = "chat", .query = query(Signal::in_flight, "sum(vllm:num_requests_running)")},
                           {.service = "chat",
                            .origin = Origin::traffic,
                            .query = query(Signal::arrivals, "sum(rate(vllm:request_success_total[5s]))")},
                           {.service = "chat", .query = query(Signal::queued, "sum(no_such_metric)")},
                           {.service = "chat", .query = query(Signal::kv_usage, "0/0")},
                           {.service = "chat", .query = query(Signal::completions, "sum(")},
                           {.service = "chat", .query = query(Signal::output_tokens, "up[1m]")}},
                          clock_};
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
  stop();
  ASSERT_TRUE(await([&] { return of(Signal::in_flight).quality == Quality::error; }));
}

}  // namespace
}  // namespace tidegate
