#include "edge/gateway/upstream_connection.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "edge/gateway/exchange.h"
#include "edge/gateway/proxy.h"
#include "edge/gateway/routed_service.h"

namespace tidegate {
namespace {
constexpr Duration idle_max = 30s;
constexpr int rounds_max = 16;  // of 64 KiB before others get a turn
}  // namespace

UpstreamConnection::UpstreamConnection(Proxy& proxy, RoutedReplica& replica)
    : proxy_(proxy), replica_(replica), timer_(*this) {}

UpstreamConnection::~UpstreamConnection() {
  if (fd_ >= 0) ::close(fd_);
}

UpstreamConnection* UpstreamConnection::take(Proxy& proxy, RoutedReplica& replica, Exchange& exchange) {
  if (!replica.idle.empty()) {
    UpstreamConnection* one = replica.idle.back();
    replica.idle.pop_back();
    one->pooled_ = false;
    one->reused_ = true;
    one->exchange_ = &exchange;
    return one;
  }
  if (replica.address.length == 0) return nullptr;
  auto made = std::make_unique<UpstreamConnection>(proxy, replica);
  made->fd_ = ::socket(replica.address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made->fd_ < 0) return nullptr;
  const int on = 1;
  ::setsockopt(made->fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* address = reinterpret_cast<const sockaddr*>(&replica.address.storage);
  if (::connect(made->fd_, address, replica.address.length) != 0 && errno != EINPROGRESS) return nullptr;
  if (!proxy.loop.watch(made->fd_, *made)) return nullptr;
  made->exchange_ = &exchange;
  proxy.loop.arm(made->timer_, proxy.now() + proxy.options.connect_timeout);
  return made.release();
}

void UpstreamConnection::on_events(std::uint32_t events) {
  if (fd_ < 0) return;
  if (!exchange_) {
    if (events & ~static_cast<std::uint32_t>(EPOLLOUT)) close();
    return;
  }
  if (!connected_) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return exchange_->upstream_failed();
    connected_ = true;
    proxy_.loop.arm(timer_, proxy_.now() + idle_max);
  }
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ending_ = true;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
  if (events & EPOLLOUT) exchange_->flush_request();
  if (fd_ >= 0 && exchange_ && readable_) read_some();
}

void UpstreamConnection::on_timer() {
  if (fd_ < 0) return;
  if (!exchange_) return close();
  // While it serves, the client's timer watches over the exchange.
  if (!connected_) return exchange_->upstream_failed();
  proxy_.loop.arm(timer_, proxy_.now() + idle_max);
}

long UpstreamConnection::send(std::string_view bytes) {
  if (!connected_) return 0;
  const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

void UpstreamConnection::read_some() {
  char* scratch = proxy_.upstream_scratch.get();
  for (int round = 0; fd_ >= 0 && exchange_ && readable_; ++round) {
    if (!exchange_->takes_response()) return;
    if (round == rounds_max) return proxy_.loop.again(*this);
    const auto got = ::recv(fd_, scratch, Proxy::scratch_bytes, 0);
    if (got > 0) {
      if (static_cast<std::size_t>(got) < Proxy::scratch_bytes && !ending_) readable_ = false;
      exchange_->response_bytes({scratch, static_cast<std::size_t>(got)});
    } else if (got == 0) {
      exchange_->upstream_ended();
    } else if (errno == EAGAIN || errno == EINTR) {
      readable_ = false;
    } else {
      exchange_->upstream_failed();
    }
  }
}

void UpstreamConnection::resume() {
  if (readable_) read_some();
}

bool UpstreamConnection::read_last_words() {
  char first = 0;
  if (::recv(fd_, &first, 1, MSG_PEEK) <= 0) return false;
  ending_ = readable_ = true;
  proxy_.loop.again(*this);
  return true;
}

void UpstreamConnection::release() {
  exchange_ = nullptr;
  const auto idle_limit = static_cast<std::size_t>(std::max(replica_.endpoint.slots, 1));
  if (readable_ || ending_ || replica_.removed || replica_.idle.size() >= idle_limit) return close();
  pooled_ = true;
  replica_.idle.push_back(this);
  proxy_.loop.arm(timer_, proxy_.now() + idle_max);
}

void UpstreamConnection::close() {
  if (fd_ < 0) return;
  if (pooled_) std::erase(replica_.idle, this);
  pooled_ = false;
  exchange_ = nullptr;
  ::close(fd_);
  fd_ = -1;
  proxy_.loop.disarm(timer_);
  proxy_.loop.bury(std::unique_ptr<EventHandler>(this));
}

}  // namespace tidegate
