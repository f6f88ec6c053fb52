#include "edge/gateway/link_protocol.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace tidegate {
namespace {
constexpr std::size_t frame_max = 64u << 20;
constexpr std::size_t frame_head = 5;
}  // namespace

LinkChannel::LinkChannel(LinkChannel&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), passed_fd_(std::exchange(other.passed_fd_, -1)), in_(std::move(other.in_)) {}

LinkChannel& LinkChannel::operator=(LinkChannel&& other) noexcept {
  close();
  fd_ = std::exchange(other.fd_, -1);
  passed_fd_ = std::exchange(other.passed_fd_, -1);
  in_ = std::move(other.in_);
  return *this;
}

void LinkChannel::close() {
  if (fd_ >= 0) ::close(fd_);
  if (passed_fd_ >= 0) ::close(passed_fd_);
  fd_ = passed_fd_ = -1;
  in_.clear();
}

Result<LinkChannel> LinkChannel::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::invalid, fmt::format("the link's path is longer than 107 bytes: {}", path));
  std::memcpy(address.sun_path, path.data(), path.size());
  LinkChannel channel{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (channel.fd_ < 0 || ::connect(channel.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(ErrorKind::unreachable, fmt::format("no gateway answers at {}: {}", path, std::strerror(errno)));
  const timeval limit{1, 0};
  ::setsockopt(channel.fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return channel;
}

bool LinkChannel::send(LinkKind kind, const std::vector<std::byte>& payload, int passed_fd) {
  if (fd_ < 0) return false;
  std::vector<std::byte> frame;
  frame.reserve(frame_head + payload.size());
  const auto length = static_cast<std::uint32_t>(payload.size() + 1);
  for (int i = 0; i < 4; ++i) frame.push_back(static_cast<std::byte>(length >> (8 * i) & 0xff));
  frame.push_back(static_cast<std::byte>(kind));
  frame.insert(frame.end(), payload.begin(), payload.end());
  std::size_t sent = 0;
  while (sent < frame.size()) {
    iovec piece{frame.data() + sent, frame.size() - sent};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (passed_fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(head), &passed_fd, sizeof passed_fd);
    }
    const auto result = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (result <= 0) {
      if (result < 0 && errno == EINTR) continue;
      return close(), false;
    }
    passed_fd = -1;
    sent += static_cast<std::size_t>(result);
  }
  return true;
}

bool LinkChannel::receive() {
  std::byte bytes[65536];
  while (fd_ >= 0) {
    iovec piece{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const auto got = ::recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return close(), false;
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
      if (passed_fd_ >= 0) ::close(passed_fd_);
      std::memcpy(&passed_fd_, CMSG_DATA(head), sizeof passed_fd_);
    }
    in_.insert(in_.end(), bytes, bytes + got);
    if (static_cast<std::size_t>(got) < sizeof bytes) return true;
  }
  return false;
}

std::optional<LinkFrame> LinkChannel::next() {
  if (in_.size() < frame_head) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= static_cast<std::size_t>(in_[i]) << (8 * i);
  if (length == 0 || length > frame_max) return close(), std::nullopt;
  if (in_.size() < 4 + length) return std::nullopt;
  const auto end = in_.begin() + static_cast<std::ptrdiff_t>(4 + length);
  LinkFrame frame{static_cast<LinkKind>(in_[4]), {in_.begin() + frame_head, end}};
  in_.erase(in_.begin(), end);
  return frame;
}

std::optional<LinkFrame> LinkChannel::wait_next(Duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (fd_ >= 0) {
    if (auto frame = next()) return frame;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(left.count())) > 0 && !receive()) return std::nullopt;
  }
  return std::nullopt;
}

int LinkChannel::take_passed_fd() { return std::exchange(passed_fd_, -1); }

}  // namespace tidegate
