#include "edge/sources/testing/prometheus_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidegate {
namespace {

std::uint16_t any_free_port() {
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

}  // namespace

bool PrometheusServer::is_installed() { return access(binary, X_OK) == 0; }

PrometheusServer::PrometheusServer(const std::filesystem::path& folder)
    : url_(fmt::format("http://127.0.0.1:{}", any_free_port())) {
  const std::string config = "--config.file=" + (folder / "prometheus.yml").string();
  const std::string storage = "--storage.tsdb.path=" + (folder / "data").string();
  const std::string listen = "--web.listen-address=" + url_.substr(std::string_view{"http://"}.size());
  const std::string log = (folder / "log").string();
  pid_ = fork();
  EXPECT_GE(pid_, 0);
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // it does not outlive a crashed test
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(fd, 1);
  dup2(fd, 2);
  execl(binary, binary, config.c_str(), storage.c_str(), listen.c_str(), nullptr);
  _exit(127);
}

void PrometheusServer::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace tidegate
