// What the gateway counts, per service and replica. Written by the gateway's thread alone, read by any: every
// number is an atomic with one writer, so counting costs a plain add.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/signals/sample.h"

namespace tidegate {

class Tally {
 public:
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Durations in fixed buckets, four to an octave, from 125 us to about 1,048 s; upper bounds inclusive.
// Bucket 4+4k+j ends at 125 us * 2^k * (5+j): 625 us, 750 us, 875 us, 1 ms, 1.25 ms, ...
class LatencyTally {
 public:
  static constexpr std::size_t octaves = 21;
  static constexpr std::size_t buckets = 4 + 4 * octaves + 1;  // the last one: above all

  void record(Duration took, std::uint64_t times = 1);
  [[nodiscard]] Histogram read(std::uint64_t epoch) const;
  // Of one bucket, in seconds; the last is infinite.
  [[nodiscard]] static double upper(std::size_t bucket);
  [[nodiscard]] static std::size_t bucket_of(Duration took);

 private:
  std::array<Tally, buckets> counts_;
  Tally sum_ns_;
};

struct ServiceTally {
  Tally arrivals;      // new demand: client retries are not counted
  Tally retries;       // requests marked as client retries
  Tally completions;   // a whole response was passed on
  Tally failures;      // refused by us, broken, or answered 5xx
  Tally cancelled;     // the client went away
  Tally rejected;      // 503 by the waiting room: full, hopeless or expired
  Tally resent;        // sent again to another replica
  Tally in_flight;     // gauge
  Tally queued;        // gauge
  Tally queued_bytes;  // gauge
  Tally within_slo;
  Tally missed_slo;
  Tally tokens;  // server-sent events passed on
  Tally bytes_in;
  Tally bytes_out;
  Tally affinity_hits;    // went to the replica that knows its session or prefix
  Tally affinity_misses;  // that replica had no slot or is gone
  LatencyTally ttft, itl, latency, queue_wait;
};

struct ReplicaTally {
  std::string pool;
  Tally arrivals;  // requests sent to it
  Tally completions;
  Tally failures;   // refused connections, broken responses, 5xx
  Tally in_flight;  // gauge
  Tally slots;      // gauge
  LatencyTally ttft, itl, latency;
};

class GatewayStats {
 public:
  explicit GatewayStats(std::uint64_t epoch) : epoch_(epoch) {}

  // The tallies of a service or replica, made on first use. They live as long as somebody holds them.
  [[nodiscard]] std::shared_ptr<ServiceTally> service(const std::string& name);
  [[nodiscard]] std::shared_ptr<ReplicaTally> replica(const std::string& service, const std::string& name,
                                                      const std::string& pool);
  void forget_service(const std::string& name);
  void forget_replica(const std::string& service, const std::string& name);

  // Everything as samples, in the order of names. Custom names: within_slo, missed_slo, failures, rejected,
  // cancelled, client_retries, slots.
  [[nodiscard]] std::vector<Sample> samples(Instant now) const;

  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  using Services = std::map<std::string, std::shared_ptr<ServiceTally>>;
  using Replicas = std::map<std::pair<std::string, std::string>, std::shared_ptr<ReplicaTally>>;
  [[nodiscard]] Services services() const;
  [[nodiscard]] Replicas replicas() const;

  // Of the gateway as a whole.
  Tally connections;  // gauge
  Tally connections_refused;
  Tally bad_requests;  // ambiguous or malformed
  Tally unknown_routes;

 private:
  const std::uint64_t epoch_;
  mutable std::mutex mutex_;
  Services services_;
  Replicas replicas_;
};

}  // namespace tidegate
