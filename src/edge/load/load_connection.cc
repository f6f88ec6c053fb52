#include "edge/load/load_connection.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace tidegate {
namespace {

constexpr int reads_in_a_row = 16;

std::string_view connect_failure(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "connection_refused";
    case ETIMEDOUT:
      return "connection_timeout";
    case EMFILE:
    case ENFILE:
      return "out_of_descriptors";
    case EADDRNOTAVAIL:
      return "out_of_local_ports";
    default:
      return "unreachable";
  }
}

}  // namespace

LoadConnection::~LoadConnection() {
  if (fd_ >= 0) ::close(fd_);
}

bool LoadConnection::connect() {
  const SocketAddress& address = *owner_.address(attempt_->address);
  fd_ = ::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address.bytes), address.length) != 0) {
    if (errno != EINPROGRESS) return false;
    connecting_ = true;
  }
  return owner_.loop().watch(fd_, *this);
}

void LoadConnection::begin(std::unique_ptr<Attempt> attempt) {
  attempt_ = std::move(attempt);
  if (attempt_->sent == Instant{}) attempt_->sent = owner_.now();
  owner_.loop().arm(timer_, attempt_->deadline);
  unsent_ = owner_.bytes_of(*attempt_);
  sent_ = 0;
  if (fd_ < 0 && !connect()) return connect_failed(errno);
  if (!connecting_ && !flush()) broken();
}

// False: the connection cannot be written to any more.
bool LoadConnection::flush() {
  while (sent_ < unsent_.size()) {
    const auto sent = ::send(fd_, unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    sent_ += static_cast<std::size_t>(sent);
  }
  std::string().swap(unsent_);
  sent_ = 0;
  return true;
}

void LoadConnection::on_events(std::uint32_t events) {
  if (fd_ < 0) return;
  if (connecting_) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return connect_failed(error);
    connecting_ = false;
  }
  if (!attempt_) {
    if (events & ~static_cast<std::uint32_t>(EPOLLOUT)) owner_.idle_closed(*this);
    return;
  }
  // A server may answer and close before it has read everything, so what it said is read first.
  const bool writable = unsent_.empty() || flush();
  read((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 || !writable);
}

void LoadConnection::read(bool peer_closed) {
  auto& buffer = owner_.buffer();
  for (int round = 0; round < reads_in_a_row; ++round) {
    const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN && !peer_closed) return;
      return broken();
    }
    if (got == 0) {
      if (attempt_->reader.closed(owner_.now()) == ResponseReader::Progress::complete) return complete(true);
      return broken();
    }
    const auto size = static_cast<std::size_t>(got);
    const auto progress = attempt_->reader.feed({buffer.data(), size}, owner_.now(), owner_.parser());
    if (!attempt_->first_told && attempt_->reader.first() && attempt_->reader.status() / 100 == 2) {
      attempt_->first_told = true;
      owner_.first_token(*attempt_->reader.first());
    }
    if (progress == ResponseReader::Progress::complete) return complete(peer_closed);
    if (progress == ResponseReader::Progress::malformed) return end("malformed", false);
    if (size < buffer.size() && !peer_closed) return;
  }
  owner_.loop().again(*this);
}

void LoadConnection::complete(bool peer_closed) {
  const auto& reader = attempt_->reader;
  const bool keep = reader.keeps_connection() && !peer_closed && unsent_.empty();
  if (reader.status() / 100 != 2) return end(fmt::format("status_{}", reader.status()), keep);
  if (reader.told_error()) return end("error_in_stream", keep);
  if (!reader.first()) return end("empty_stream", keep);
  end({}, keep);
}

void LoadConnection::connect_failed(int error) {
  if (owner_.address(attempt_->address + 1)) {
    ++attempt_->address;
    return owner_.again(*this, std::move(attempt_));
  }
  end(std::string{connect_failure(error)}, false);
}

void LoadConnection::broken() {
  if (carried_one_ && !attempt_->reader.has_begun() && !attempt_->sent_again) {
    attempt_->sent_again = true;
    return owner_.again(*this, std::move(attempt_));
  }
  end("connection_broken", false);
}

void LoadConnection::on_timer() {
  if (attempt_) end("timeout", false);
}

void LoadConnection::end(std::string failure, bool keep) {
  owner_.loop().disarm(timer_);
  carried_one_ = true;
  owner_.ended(*this, std::move(attempt_), std::move(failure), keep);
}

}  // namespace tidegate
