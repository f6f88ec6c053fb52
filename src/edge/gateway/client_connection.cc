#include "edge/gateway/client_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "edge/gateway/error_response.h"
#include "edge/gateway/proxy.h"

namespace tidegate {
namespace {

constexpr Duration linger_max = 2s;
constexpr int rounds_max = 16;

// Whether parsing can say more than "incomplete" now that bytes from `from` on are new: an empty line, or a
// bare LF, stands in or across them. Keeps a head that trickles in from being parsed at every byte.
bool may_be_decided(std::string_view bytes, std::size_t from) {
  if (bytes.size() >= head_bytes_max) return true;
  for (std::size_t at = bytes.find('\n', from); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return true;
    if (at >= 3 && bytes[at - 2] == '\n') return true;
  }
  return false;
}

}  // namespace

ClientConnection::ClientConnection(Proxy& proxy, int fd, PeerAddress peer)
    : proxy_(proxy), fd_(fd), peer_(peer), timer_(*this), active_(proxy.now()) {}

ClientConnection::~ClientConnection() {
  if (fd_ >= 0) ::close(fd_);
}

void ClientConnection::on_events(std::uint32_t events) {
  if (fd_ < 0) return;
  if (events & (EPOLLHUP | EPOLLERR)) return gone();
  if (events & EPOLLRDHUP) peer_closed_ = true;
  if (events & EPOLLIN) readable_ = true;
  // The client went away, or will send no more: nobody waits for what we still do for it.
  if (peer_closed_) return gone();
  if ((events & EPOLLOUT) && !out_.empty() && !flush()) return gone();
  if (fd_ >= 0 && readable_) read_some();
}

bool ClientConnection::wants_input() const {
  if (closing_) return lingering_;
  if (exchange_) return exchange_->wants_body() && in_.empty();
  return !has_backlog();
}

void ClientConnection::read_some() {
  char* scratch = proxy_.client_scratch.get();
  for (int round = 0; fd_ >= 0 && readable_ && wants_input(); ++round) {
    if (round == rounds_max) return proxy_.loop.again(*this);
    const auto got = ::recv(fd_, scratch, Proxy::scratch_bytes, 0);
    if (got == 0) return gone();
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) return gone();
      readable_ = false;
      return;
    }
    if (static_cast<std::size_t>(got) < Proxy::scratch_bytes) readable_ = false;
    active_ = proxy_.now();
    if (!closing_) input({scratch, static_cast<std::size_t>(got)});
  }
}

void ClientConnection::input(std::string_view bytes) {
  if (exchange_) {
    const std::size_t taken = exchange_->take_body(bytes);
    if (taken < bytes.size() && fd_ >= 0 && !closing_) {
      in_.append(bytes.substr(taken));
      if (!exchange_) resume_reading();
    }
    return;
  }
  if (in_.empty()) return process(bytes);
  const std::size_t known = in_.size();
  in_.append(bytes);
  if (!may_be_decided(in_, known)) return;
  const Instant since = head_since_;
  const std::string all = std::exchange(in_, {});
  process(all);
  if (!in_.empty() && !exchange_) head_since_ = since;
}

// Serves requests from the bytes until one takes time; keeps what is left.
void ClientConnection::process(std::string_view bytes) {
  processing_ = true;
  while (!bytes.empty() && !exchange_ && fd_ >= 0 && !closing_ && !has_backlog()) {
    const std::size_t used = process_head(bytes);
    if (used == 0) break;
    bytes.remove_prefix(used);
    if (exchange_ && !bytes.empty() && exchange_->wants_body()) bytes.remove_prefix(exchange_->take_body(bytes));
  }
  processing_ = false;
  if (fd_ < 0 || closing_) return;
  if (!bytes.empty()) in_.assign(bytes), head_since_ = proxy_.now();
  touch();
}

// Begins an exchange when the head is whole. Bytes used; 0: not whole, or refused.
std::size_t ClientConnection::process_head(std::string_view bytes) {
  const HeadParse parse = proxy_.request_parser.request(bytes);
  if (parse.parse == Parse::incomplete) return 0;
  if (parse.parse == Parse::bad) return refuse(parse), 0;
  exchange_ = proxy_.take_exchange();
  exchange_->begin(*this, proxy_.request_parser.head());
  return parse.consumed;
}

