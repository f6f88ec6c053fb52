#include "edge/kubernetes/testing/fault_proxy.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>

namespace tidegate {
namespace {

constexpr int slice_ms = 20;
constexpr std::size_t garbled_bytes = 8;

// False: the other side is gone.
bool read_some(int fd, std::string& into) {
  char bytes[16384];
  const auto got = ::recv(fd, bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  into.assign(bytes, static_cast<std::size_t>(got));
  return true;
}

// What of a piece that begins after `passed` bytes gets through, spoiled as planned.
std::string spoiled(std::string piece, std::size_t passed, const ConnectionFault& fault) {
  if (fault.garble_every)
    for (std::size_t i = 0; i < piece.size(); ++i)
      if (passed + i >= *fault.garble_every && (passed + i) % *fault.garble_every < garbled_bytes) piece[i] = '\xff';
  for (const auto& end : {fault.cut_at, fault.mute_at})
    if (end && passed + piece.size() > *end) piece.resize(*end - std::min(*end, passed));
  return piece;
}

}  // namespace

FaultProxy::FaultProxy(std::uint16_t upstream, Plan plan)
    : upstream_(upstream),
      plan_(std::move(plan)),
      server_(std::make_unique<TestServer>([this](TestSocket& client) { relay(client); })) {}

FaultProxy::~FaultProxy() {
  stopping_ = true;
  server_.reset();
}

void FaultProxy::relay(TestSocket& client) {
  const ConnectionFault fault = plan_(connections_++);
  if (fault.refuses) return client.reset();
  TestSocket server = TestSocket::connect(upstream_);
  std::size_t passed = 0;
  std::string piece;
  while (!stopping_) {
    std::array<pollfd, 2> waiting{{{client.fd(), POLLIN, 0}, {server.fd(), POLLIN, 0}}};
    ::poll(waiting.data(), waiting.size(), slice_ms);
    if (waiting[0].revents != 0 && (!read_some(client.fd(), piece) || !server.send(piece))) break;
    if (waiting[1].revents == 0) continue;
    if (!read_some(server.fd(), piece)) break;
    std::this_thread::sleep_for(fault.delay);
    const std::size_t count = piece.size();
    if (!client.send(spoiled(std::move(piece), passed, fault))) break;
    passed += count;
    if (fault.cut_at && passed >= *fault.cut_at) break;
  }
  client.close();
}

}  // namespace tidegate
