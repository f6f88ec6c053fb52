// What the gateway benchmark measures with: a replica, clients and a controller, each a mode of this program.
//
//   gateway_traffic upstream                       prints its port; serves until stdin closes
//       /            a small answer        /sse/N/MS   N events, one each MS milliseconds, chunked
//       /wait/MS     an answer after MS
//   gateway_traffic closed PORT CONNECTIONS SECONDS PATH [post]      as fast as answers come
//   gateway_traffic open PORT CONNECTIONS SECONDS PATH RATE   Poisson arrivals, timed from when they were due
//   gateway_traffic idle PORT CONNECTIONS          one request each, then waits until stdin closes
//   gateway_traffic push SOCKET SLOTS PORT...      holds the link with one service "bench" at path /
// The modes with clients print one JSON object.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/prng.h"
#include "edge/gateway/remote_link.h"
#include "edge/machine/system_clock.h"

namespace tidegate {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
SteadyTime now() { return std::chrono::steady_clock::now(); }

int fail_with(std::string_view what) {
  fmt::print(stderr, "gateway_traffic: {}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void watch(int epoll, int fd, std::uint64_t id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail_with("epoll_ctl");
}

int open_client(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail_with("connect");
  no_delay(fd);
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()) && errno != EPIPE &&
      errno != ECONNRESET)
    fail_with("send");
}

constexpr std::uint64_t listener_id = ~0ULL;
constexpr std::uint64_t stdin_id = ~0ULL - 1;

// The replica.
class Upstream {
 public:
  void run() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (::bind(listen_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail_with("bind");
    ::listen(listen_, 4096);
    socklen_t length = sizeof address;
    ::getsockname(listen_, reinterpret_cast<sockaddr*>(&address), &length);
    fmt::print("{}\n", ntohs(address.sin_port));
    std::fflush(stdout);
    watch(epoll_, listen_, listener_id);
    watch(epoll_, 0, stdin_id);
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = wait(events);
      for (int i = 0; i < count; ++i) {
        const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
        if (id == stdin_id) return;
        if (id == listener_id)
          accept();
        else
          read(static_cast<std::size_t>(id));
      }
      fire();
    }
  }

 private:
  struct Client {
    int fd = -1;
    std::string in;
    int events_left = 0;
    std::chrono::milliseconds gap{};
    std::uint64_t generation = 0;
  };
  struct Due {
    SteadyTime at;
    std::size_t client;
    std::uint64_t generation;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  // Sleeps until 300 us before an answer of /wait is due and spins from there: a core that wakes from sleep is late by
  // up to 200 us, and that would be most of what queueing may cost.
  int wait(std::span<epoll_event> events) const {
    if (due_.empty()) return ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    const std::int64_t spin = clients_[due_.top().client].events_left == 0 ? 300'000 : 0;
    const auto left = std::max<std::int64_t>(std::chrono::nanoseconds(due_.top().at - now()).count() - spin, 0);
    const timespec limit{left / 1'000'000'000, left % 1'000'000'000};
    return ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
  }

