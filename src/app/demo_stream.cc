#include "app/demo_stream.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string_view>

#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

FileDescriptor connect_to(std::string_view address) {
  const auto colon = address.rfind(':');
  std::uint16_t port = 0;
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  sockaddr_in there{};
  there.sin_family = AF_INET;
  there.sin_port = htons(port);
  ::inet_pton(AF_INET, std::string{address.substr(0, colon)}.c_str(), &there.sin_addr);
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) return FileDescriptor(-1);
  return socket;
}

int count(std::string_view text, std::string_view what) {
  int found = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

}  // namespace

DemoStream::DemoStream(const std::string& gateway, int tokens)
    : thread_([this, gateway, tokens] {
        read(gateway, tokens);
        over_ = true;
      }) {}

DemoStream::~DemoStream() {
  hangs_up_ = true;
  thread_.join();
}

void DemoStream::read(const std::string& gateway, int tokens) {
  const auto body = fmt::format(
      R"({{"model":"chat","stream":true,"ignore_eos":true,"max_tokens":{},"messages":[{{"role":"user","content":"A long story."}}]}})",
      tokens);
  const auto request = fmt::format(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
      "Connection: close\r\n\r\n{}",
      gateway, body.size(), body);
  const auto socket = connect_to(gateway);
  if (socket.get() < 0 || ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return;
  // What marks an event may be cut in two: the end of what was read stays for the next time.
  constexpr std::string_view mark = "data: ", last = "data: [DONE]";
  std::string rest;
  std::array<char, 16384> buffer{};
  while (!hangs_up_) {
    pollfd waiting{socket.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 100) <= 0) continue;
    const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    rest.append(buffer.data(), static_cast<std::size_t>(got));
    if (rest.find(last) != std::string::npos) complete_ = true;
    const auto whole = rest.rfind('\n');
    if (whole == std::string::npos) continue;
    tokens_ += count(std::string_view{rest}.substr(0, whole), mark);
    rest.erase(0, whole);
  }
}

}  // namespace tidegate
