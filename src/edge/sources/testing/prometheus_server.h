// The real Prometheus server (Debian's package) on a port of its own, for tests that ask it. It does not outlive the
// test.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace tidegate {

class PrometheusServer {
 public:
  static constexpr const char* binary = "/usr/bin/prometheus";

  [[nodiscard]] static bool is_installed();

  // In a folder with its prometheus.yml: what is in `data` there it knows, what it says is in `log`.
  explicit PrometheusServer(const std::filesystem::path& folder);
  ~PrometheusServer() { stop(); }
  PrometheusServer(const PrometheusServer&) = delete;
  PrometheusServer& operator=(const PrometheusServer&) = delete;

  void stop();
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  std::string url_;
  pid_t pid_ = -1;
};

}  // namespace tidegate