  void accept() {
    while (true) {
      const int fd = ::accept4(listen_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      no_delay(fd);
      const auto id = static_cast<std::size_t>(fd);
      if (clients_.size() <= id) clients_.resize(id + 1);
      clients_[id] = {fd, {}, 0, {}, ++generations_};
      watch(epoll_, fd, id);
    }
  }

  void read(std::size_t id) {
    Client& client = clients_[id];
    char bytes[16384];
    const auto got = ::recv(client.fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
      if (got < 0 && errno == EAGAIN) return;
      ::close(client.fd);
      client.fd = -1;
      client.generation = ++generations_;
      return;
    }
    client.in.append(bytes, static_cast<std::size_t>(got));
    const std::size_t end = client.in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    std::size_t body = 0;
    if (const auto at = client.in.find("Content-Length: "); at < end)
      body = std::strtoul(&client.in[at + 16], nullptr, 10);
    if (client.in.size() < end + 4 + body) return;
    int first = 0, second = 0;
    const std::size_t path = client.in.find(' ') + 1;
    if (std::sscanf(&client.in[path], "/sse/%d/%d", &first, &second) == 2) {
      send_all(client.fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      client.events_left = first;
      client.gap = std::chrono::milliseconds(second);
      due_.push({now() + client.gap, id, client.generation});
    } else if (std::sscanf(&client.in[path], "/wait/%d", &first) == 1) {
      client.events_left = 0;
      due_.push({now() + std::chrono::milliseconds(first), id, client.generation});
    } else {
      send_all(client.fd, answer);
    }
    client.in.erase(0, end + 4 + body);
  }

  void fire() {
    const SteadyTime time = now();
    while (!due_.empty() && due_.top().at <= time) {
      const Due due = due_.top();
      due_.pop();
      Client& client = clients_[due.client];
      if (client.generation != due.generation) continue;
      if (client.events_left == 0) {
        send_all(client.fd, answer);
        continue;
      }
      send_all(client.fd, event);
      if (--client.events_left > 0)
        due_.push({due.at + client.gap, due.client, due.generation});
      else
        send_all(client.fd, "0\r\n\r\n");
    }
  }

  static constexpr std::string_view answer =
      "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
      "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
  // About as long as vLLM's chunks are.
  static constexpr std::string_view payload =
      "data: {\"id\":\"cmpl-0123456789\",\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\" "
      "token\"}]}\n\n";
  const std::string event = fmt::format("{:x}\r\n{}\r\n", payload.size(), payload);
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  int listen_ = -1;
  std::uint64_t generations_ = 0;
  std::vector<Client> clients_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

struct Asked {
  int port = 0;
  std::size_t connections = 1;
  double seconds = 1;
  std::string path = "/";
  double rate = 0;  // 0: closed loop
  bool post = false;
};

class Clients {
 public:
  explicit Clients(Asked asked) : asked_(std::move(asked)) {
    if (asked_.post) {
      const std::string body =
          R"({"model":"bench","messages":[{"role":"user","content":"What is the tide?"}],"stream":false})";
      request_ = fmt::format(
          "POST {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
          asked_.path, body.size(), body);
    } else {
      request_ = fmt::format("GET {} HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\nUser-Agent: gateway_traffic\r\n\r\n",
                             asked_.path);
    }
  }

  void run() {
    for (std::size_t i = 0; i < asked_.connections; ++i) {
      clients_.push_back({open_client(asked_.port)});
      watch(epoll_, clients_.back().fd, i);
      free_.push_back(i);
    }
    const SteadyTime start = now();
    const SteadyTime end =
        start + std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(asked_.seconds));
    next_ = start;
    if (asked_.rate == 0)
      while (!free_.empty()) begin(start);
    std::array<epoll_event, 256> events;
    while (now() < end) {
      pump();
      // Spinning would take the core away from the replica that shares it.
      const auto left = std::chrono::nanoseconds((asked_.rate > 0 ? std::min(next_, end) : end) - now()).count();
      const timespec limit{0, std::clamp<std::int64_t>(left, 0, 100'000'000)};
      const int count = ::epoll_pwait2(epoll_, events.data(), events.size(), &limit, nullptr);
      for (int i = 0; i < count; ++i) read(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64));
    }
    report(std::chrono::duration<double>(now() - start).count());
  }

 private:
  struct Client {
    int fd = -1;
    SteadyTime due{};
    std::string head;
    bool in_body = false;
    bool chunked = false;
    std::size_t left = 0;
    SteadyTime first_end{};
    SteadyTime last_end{};
    std::size_t ends = 0;
    std::size_t matched = 0;  // of the last chunk's "\r\n0\r\n\r\n"
  };

  void begin(SteadyTime due) {
    const std::size_t id = free_.front();
    free_.pop_front();
    Client& client = clients_[id];
    client.due = due;
    client.in_body = false;
    client.head.clear();
    send_all(client.fd, request_);
  }

  // Open loop: everything due by now starts, as connections are free; the rest waits and its time counts.
  void pump() {
    if (asked_.rate == 0) return;
    const SteadyTime time = now();
    while (next_ <= time) {
      waiting_.push_back(next_);
      next_ += std::chrono::duration_cast<SteadyTime::duration>(
          std::chrono::duration<double>(prng_.exponential(1 / asked_.rate)));
    }
    while (!waiting_.empty() && !free_.empty()) {
      const SteadyTime due = waiting_.front();
      waiting_.pop_front();
      begin(due);
    }
  }

  void read(std::size_t id) {
    Client& client = clients_[id];
    char bytes[65536];
    const auto got = ::recv(client.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) fail_with("a connection was closed");
    std::string_view rest(bytes, static_cast<std::size_t>(got));
    if (!client.in_body) {
      client.head.append(rest);
      const std::size_t end = client.head.find("\r\n\r\n");
      if (end == std::string::npos) return;
      if (!client.head.starts_with("HTTP/1.1 200")) {
        fmt::print(stderr, "gateway_traffic: {}\n", client.head);
        std::exit(1);
      }
      client.in_body = true;
      const std::size_t length = client.head.find("Content-Length: ");
      client.chunked = length > end;
      client.left = client.chunked ? 0 : std::strtoul(&client.head[length + 16], nullptr, 10);
      client.matched = 2;
      body_ = client.head.substr(end + 4);
      rest = body_;
    }
    if (client.chunked ? ends_chunked(client, rest) : (client.left -= std::min(client.left, rest.size())) == 0)
      ended(id);
  }

  bool ends_chunked(Client& client, std::string_view rest) {
    static constexpr std::string_view last = "\r\n0\r\n\r\n";
    for (const char c : rest) {
      if (c == '\n' && previous_ == '\n') ++events_;
      previous_ = c;
      client.matched = c == last[client.matched] ? client.matched + 1 : (c == '\r' ? 1 : 0);
      if (client.matched == last.size()) return true;
    }
    return false;
  }

  void ended(std::size_t id) {
    Client& client = clients_[id];
    client.last_end = now();
    if (client.ends++ == 0) client.first_end = client.last_end;
    latencies_.push_back(std::chrono::duration<double>(client.last_end - client.due).count());
    free_.push_back(id);
    if (asked_.rate == 0) begin(now());
  }

  // Requests a second between each connection's first and last answer: what was under way at either end of the
  // run is in no count.
  double steady_rate() const {
    double rate = 0;
    for (const Client& client : clients_)
      if (client.ends > 1)
        rate += static_cast<double>(client.ends - 1) /
                std::chrono::duration<double>(client.last_end - client.first_end).count();
    return rate;
  }

  void report(double took) {
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double q) {
      return latencies_.empty()
                 ? 0.0
                 : latencies_[std::min(static_cast<std::size_t>(q * static_cast<double>(latencies_.size())),
                                       latencies_.size() - 1)];
    };
    fmt::print(
        R"({{"requests": {}, "seconds": {:.4f}, "events": {}, "rate": {:.3f}, "p50": {:.7f}, "p90": {:.7f}, "p99": {:.7f}}})"
        "\n",
        latencies_.size(), took, events_, steady_rate(), at(0.5), at(0.9), at(0.99));
  }

