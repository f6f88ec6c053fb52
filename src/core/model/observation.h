// What one service looked like at one instant: everything `decide` may know beside its spec and its state.
// Counts are since the previous observation; a field left alone is absent, which is not zero.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/reading.h"
#include "core/model/slo.h"

namespace tidegate {

struct PoolObservation {
  std::string pool;
  std::int32_t requested = 0;  // asked for, not yet seen
  std::int32_t starting = 0;   // exists, process or machine not up
  std::int32_t loading = 0;    // up, model not loaded
  std::int32_t ready = 0;
  std::int32_t draining = 0;
  std::int32_t failed = 0;
  std::optional<std::int32_t> available;  // how many more the target could place now, if it knows
  // Per-pool load, where replicas can be told apart (gateway, scrape).
  Reading in_flight;
  Reading completions;
  Reading itl_mean;  // seconds
  Reading kv_usage;

  [[nodiscard]] std::int32_t warming() const { return requested + starting + loading; }
  // Ready and warming replicas are committed; draining and failed ones are not.
  [[nodiscard]] Replicas committed() const { return Replicas{ready + warming()}; }
  friend bool operator==(const PoolObservation&, const PoolObservation&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(pool, requested, starting, loading, ready, draining, failed, available, in_flight, completions, itl_mean,
       kv_usage);
  }
};

struct ColdStart {
  std::string pool;
  Duration took{};  // request to ready
  friend bool operator==(const ColdStart&, const ColdStart&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(pool, took);
  }
};

struct CustomReading {
  std::string name;
  Reading reading;
  friend bool operator==(const CustomReading&, const CustomReading&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(name, reading);
  }
};

// An operator's hand on the wheel: pins or bounds the size until it expires.
enum class OverrideKind : std::uint8_t { pin, floor, ceiling };
template <>
inline constexpr auto enum_texts<OverrideKind> = std::to_array<EnumText<OverrideKind>>(
    {{OverrideKind::pin, "pin"}, {OverrideKind::floor, "floor"}, {OverrideKind::ceiling, "ceiling"}});

struct Override {
  OverrideKind kind = OverrideKind::pin;
  Replicas replicas{0};
  Instant expires{};
  std::string author;
  std::string comment;
  friend bool operator==(const Override&, const Override&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(kind, replicas, expires, author, comment);
  }
};

struct Pause {
  std::optional<Instant> expires;
  std::string author;
  std::string comment;
  friend bool operator==(const Pause&, const Pause&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(expires, author, comment);
  }
};

struct Observation {
  Instant now{};
  std::string service;
  Reading arrivals;
  Reading completions;
  Reading in_flight;                                                        // being served, drainers included
  Reading queued;                                                           // not begun
  std::array<std::array<Reading, percentiles>, latency_kinds> latencies{};  // seconds, over the last 60 s
  Reading within_slo;  // requests that ended since the previous observation and met every objective
  Reading missed_slo;  // ... and did not (rejected and broken ones included)
  Reading input_tokens;
  Reading output_tokens;
  Reading gpu_util;
  Reading gpu_memory;
  Reading kv_usage;
  std::vector<CustomReading> custom;
  std::vector<PoolObservation> pools;
  std::vector<ColdStart> cold_starts;  // finished since the previous observation
  std::optional<Override> manual;
  std::optional<Pause> pause;
  bool rollout = false;    // a new revision is being rolled out: nothing lowers
  bool unseen = false;     // the target cannot be seen: the pools are as they were last, or empty; nothing changes
  bool restarted = false;  // the first observation after a restart without a fresh state

  [[nodiscard]] Reading& latency(LatencyKind kind, Percentile p) {
    return latencies[static_cast<std::size_t>(kind)][static_cast<std::size_t>(p)];
  }
  [[nodiscard]] const Reading& latency(LatencyKind kind, Percentile p) const {
    return latencies[static_cast<std::size_t>(kind)][static_cast<std::size_t>(p)];
  }

  friend bool operator==(const Observation&, const Observation&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    // Two flags in one byte: a journal from before `unseen` has `rollout` there.
    auto flags = static_cast<std::uint8_t>((rollout ? 1 : 0) + (unseen ? 2 : 0));
    ar(now, service, arrivals, completions, in_flight, queued, latencies, within_slo, missed_slo, input_tokens,
       output_tokens, gpu_util, gpu_memory, kv_usage, custom, pools, cold_starts, manual, pause, flags, restarted);
    if constexpr (Archive::is_reading) rollout = flags % 2 != 0, unseen = flags / 2 != 0;
  }
};

}  // namespace tidegate
