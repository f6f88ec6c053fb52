// What a request carries to show who we are, kept fresh: files are read again once a minute, programs are asked again
// before what they gave expires, and either at once when the server refuses what we showed (401), but no program more
// often than every 10 s.
//
// While one thread refreshes, the others use what is still good; when nothing is, they wait for it. A file that cannot
// be read again leaves what was read before in use, and problem() says so; the server will tell when it is too old.
// Thread-safe. Secrets never come into messages.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "edge/kubernetes/cluster_access.h"
#include "edge/kubernetes/exec_plugin.h"
#include "edge/ports/clock.h"

namespace tidegate {

struct ShownLogin {
  std::uint64_t generation = 0;  // tells one from the next
  std::optional<std::string> bearer = {};
  std::optional<BasicAuth> basic = {};
  std::shared_ptr<const HttpTls> tls = {};
};

class Credentials {
 public:
  static constexpr Duration file_period = 60s;
  static constexpr Duration plugin_pause = 10s;
  static constexpr Duration plugin_timeout = 60s;
  static constexpr Duration expiry_margin = 60s;  // a program is asked again this long before

  Credentials(ClusterAccess access, const Clock& clock);

  // Reads files and runs programs where that is due: may take as long as they do.
  [[nodiscard]] Result<ShownLogin> current(const std::stop_token& stop = {});
  // The server answered 401 to what current() gave with this generation: the next current() gives another, if it can.
  void refused(std::uint64_t generation);
  // Why the last refresh did not succeed; empty: it did.
  [[nodiscard]] std::string problem() const;

  [[nodiscard]] const ClusterAccess& access() const { return access_; }

 private:
  [[nodiscard]] bool is_due(Instant now) const;
  [[nodiscard]] bool is_good(Instant now) const;
  [[nodiscard]] Result<void> refresh(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  [[nodiscard]] Result<ShownLogin> read(const std::optional<ExecCredential>& plugged) const;

  const ClusterAccess access_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any refreshed_;
  bool is_refreshing_ = false;
  bool is_refused_ = false;
  std::optional<ShownLogin> shown_;
  std::optional<ExecCredential> plugged_;
  Instant read_at_{};
  Instant asked_at_{};
  Error plugin_error_;  // of the last time it was asked
  std::string problem_;
};

}  // namespace tidegate
