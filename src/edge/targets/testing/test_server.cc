// A model server in miniature for the tests. Arguments, any of:
//   --port N --loading MS (answers 503 so long) --listen-after MS --model NAME --exit STATUS (at once)
//   --ignore-term --say TEXT
// GET /health and /v1/models; ends on SIGTERM with status 0.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

namespace {

struct Settings {
  int port = 0;
  long loading = 0, listen_after = 0;
  std::string model = "m";
  bool ignore_term = false;
};

void serve(const Settings& settings, std::chrono::steady_clock::time_point begun) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(settings.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 16) != 0) {
    std::perror("cannot listen");
    std::exit(3);
  }
  while (true) {
    const int client = ::accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    pollfd ready{client, POLLIN, 0};
    char request[4096] = {};
    if (::poll(&ready, 1, 1000) == 1 && ::read(client, request, sizeof request - 1) > 0) {
      const bool loaded = std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds(settings.loading);
      const bool models = std::string_view(request).starts_with("GET /v1/models ");
      const std::string body = models ? R"({"object":"list","data":[{"id":")" + settings.model + R"("}]})" : "loaded";
      std::string answer = loaded ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 503 Service Unavailable\r\n";
      answer += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      if (::write(client, answer.data(), answer.size()) < 0) std::perror("write");
    }
    ::close(client);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto begun = std::chrono::steady_clock::now();
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--port") settings.port = std::atoi(value);
    if (name == "--loading") settings.loading = std::atol(value);
    if (name == "--listen-after") settings.listen_after = std::atol(value);
    if (name == "--model") settings.model = value;
    if (name == "--say") std::puts(value);
    if (name == "--show") std::printf("%s=%s\n", value, std::getenv(value) == nullptr ? "" : std::getenv(value));
    if (name == "--exit") return std::atoi(value);
    if (name == "--ignore-term") settings.ignore_term = true;
  }
  std::fflush(stdout);
  if (settings.ignore_term) std::signal(SIGTERM, SIG_IGN);
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.listen_after));
  serve(settings, begun);
}
