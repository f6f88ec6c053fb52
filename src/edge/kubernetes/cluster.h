// What all clients of one cluster share: how it is reached, who we are, how fast we may ask, and what is known of the
// kinds it serves. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "edge/kubernetes/cluster_access.h"
#include "edge/kubernetes/credentials.h"
#include "edge/kubernetes/resource_list.h"
#include "edge/kubernetes/token_bucket.h"
#include "edge/ports/clock.h"

namespace tidegate {

struct ClusterOptions {
  double requests_per_second = 50;
  double requests_burst = 100;
};

class Cluster {
 public:
  Cluster(ClusterAccess access, const Clock& clock, ClusterOptions options = {});

  [[nodiscard]] const ClusterAccess& access() const { return credentials_.access(); }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] Credentials& credentials() { return credentials_; }

  // Waits until one more request may go out. False: it would take longer than `wait_max`, or `stop` was asked for.
  [[nodiscard]] bool wait_for_turn(Duration wait_max, const std::stop_token& stop);

  // What was learned of a group's kinds (edge/kubernetes/discovery.h asks), younger than `age_max`.
  [[nodiscard]] std::optional<std::vector<ServedType>> known_types(const std::string& api_version,
                                                                   Duration age_max) const;
  void learn_types(const std::string& api_version, std::vector<ServedType> types);

 private:
  struct Learned {
    std::vector<ServedType> types;
    Instant at{};
  };

  const Clock& clock_;
  Credentials credentials_;
  mutable std::mutex mutex_;
  TokenBucket bucket_;
  std::map<std::string, Learned> learned_;  // by apiVersion
};

// Sleeps; false when `stop` was asked for.
[[nodiscard]] bool sleep_unless_stopped(Duration length, const std::stop_token& stop);

}  // namespace tidegate