void ClientConnection::refuse(const HeadParse& parse) {
  proxy_.stats.bad_requests.add();
  (void)write(error_response({parse.status, "bad_request", std::string{parse.reason}}, false, true));
  close_when_flushed();
}

bool ClientConnection::write(std::string_view first, std::string_view second) {
  if (fd_ < 0) return false;
  std::size_t sent = 0;
  if (out_.empty()) {
    ssize_t result = 0;
    if (second.empty()) {
      result = ::send(fd_, first.data(), first.size(), MSG_NOSIGNAL);
    } else {
      iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                         {const_cast<char*>(second.data()), second.size()}};
      msghdr message{};
      message.msg_iov = pieces;
      message.msg_iovlen = 2;
      result = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    }
    if (result < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (result > 0) sent = static_cast<std::size_t>(result);
    active_ = proxy_.now();
  }
  if (sent < first.size()) out_.append(first.substr(sent)), sent = first.size();
  out_.append(second.substr(sent - first.size()));
  return true;
}

bool ClientConnection::flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const auto result = ::send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (result < 0) {
      if (errno != EAGAIN && errno != EINTR) return false;
      break;
    }
    sent += static_cast<std::size_t>(result);
    active_ = proxy_.now();
  }
  if (sent < out_.size()) return out_.erase(0, sent), true;
  out_ = std::string{};
  if (closing_)
    linger();
  else if (exchange_)
    exchange_->client_drained();
  else
    resume_reading();
  return true;
}

void ClientConnection::exchange_ended(bool keep) {
  proxy_.give_back(std::move(exchange_));
  if (fd_ < 0) return;
  if (!keep) return close_when_flushed();
  active_ = proxy_.now();
  if (!processing_) resume_reading();
}

void ClientConnection::exchange_broken(bool reset) {
  if (exchange_) proxy_.give_back(std::move(exchange_));
  if (fd_ >= 0 && reset) {
    const ::linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  close();
}

void ClientConnection::resume_reading() {
  if (fd_ < 0 || closing_ || processing_) return;
  if (!exchange_ && !has_backlog() && !in_.empty()) {
    const std::string all = std::exchange(in_, {});
    process(all);
  } else if (exchange_ && !in_.empty() && exchange_->wants_body()) {
    const std::string all = std::exchange(in_, {});
    input(all);
  }
  if (fd_ >= 0 && readable_ && !closing_) {
    // The read happens from the loop: whoever calls may be in the middle of a read of its own.
    proxy_.loop.again(*this);
  }
  if (fd_ >= 0 && !closing_) touch();
}

void ClientConnection::close_when_flushed() {
  if (fd_ < 0) return;
  closing_ = true;
  in_ = std::string{};
  if (has_backlog())
    touch();
  else
    linger();
}

// Closing with unread bytes in the socket would reset the connection and could take the answer away from the
// client: say that nothing follows, then read and forget until it closes too.
void ClientConnection::linger() {
  lingering_ = true;
  ::shutdown(fd_, SHUT_WR);
  active_ = proxy_.now();
  touch();
  if (readable_) proxy_.loop.again(*this);
}

Instant ClientConnection::deadline() const {
  if (lingering_) return active_ + linger_max;
  if (has_backlog() || closing_) return active_ + proxy_.options.write_timeout;
  if (exchange_) return exchange_->deadline_from(active_);
  if (!in_.empty()) return head_since_ + proxy_.options.header_timeout;
  return std::min(active_ + proxy_.options.idle_timeout, proxy_.idle_until());
}

void ClientConnection::touch() {
  const Instant due = deadline();
  if (due != Instant::max()) proxy_.loop.arm(timer_, due);
}

void ClientConnection::on_timer() {
  if (fd_ < 0) return;
  const Instant due = deadline();
  if (due > proxy_.now()) return touch();
  if (lingering_ || closing_ || has_backlog()) return gone();
  if (exchange_) return exchange_->deadline_passed();
  if (in_.empty()) return close();
  (void)write(error_response({408, "header_timeout", "the request's head did not arrive in time"}, false, true));
  close_when_flushed();
}

void ClientConnection::gone() {
  if (exchange_) {
    exchange_->client_gone();
    proxy_.give_back(std::move(exchange_));
  }
  close();
}

void ClientConnection::close() {
  if (fd_ < 0) return;
  ::close(fd_);
  fd_ = -1;
  proxy_.loop.disarm(timer_);
  proxy_.closed(*this);
}

}  // namespace tidegate
