// What a run was worth: the service its requests got and what the replicas cost.
//
// A request is within the SLO when it was served and met the bound of every objective that can be measured here
// (ttft, latency, queue_wait). attainment = within / all, dropped and cut requests counting as missed.
// Replica-hours are billed from request to gone. A reversal is a change of the decided size against the
// direction of the change before; a flap is a reversal within five minutes of it. A request is cold-start
// exposed when the replica that served it became ready after it came, or it was dropped while one was starting.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/slo.h"

namespace tidegate {

enum class RequestOutcome : std::uint8_t { served, dropped, cut };  // cut: its replica died under it

struct RequestEnd {
  Instant arrival{};
  Duration wait{};  // until service began, or until it was dropped
  Duration ttft{};  // served ones only
  Duration latency{};
  Duration itl{};  // mean time between tokens; zero where the plant knows of none
  RequestOutcome outcome = RequestOutcome::served;
  bool cold_start_exposed = false;
};

[[nodiscard]] bool is_within(const Slo& slo, const RequestEnd& end);

// The q-quantile of unordered values, nearest rank (the smallest value with at least q of all at or below it);
// reorders them. Zero when empty.
[[nodiscard]] double quantile(std::vector<double>& values, double q);

struct Score {
  std::uint64_t requests = 0;
  std::uint64_t dropped = 0;
  std::uint64_t cut = 0;
  double attainment = 1;  // 1 without requests
  double replica_hours = 0;
  double gpu_hours = 0;
  double cost = 0;  // US dollars, of pools that have a price
  std::uint64_t scale_events = 0;
  std::uint64_t reversals = 0;
  std::uint64_t flaps = 0;
  std::uint64_t cold_starts = 0;
  std::uint64_t cold_start_exposed = 0;
  std::int32_t replicas_max = 0;
  std::int32_t replicas_last = 0;
};

class Scorecard {
 public:
  explicit Scorecard(Slo slo) : slo_(std::move(slo)) {}

  void request(const RequestEnd& end) { ends_.push_back(end); }
  void replica(Duration life, double gpus, std::optional<MicroUsdPerHour> price);
  void cold_starts(std::uint64_t count) { score_.cold_starts += count; }
  void decided(Instant now, Replicas total);

  [[nodiscard]] Score score() const;
  // Over the served requests. LatencyKind::itl is not measured: none.
  [[nodiscard]] std::optional<double> latency_quantile(LatencyKind kind, double q) const;
  // The share of minutes (by arrival, those without requests left out) whose q-quantile is below the bound.
  [[nodiscard]] double minutes_below(LatencyKind kind, double q, double bound) const;
  // Attainment of the requests that came within [from, to).
  [[nodiscard]] double attainment(Instant from, Instant to) const;

 private:
  Slo slo_;
  Score score_;
  std::vector<RequestEnd> ends_;
  std::optional<Replicas> size_;
  std::optional<Instant> changed_at_;
  int direction_ = 0;
};

}  // namespace tidegate
