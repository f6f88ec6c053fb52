// Decides who of several leads, by a lease that all of them see (coordination.k8s.io/v1): when to read, take, renew and
// give it back, and until when we may act as its holder. Pure: it is told what was read and written, and when.
//
// No clock of another machine is believed. Somebody else's lease has run out when it has not changed, as we saw it, for
// its whole `duration`. Ours is claimed from the moment the request that renewed it was *sent*, and only for
// `renew_deadline`, which is shorter than `duration`: we stop acting before anybody may take over, and what we sent
// before that has `duration - renew_deadline` to arrive or to fail.
//
//   sent 0 s, written 0.2 s       others see it at 0.2 s or later and wait until 15.2 s at the least
//   no renewal succeeds           we lead until 10 s; another at 15.2 s at the earliest
//
// A lease is written only as it was read (its resourceVersion), so of two that take it at once one gets a conflict.
// `epoch` counts its holders (leaseTransitions): it grows with each take-over and stands in what a leader writes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/prng.h"
#include "core/base/time.h"

namespace tidegate {

struct LeaseTimes {
  Duration duration = 15s;        // how long others wait for a holder that is silent; whole seconds
  Duration renew_deadline = 10s;  // how long we claim it after a renewal
  Duration retry_period = 2s;     // between renewals, and between looks at somebody else's

  // What a request may take. What is under way when we cease to lead must have failed before anybody may take over, and
  // one that hangs must leave time for others.
  [[nodiscard]] Duration request_timeout() const { return std::min(duration - renew_deadline, renew_deadline / 4); }
};

// The lease as it is stored.
struct LeaseRecord {
  std::string holder;  // empty: given back
  Duration duration{};
  Instant acquired{};
  Instant renewed{};
  std::int64_t epoch = 0;        // leaseTransitions
  std::string resource_version;  // of the object it stands in; empty: there is none yet
  friend bool operator==(const LeaseRecord&, const LeaseRecord&) = default;
};

enum class LeaseAct : std::uint8_t { wait, read, write };

struct LeaseStep {
  LeaseAct act = LeaseAct::read;
  Duration wait{};     // before anything else happens
  LeaseRecord record;  // to write: created when it has no resourceVersion, else replaced as it was
};

class LeaseElection {
 public:
  LeaseElection(std::string identity, LeaseTimes times, std::uint64_t seed);

  [[nodiscard]] LeaseStep next(Instant now);

  // What a read brought; none: there is no lease.
  void was_read(const std::optional<LeaseRecord>& record, Instant now);
  // The record of next() is stored, as it stands there now; the request was sent at `sent`.
  void was_written(const LeaseRecord& stored, Instant sent);
  // Somebody else wrote it in between: look again.
  void conflicted(Instant now);
  // Neither read nor write came through.
  void failed(Instant now);

  // Whether we may act now, and until when unless we renew.
  [[nodiscard]] bool leads(Instant now) const { return now < leads_until_; }
  [[nodiscard]] Instant leads_until() const { return leads_until_; }
  // Of our leadership; 0: we never led.
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  // Who leads as far as we know; empty: nobody.
  [[nodiscard]] const std::string& holder() const { return seen_ ? seen_->holder : nobody_; }

  // At the end: we lead no longer, and this is to be written so that the next need not wait. None: it is not ours.
  [[nodiscard]] std::optional<LeaseRecord> renounce(Instant now);

 private:
  [[nodiscard]] bool may_take(Instant now) const;
  [[nodiscard]] LeaseRecord claim(Instant now) const;

  const std::string identity_;
  const std::string nobody_;
  const LeaseTimes times_;
  Prng prng_;
  std::optional<LeaseRecord> seen_;
  Instant seen_at_{};  // when it last changed, as we saw it
  bool must_read_ = true;
  bool has_left_ = false;
  Instant due_{};
  Instant leads_until_{};
  std::int64_t epoch_ = 0;
};

}  // namespace tidegate