  const Asked asked_;
  std::string request_;
  std::string body_;
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Client> clients_;
  std::deque<std::size_t> free_;
  std::deque<SteadyTime> waiting_;
  std::vector<double> latencies_;
  std::uint64_t events_ = 0;
  char previous_ = 0;
  SteadyTime next_{};
  Prng prng_{7};
};

void wait_for_stdin() {
  char byte = 0;
  while (::read(0, &byte, 1) > 0) {
  }
}

void idle(int port, int connections) {
  for (int i = 0; i < connections; ++i) {
    const int fd = open_client(port);
    send_all(fd, "GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
    char bytes[4096];
    if (::recv(fd, bytes, sizeof bytes, 0) <= 0) fail_with("no answer");
  }
  fmt::print("ready\n");
  std::fflush(stdout);
  wait_for_stdin();
}

void push(const std::string& socket, int slots, const std::vector<int>& ports) {
  const SystemClock clock;
  RemoteLink link(socket, clock);
  Route route;
  route.service = "bench";
  route.match.path = "/";
  route.hold.max_age = 60s;
  for (std::size_t i = 0; i < ports.size(); ++i)
    route.endpoints.push_back({.replica = fmt::format("r{}", i),
                               .pool = "p",
                               .host = "127.0.0.1",
                               .port = static_cast<std::uint16_t>(ports[i]),
                               .slots = slots});
  link.push({.version = 1, .routes = {route}});
  while (!link.latest().connected) ::usleep(1000);
  fmt::print("ready\n");
  std::fflush(stdout);
  wait_for_stdin();
}

int run(const std::vector<std::string>& words) {
  const auto number = [&](std::size_t i) { return i < words.size() ? std::atof(words[i].c_str()) : 0; };
  const std::string mode = words.empty() ? "" : words[0];
  if (mode == "upstream" && words.size() == 1) {
    Upstream().run();
  } else if ((mode == "closed" || mode == "open") && words.size() >= 5) {
    const bool open = mode == "open";
    Clients({static_cast<int>(number(1)), static_cast<std::size_t>(number(2)), number(3), words[4],
             open ? number(5) : 0, words.back() == "post"})
        .run();
  } else if (mode == "idle" && words.size() == 3) {
    idle(static_cast<int>(number(1)), static_cast<int>(number(2)));
  } else if (mode == "push" && words.size() >= 4) {
    std::vector<int> ports;
    for (std::size_t i = 3; i < words.size(); ++i) ports.push_back(static_cast<int>(number(i)));
    push(words[1], static_cast<int>(number(2)), ports);
  } else {
    fmt::print(stderr, "gateway_traffic upstream | closed | open | idle | push; see the head of its source\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace tidegate

int main(int argc, char** argv) {
  // Timers as exact as the kernel can: the default may be 50 us late.
  ::prctl(PR_SET_TIMERSLACK, 1);
  return tidegate::run({argv + 1, argv + argc});
}
