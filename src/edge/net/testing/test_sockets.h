// Blocking sockets with deadlines for the gateway's tests: a client, and a server whose connections run a script.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "edge/ports/clock.h"

namespace tidegate {

class SteadyClock : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    return Instant{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
  }
};

// Waits until the condition holds; false after ten seconds.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

class TestSocket {
 public:
  explicit TestSocket(int fd);
  static TestSocket connect(std::uint16_t port, int receive_buffer = 0);
  ~TestSocket();
  TestSocket(TestSocket&& other) noexcept;
  TestSocket(const TestSocket&) = delete;
  TestSocket& operator=(const TestSocket&) = delete;

  // False: the other side is gone.
  bool send(std::string_view bytes);
  // Reads until the text is there, the other side closes or ten seconds pass; answers all read so far, and
  // keeps what follows the text for the next call.
  std::string read_until(std::string_view text);
  std::string read_bytes(std::size_t count);
  // Head and a body by its Content-Length.
  std::string read_message();
  // Everything up to the end of the connection.
  std::string read_all();
  // True when the other side closes (or resets) within ten seconds, reading and forgetting the rest.
  bool is_closed_by_peer();
  // True when it was closed by a reset.
  [[nodiscard]] bool was_reset() const { return was_reset_; }
  void close();
  void reset();
  [[nodiscard]] int fd() const { return fd_.load(); }

 private:
  bool fill();
  std::atomic<int> fd_{-1};  // the server's destructor looks at it while the script runs
  bool was_reset_ = false;
  std::string buffer_;
};

class TestServer {
 public:
  // The script runs once for each connection, in a thread of its own.
  explicit TestServer(std::function<void(TestSocket&)> script);
  ~TestServer();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_.load(); }
  // Answers every request with the body, kept alive.
  static std::function<void(TestSocket&)> answering(std::string body);

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::function<void(TestSocket&)> script_;
  std::mutex mutex_;
  bool stopping_ = false;
  std::list<TestSocket> sockets_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace tidegate
