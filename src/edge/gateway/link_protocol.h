// The link between a controller and a gateway that runs apart, on a Unix stream socket.
//
// Frames: length (u32, little-endian, of what follows), kind (u8), payload (core/base/archive). The connecting
// side says hello first; the gateway answers with its own. Then:
//   controller -> gateway   table      the whole route table, newest wins
//   gateway -> controller   readings   all samples, every 250 ms and after a wake
//                           wake       a service has a request that nothing can take
//   successor -> gateway    serving    it accepts; the old gateway stops and lets its streams end
//   gateway -> successor    takeover   the listening socket (SCM_RIGHTS) and the table last pushed
// Another version is refused with a plain message. A frame is at most 64 MiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/archive.h"
#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

inline constexpr std::uint32_t link_version = 2;
inline constexpr Duration handshake_max = 2s;

enum class LinkKind : std::uint8_t { hello = 1, table, readings, wake, serving, takeover };
enum class LinkRole : std::uint8_t { controller, successor, gateway };

struct LinkHello {
  std::uint32_t magic = 0x54474c4b;  // "KLGT"
  std::uint32_t version = link_version;
  LinkRole role = LinkRole::controller;
  template <class Archive>
  void archive(Archive& ar) {
    ar(magic, version, role);
  }
};

struct LinkFrame {
  LinkKind kind = LinkKind::hello;
  std::vector<std::byte> payload;
};

// One end of the link. Sends block for at most a second, receives never.
class LinkChannel {
 public:
  LinkChannel() = default;
  explicit LinkChannel(int fd) : fd_(fd) {}
  ~LinkChannel() { close(); }
  LinkChannel(LinkChannel&& other) noexcept;
  LinkChannel& operator=(LinkChannel&& other) noexcept;

  // Connects to the socket of a gateway.
  [[nodiscard]] static Result<LinkChannel> connect(const std::string& path);

  // False: the other side is gone, or does not read. `passed_fd` goes along with the frame.
  [[nodiscard]] bool send(LinkKind kind, const std::vector<std::byte>& payload, int passed_fd = -1);
  // Takes what has arrived. False: the other side is gone.
  [[nodiscard]] bool receive();
  // The next whole frame received. A malformed one closes the channel.
  [[nodiscard]] std::optional<LinkFrame> next();
  // Waits for the next frame; nothing when none comes in time.
  [[nodiscard]] std::optional<LinkFrame> wait_next(Duration limit);
  // The descriptor that came along, -1: none. The caller owns it.
  [[nodiscard]] int take_passed_fd();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
  int passed_fd_ = -1;
  std::vector<std::byte> in_;
};

template <class T>
[[nodiscard]] std::vector<std::byte> link_encode(const T& value) {
  ByteWriter writer;
  writer(value);
  return writer.take();
}

template <class T>
[[nodiscard]] std::optional<T> link_decode(const std::vector<std::byte>& bytes) {
  T value{};
  ByteReader reader(bytes);
  reader(value);
  if (reader.failed() || !reader.at_end()) return std::nullopt;
  return value;
}

}  // namespace tidegate
