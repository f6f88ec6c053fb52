// One served model: its promise, its bounds, its pools. Immutable for a tick.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/policy_spec.h"
#include "core/model/slo.h"
#include "core/model/source_spec.h"
#include "core/model/target_spec.h"

namespace tidegate {

enum class Mode : std::uint8_t { act, shadow };
template <>
inline constexpr auto enum_texts<Mode> = std::to_array<EnumText<Mode>>({{Mode::act, "act"}, {Mode::shadow, "shadow"}});

// What the user knows of a replica's capacity before anything is measured: a hint, corrected online.
struct CapacityHint {
  std::string profile;              // a row of profiles/, resolved into the fields below at load time
  std::optional<double> slots;      // requests served at once within the SLO
  std::optional<Duration> service;  // mean time a request spends in service at that concurrency
  // Latency against concurrency c, from a profile: residence(c) = base + slope * c.
  std::optional<Duration> residence_base;
  std::optional<Duration> residence_slope;
  std::optional<double> slots_max;  // the server's own limit (max_num_seqs)

  friend bool operator==(const CapacityHint&, const CapacityHint&) = default;
};

struct PoolSpec {
  std::string name = "default";
  std::optional<MicroUsdPerHour> price;  // of one replica; none: GPU-hours are the cost
  bool pays_nodes = false;               // the price is a part of a node's, which is paid whole
  std::int32_t gpus = 0;                 // per replica, whole ones
  std::optional<double> gpu_share;       // of one GPU, per replica, where others divide it (MIG, time slices): 0 to 1
  std::optional<Bytes> gpu_memory;       // per replica, when it shares a GPU
  std::optional<Duration> startup;       // prior of the cold start
  std::optional<Replicas> replicas_max;  // of this pool
  CapacityHint capacity;
  TargetSpec target;

  // GPUs that a replica occupies.
  [[nodiscard]] double gpus_each() const { return gpu_share.value_or(gpus); }

  friend bool operator==(const PoolSpec&, const PoolSpec&) = default;
};

// At most `change` replicas within `period`; the ledger survives restarts.
struct RateLimit {
  Replicas change{4};
  Duration period = 1min;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct Guardrails {
  Replicas replicas_min{0};
  Replicas replicas_max{1};
  std::optional<Replicas> step_up;  // most added in one decision
  std::optional<Replicas> step_down;
  std::optional<RateLimit> rate_up;
  std::optional<RateLimit> rate_down;
  std::optional<Duration> dwell;  // after a reversal; default: the learned cold start
  friend bool operator==(const Guardrails&, const Guardrails&) = default;
};

struct MatchSpec {
  std::vector<std::string> models;  // default: the service's name; further names are LoRA adapters
  std::optional<std::string> host;
  std::optional<std::string> path;  // prefix
  friend bool operator==(const MatchSpec&, const MatchSpec&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(models, host, path);
  }
};

enum class Heartbeat : std::uint8_t { none, sse };
template <>
inline constexpr auto enum_texts<Heartbeat> =
    std::to_array<EnumText<Heartbeat>>({{Heartbeat::none, "none"}, {Heartbeat::sse, "sse"}});

// The waiting room of a service: how long and how much may be held.
struct HoldSpec {
  Duration max_age = 50s;
  std::int32_t max_requests = 10'000;
  Bytes max_bytes{256LL << 20};
  Heartbeat heartbeat = Heartbeat::none;
  Duration heartbeat_period = 10s;
  friend bool operator==(const HoldSpec&, const HoldSpec&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(max_age, max_requests, max_bytes, heartbeat, heartbeat_period);
  }
};

struct ServiceSpec {
  std::string name;
  Mode mode = Mode::act;
  Slo slo;
  Guardrails guardrails;
  MatchSpec match;
  HoldSpec hold;
  SignalsSpec signals;
  std::vector<PolicySpec> policies{SloPolicy{}};  // combined: max of floors, max of ceilings
  std::vector<PolicySpec> compare_with;           // peers shown beside us, never acting
  std::string timezone = "UTC";
  bool affinity = true;         // requests of a session or prefix prefer their replica
  std::vector<PoolSpec> pools;  // at least one; the first is the reference pool

  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

}  // namespace tidegate
