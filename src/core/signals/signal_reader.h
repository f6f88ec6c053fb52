// Reads one service's streams into the fields of an observation: which origin speaks, sums and means over
// replicas, coverage, and the quality of the whole. Private to SignalBook; the rules stand in its header.
#pragma once

#include <functional>
#include <initializer_list>

#include "core/signals/signal_book.h"

namespace tidegate {

class SignalBook::Reader {
 public:
  Reader(const ServiceBook& book, const ServiceSpec& spec, std::span<const LiveReplica> live, Instant now,
         Duration interval)
      : book_(book), spec_(spec), live_(live), now_(now), interval_(interval) {}

  [[nodiscard]] Observation read() const;

 private:
  enum class Combine : std::uint8_t { sum, mean };
  struct Question {
    Signal signal = Signal::custom;
    std::string_view name = {};  // of a custom signal
    Combine combine = Combine::sum;
    bool drainers = true;        // they count as well
    std::string_view pool = {};  // empty: the whole service
  };
  using Origins = std::span<const Origin>;

  [[nodiscard]] Origins order(Signal signal) const;
  [[nodiscard]] bool has_streams(Signal signal, Origin origin, std::string_view name) const;
  [[nodiscard]] bool others_measure_load() const;
  [[nodiscard]] std::optional<Origin> speaker(Signal signal, std::string_view name) const;
  [[nodiscard]] const Stream* of_service(const Question& question, Origin origin) const;
  [[nodiscard]] const Stream* of_replica(const Question& question, Origin origin, const std::string& replica) const;
  [[nodiscard]] Reading gauge(const Question& question) const;
  [[nodiscard]] Reading count(const Question& question) const;
  [[nodiscard]] Reading combine(const Question& question, bool counts) const;
  [[nodiscard]] Reading over_replicas(const Question& question, Origin origin, bool counts) const;
  [[nodiscard]] Reading single(const Stream& stream, bool counts) const;
  [[nodiscard]] Reading quality_of_latency(Signal signal, Origin origin, std::string_view pool) const;
  [[nodiscard]] Reading itl_mean(const std::string& pool) const;
  void read_latencies(Observation& seen) const;
  void read_custom(Observation& seen) const;
  void read_pools(Observation& seen) const;

  const ServiceBook& book_;
  const ServiceSpec& spec_;
  std::span<const LiveReplica> live_;
  Instant now_;
  Duration interval_;
};

}  // namespace tidegate
