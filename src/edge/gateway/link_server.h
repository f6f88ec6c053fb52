// The gateway's end of the link, for a gateway that runs apart from its controller: a Unix socket at a path.
//
// The newest controller wins; when it goes away, the gateway keeps the last table and the counters run on. A
// successor (a new gateway process started on the same path) gets the listening socket and the table; once it
// serves, this gateway stops accepting and is told so by the callback.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "edge/gateway/gateway.h"

namespace tidegate {

// What a successor gets from the gateway it replaces.
class LinkChannel;
struct Takeover {
  int listen_fd = -1;
  RouteTable table;
  std::shared_ptr<LinkChannel> predecessor;  // told once the successor serves
};
// Asks the gateway at the path to hand over; not_found: none runs there.
[[nodiscard]] Result<Takeover> take_over(const std::string& link_path);

class LinkServer {
 public:
  // `replaced` runs on the link's thread when a successor serves.
  LinkServer(Gateway& gateway, std::string path, std::function<void()> replaced);
  ~LinkServer();
  LinkServer(const LinkServer&) = delete;
  LinkServer& operator=(const LinkServer&) = delete;

  // Binds the path (a stale socket file is replaced) and starts the thread.
  [[nodiscard]] Result<void> start();
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tidegate
