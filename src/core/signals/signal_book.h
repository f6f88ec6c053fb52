// Samples of any source in, the readings of one observation out. The book joins samples with the replicas that
// are alive, turns counters into counts since the previous observation, histograms into quantiles of the last
// 60 s, and keeps fresh, stale, absent, NaN, error and partly covered apart. It decides nothing: where arrivals
// are not measured, the reading is absent and the observe stage derives them.
//
// Replicas. What is measured at a replica counts only while that replica is ready or draining; of unknown, warming
// and gone ones it is left out and counted in drops(). When a replica vanishes, what it had counted until then is
// kept, and nothing is subtracted. In-flight and counts include draining replicas; coverage, utilisation and
// queue do not. Sums: in_flight, queued, counts, custom gauges. Means over replicas: kv_usage, gpu_util, gpu_memory.
//
// Which origin speaks. One origin answers for a signal; origins are never mixed:
//
//   arrivals                          gateway, traffic, query, replica
//   completions, in_flight, queued,
//   ttft, itl, latency, queue_wait    gateway, query, replica
//   tokens, kv_usage, gpu_*, custom   query, replica, gateway
//
// The first that has samples speaks, however bad they are: falling from a broken origin to another one would show
// a jump of the measurement as a jump of the load. One exception: a gateway that has never counted a request for
// the service, while another origin has samples of its load, stands in nobody's path, and its zeros say nothing.
// A service with `traffic:` is such a case as soon as it is configured, whether the query answers or not.
//
// Bounded: `tracks_max` streams; those unheard for 10 minutes go.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/time.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"
#include "core/signals/histogram_window.h"
#include "core/signals/sample.h"
#include "core/signals/track.h"

namespace tidegate {

// A replica whose measurements count.
struct LiveReplica {
  std::string replica;
  std::string pool;
  bool draining = false;
  friend bool operator==(const LiveReplica&, const LiveReplica&) = default;
};

struct SignalDrops {
  std::uint64_t not_live = 0;  // samples of replicas that are unknown, warming or gone
  std::uint64_t too_many = 0;  // streams or bucket grids beyond the bound
  std::uint64_t restarts = 0;  // counters and histograms that began anew
  friend bool operator==(const SignalDrops&, const SignalDrops&) = default;
};

class SignalBook {
 public:
  static constexpr std::size_t tracks_max = 200'000;
  static constexpr Duration unheard_max = 10min;

  void ingest(std::span<const Sample> samples, Instant now);

  // What is known of the service now. Counts are since the previous call for the same service, so the first call
  // has none: they are absent. Every pool of the spec gets its load; the numbers of replicas are the caller's.
  [[nodiscard]] Observation readings(const ServiceSpec& spec, std::span<const LiveReplica> live, Instant now);

  void forget(const std::string& service);
  [[nodiscard]] const SignalDrops& drops() const { return drops_; }
  [[nodiscard]] std::size_t tracks() const { return tracks_count_; }

 private:
  struct StreamKey {
    Signal signal = Signal::custom;
    Origin origin = Origin::replica;
    std::string name;
    std::string replica;
    friend auto operator<=>(const StreamKey&, const StreamKey&) = default;
  };
  struct WindowKey {
    Signal signal = Signal::ttft;
    Origin origin = Origin::replica;
    std::string pool;  // empty: of the service
    friend auto operator<=>(const WindowKey&, const WindowKey&) = default;
  };
  struct Stream {
    Track track;
    bool was_live = false;  // at the previous readings
    Increment taken;        // in the present readings
  };
  struct ServiceBook {
    std::map<StreamKey, Stream> streams;
    std::map<WindowKey, HistogramWindow> windows;
    Instant previous{};
    bool has_previous = false;
    bool gateway_counted = false;  // the gateway has seen a request of this service
  };
  class Reader;

  void sweep(ServiceBook& book, std::span<const LiveReplica> live, Instant now, Duration interval);
  void feed_window(ServiceBook& book, const StreamKey& key, const std::string& pool, const Increment& increment,
                   Instant now);

  std::map<std::string, ServiceBook, std::less<>> services_;
  std::size_t tracks_count_ = 0;
  SignalDrops drops_;
};

// The latency and percentile a custom name spells ("ttft_p99"), if it does.
[[nodiscard]] std::optional<std::pair<LatencyKind, Percentile>> latency_of_name(std::string_view name);

}  // namespace tidegate
