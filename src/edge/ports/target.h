// A target carries decisions out. Orders are taken at once and carried out in the background; looking never
// blocks. One target serves any number of services of its kind.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/observation.h"
#include "core/model/reason.h"
#include "core/model/replica_state.h"
#include "core/model/service_spec.h"

namespace tidegate {

struct Replica {
  std::string id;  // unique in the fleet, stable over restarts: "chat-h100-3f2a"
  std::string service;
  std::string pool;
  ReplicaState state = ReplicaState::requested;
  std::string host;  // where it listens, once known
  std::uint16_t port = 0;
  Instant since{};  // of this state
  Instant created{};
  std::string revision;  // of its command and environment
  std::string detail;    // why it failed, what it waits for; empty when all is well
  std::vector<std::int32_t> gpus;
  std::int64_t pid = 0;  // 0: not a local process
  friend bool operator==(const Replica&, const Replica&) = default;
};

// Something a person should know about a service: once per occurrence.
struct TargetEvent {
  Instant at{};
  std::string service;
  std::string replica;
  Reason reason = Reason::target_error;
  std::string message;
  friend bool operator==(const TargetEvent&, const TargetEvent&) = default;
};

struct TargetView {
  std::vector<Replica> replicas;                                         // gone ones left out; ordered by id
  std::map<std::string, std::vector<ColdStart>> cold_starts;             // by service, finished since the last look
  std::map<std::string, std::map<std::string, std::int32_t>> available;  // service -> pool -> placeable now
  std::map<std::string, bool> rollouts;                                  // services whose revision is being rolled out
  std::vector<TargetEvent> events;                                       // since the last look
};

struct Order {
  std::string pool;
  Replicas replicas{0};  // committed: requested + starting + loading + ready
};

class Target {
 public:
  virtual ~Target() = default;

  // The services it is to serve from now on (start-up and every reload). Replicas of services no longer
  // listed are drained.
  virtual void configure(const std::vector<ServiceSpec>& services) = 0;

  // The size wanted. Repeating an order changes nothing.
  virtual void order(const std::string& service, const std::vector<Order>& pools) = 0;

  // Requests in flight per replica id, so that the idlest one goes first and drains end when empty.
  // Replicas not listed are taken as unknown, not as idle.
  virtual void in_flight(const std::map<std::string, std::int64_t>& by_replica) = 0;

  // Replaces every replica of a service, one after another, without losing requests.
  virtual Result<void> restart(const std::string& service) = 0;

  [[nodiscard]] virtual TargetView look() = 0;
};

}  // namespace tidegate
