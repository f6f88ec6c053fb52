// A server for tests: answers each request on a loopback port with the bytes it is told to, exactly as told.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

struct FakeAnswer {
  std::string bytes;   // of the whole response, head included
  bool close = true;   // after it; otherwise the connection serves on
  bool never = false;  // keep silent until the client goes
  Duration pause{};    // between two halves of the bytes
};

class FakeHttpServer {
 public:
  // Gets the request's head and body, called from the server's thread.
  using Responder = std::function<FakeAnswer(const std::string& request)>;

  explicit FakeHttpServer(Responder responder);
  ~FakeHttpServer();
  FakeHttpServer(const FakeHttpServer&) = delete;
  FakeHttpServer& operator=(const FakeHttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path = "/") const;
  [[nodiscard]] std::vector<std::string> requests() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  void accept_all(const std::stop_token& stop);
  void serve(int fd, const std::stop_token& stop);

  Responder responder_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::size_t connections_ = 0;
  std::vector<std::jthread> serving_;
  std::jthread accepting_;
};

[[nodiscard]] FakeAnswer http_answer(int status, const std::string& body, const std::string& headers = "");

}  // namespace tidegate
