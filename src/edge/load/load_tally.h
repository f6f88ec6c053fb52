// Adds up how requests ended. Objectives are judged request by request: ttft and latency from the request's due
// time, itl as its mean gap between tokens, queue_wait as the server told it (untold: not judged). A request that
// failed has missed every objective.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/slo.h"
#include "edge/load/load_report.h"

namespace tidegate {

inline constexpr Duration late_after = 20ms;

// How one request went. `failure` empty: it succeeded.
struct LoadOutcome {
  Instant due{};
  Instant sent{};
  Instant ended{};
  std::optional<Instant> first{};  // its first token
  Instant last{};                  // its last token
  std::uint32_t tokens = 0;
  int status = 0;  // 0: no answer
  std::optional<Duration> queue{};
  std::string failure{};  // "timeout", "status_503"
};

class LoadTally {
 public:
  LoadTally(Slo slo, Instant start);

  // A response of success has its first token; the earliest counts as the end of the first cold start.
  void first_token(Instant at);
  void add(const LoadOutcome& outcome);
  void cancelled() { ++report_.cancelled; }
  void in_flight(std::uint64_t count);
  void connection() { ++report_.connections; }
  void sent_again() { ++report_.sent_again; }

  // So far, for a progress line.
  [[nodiscard]] std::uint64_t errors() const { return report_.errors; }
  [[nodiscard]] std::uint64_t requests() const { return report_.requests; }
  [[nodiscard]] std::optional<Duration> ttft_p99() const { return report_.ttft.quantile(0.99); }
  [[nodiscard]] std::optional<double> attainment() const;

  [[nodiscard]] LoadReport report(bool interrupted) const;

 private:
  struct Share {
    std::uint64_t within = 0, of = 0;
    void add(bool met) { within += met, ++of; }
    [[nodiscard]] std::optional<double> value() const {
      return of ? std::optional{static_cast<double>(within) / static_cast<double>(of)} : std::nullopt;
    }
  };
  struct Judged {
    Objective objective;
    Share all, after_first;
  };
  void record(const LoadOutcome& outcome);
  void judge(const LoadOutcome& outcome);

  LoadReport report_;
  Instant start_;
  Instant last_end_;
  std::optional<Instant> first_success_;
  std::vector<Judged> judged_;
  Share all_, after_first_;
};

}  // namespace tidegate
