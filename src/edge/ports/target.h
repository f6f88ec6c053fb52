// A target carries decisions out. Orders are taken at once and carried out in the background; looking never
// blocks. One target serves any number of services of its kind.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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

// How long the phases of a replica's start took: those that are over and were seen.
struct StartPhases {
  std::optional<Duration> scheduling;  // requested -> a machine is found
  std::optional<Duration> pulling;     // -> its process runs
  std::optional<Duration> loading;     // -> ready
  friend bool operator==(const StartPhases&, const StartPhases&) = default;
};

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
  std::int32_t remote_gpus = 0;  // of another machine, where they have no index for us
  StartPhases start = {};        // where the target can tell them apart
  std::int64_t pid = 0;          // 0: not a local process
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

// What keeps a service from its size now; present until it is over (events are said once, these stand).
struct TargetProblem {
  std::string pool;
  Reason reason = Reason::target_error;
  std::string message;
  std::int32_t replicas = 0;  // concerned; 0: all
  friend bool operator==(const TargetProblem&, const TargetProblem&) = default;
};

struct TargetView {
  std::vector<Replica> replicas;                                         // gone ones left out; ordered by id
  std::map<std::string, std::vector<ColdStart>> cold_starts;             // by service, finished since the last look
  std::map<std::string, std::map<std::string, std::int32_t>> available;  // service -> pool -> placeable now
  std::map<std::string, bool> rollouts;                                  // services whose revision is being rolled out
  std::map<std::string, std::vector<TargetProblem>> problems;            // by service
  std::set<std::string> unseen;     // services that cannot be seen now: their replicas are the last seen, if any
  std::vector<TargetEvent> events;  // since the last look
};

struct Order {
  std::string pool;
  Replicas replicas{0};  // committed: requested + starting + loading + ready
};

class Target {
 public:
  virtual ~Target() = default;

  // The services it is to serve from now on (start-up and every reload). Replicas of services no longer
  // listed are drained where the target runs them, and left as they are where somebody else does.
  virtual void configure(const std::vector<ServiceSpec>& services) = 0;

  // The size wanted. Repeating an order changes nothing.
  virtual void order(const std::string& service, const std::vector<Order>& pools) = 0;

  // Requests in flight per replica id, so that the idlest one goes first and drains end when empty.
  // Replicas not listed are taken as unknown, not as idle.
  virtual void in_flight(const std::map<std::string, std::int64_t>& by_replica) = 0;

  // A person let the service go on: what the target stopped doing of its own is taken up again.
  virtual void resume(const std::string& service) { static_cast<void>(service); }

  // Replaces every replica of a service, one after another, without losing requests.
  virtual Result<void> restart(const std::string& service) = 0;

  [[nodiscard]] virtual TargetView look() = 0;
};

}  // namespace tidegate
