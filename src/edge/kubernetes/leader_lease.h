// Takes part in the election of a leader, in a thread of its own, as edge/kubernetes/lease_election.h decides. Whoever
// acts as the leader asks leads() right before each act; closing it gives the lease back, so that the next need not
// wait.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "edge/kubernetes/api_client.h"
#include "edge/kubernetes/lease_election.h"

namespace tidegate {

struct LeaderView {
  bool leads = false;
  Instant leads_until{};
  std::int64_t epoch = 0;    // of our leadership
  std::string holder = {};   // who leads, as far as we know
  std::string problem = {};  // why the last exchange did not succeed; empty: it did
};

struct LeaderLeaseOptions {
  ObjectKey lease;       // namespace and name
  std::string identity;  // unique to this process: unique_identity()
  LeaseTimes times = {};
  // Called from the lease's thread when we begin or cease to lead; must return at once. Ceasing may be told late, since
  // nobody can tell while the machine sleeps: leads() is what counts.
  std::function<void(bool leads)> changed = {};
  std::uint64_t seed = 1;
};

class LeaderLease {
 public:
  LeaderLease(Cluster& cluster, LeaderLeaseOptions options);
  ~LeaderLease();
  LeaderLease(const LeaderLease&) = delete;
  LeaderLease& operator=(const LeaderLease&) = delete;

  [[nodiscard]] bool leads() const;
  [[nodiscard]] LeaderView view() const;

 private:
  void run(const std::stop_token& stop);
  [[nodiscard]] Duration step(const std::stop_token& stop);
  void read(const std::stop_token& stop);
  void write(const LeaseRecord& record, const std::stop_token& stop);
  [[nodiscard]] ApiResult<LeaseRecord> store(const LeaseRecord& record, const std::stop_token& stop);
  void give_back();
  void tell();

  const LeaderLeaseOptions options_;
  const Clock& clock_;
  const ObjectRef ref_;
  ApiClient client_;
  mutable std::mutex mutex_;  // of election_ and problem_
  LeaseElection election_;
  std::string problem_;
  bool told_ = false;  // what `changed` was told last
  std::jthread thread_;
};

// "host_5f2c91d03ab4e786".
[[nodiscard]] std::string unique_identity();

// A Lease object as a record, and back: what a merge patch or a creation has to say.
[[nodiscard]] LeaseRecord lease_record_of(const Json& lease);
[[nodiscard]] Json lease_of(const LeaseRecord& record, const ObjectKey& key);

}  // namespace tidegate
