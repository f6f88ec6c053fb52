#include "edge/gateway/remote_link.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>

#include "edge/gateway/link_protocol.h"

namespace tidegate {
namespace {
constexpr Duration retry_first = 50ms;
constexpr Duration retry_last = 1s;

// The gateway speaks every 250 ms: silence this long means it hangs.
constexpr Duration silence_max = 5s;
}  // namespace

struct RemoteLink::Parts {
  const std::string path;
  const Clock& clock;
  int wakeup = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::optional<RouteTable> table;
  bool table_is_new = false;
  GatewayReadings readings;
  std::function<void(const std::string&)> wake;
  std::thread thread;

  void run();
  void serve(LinkChannel& channel);
  [[nodiscard]] bool hear(LinkChannel& channel);
  [[nodiscard]] bool send_table(LinkChannel& channel);
  void rest(Duration limit);
  void signal() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wakeup, &one, sizeof one);
  }
  void set_connected(bool connected) {
    const std::lock_guard lock(mutex);
    readings.connected = connected;
  }
};

RemoteLink::RemoteLink(std::string path, const Clock& clock) : parts_(new Parts{std::move(path), clock}) {
  parts_->thread = std::thread([parts = parts_.get()] { parts->run(); });
}

RemoteLink::~RemoteLink() {
  parts_->stopping.store(true);
  parts_->signal();
  parts_->thread.join();
  ::close(parts_->wakeup);
}

void RemoteLink::push(const RouteTable& table) {
  {
    const std::lock_guard lock(parts_->mutex);
    parts_->table = table;
    parts_->table_is_new = true;
  }
  parts_->signal();
}

GatewayReadings RemoteLink::latest() {
  const std::lock_guard lock(parts_->mutex);
  return parts_->readings;
}

void RemoteLink::on_wake(std::function<void(const std::string& service)> wake) {
  const std::lock_guard lock(parts_->mutex);
  parts_->wake = std::move(wake);
}

void RemoteLink::Parts::rest(Duration limit) {
  pollfd waiting{wakeup, POLLIN, 0};
  ::poll(&waiting, 1, static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()));
}

void RemoteLink::Parts::run() {
  Duration retry = retry_first;
  while (!stopping.load()) {
    auto channel = LinkChannel::connect(path);
    if (channel && channel->send(LinkKind::hello, link_encode(LinkHello{}))) {
      const auto frame = channel->wait_next(handshake_max);
      const auto hello =
          frame && frame->kind == LinkKind::hello ? link_decode<LinkHello>(frame->payload) : std::nullopt;
      if (hello && hello->version == link_version) {
        retry = retry_first;
        serve(*channel);
        set_connected(false);
        continue;
      }
    }
    rest(retry);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wakeup, &count, sizeof count);
    retry = std::min(retry * 2, retry_last);
  }
}

void RemoteLink::Parts::serve(LinkChannel& channel) {
  {
    const std::lock_guard lock(mutex);
    table_is_new = table.has_value();
  }
  Instant heard = clock.now();
  while (!stopping.load()) {
    if (!send_table(channel) || !hear(channel)) return;
    std::array<pollfd, 2> waiting{{{wakeup, POLLIN, 0}, {channel.fd(), POLLIN, 0}}};
    ::poll(waiting.data(), waiting.size(), 1000);
    std::uint64_t count = 0;
    if (waiting[0].revents) [[maybe_unused]]
      const auto got = ::read(wakeup, &count, sizeof count);
    if (waiting[1].revents) heard = clock.now();
    if (clock.now() - heard > silence_max) return;
    if (waiting[1].revents && !channel.receive()) return;
  }
}

bool RemoteLink::Parts::send_table(LinkChannel& channel) {
  RouteTable newest;
  {
    const std::lock_guard lock(mutex);
    if (!table_is_new) return true;
    newest = *table;
    table_is_new = false;
  }
  return channel.send(LinkKind::table, link_encode(newest));
}

bool RemoteLink::Parts::hear(LinkChannel& channel) {
  while (auto frame = channel.next()) {
    if (frame->kind == LinkKind::readings) {
      GatewayReadings fresh;
      ByteReader reader(frame->payload);
      reader(fresh.taken, fresh.samples);
      if (reader.failed()) return false;
      fresh.connected = true;
      const std::lock_guard lock(mutex);
      readings = std::move(fresh);
    } else if (frame->kind == LinkKind::wake) {
      const auto service = link_decode<std::string>(frame->payload);
      std::function<void(const std::string&)> call;
      {
        const std::lock_guard lock(mutex);
        call = wake;
      }
      if (service && call) call(*service);
    }
  }
  return channel.is_open();
}

}  // namespace tidegate
