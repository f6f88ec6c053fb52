#include "edge/gateway/gateway_stats.h"

#include <bit>
#include <limits>

namespace tidegate {
namespace {

constexpr std::int64_t unit_ns = 125'000;

Sample sample_of(const std::string& service, Signal signal, Instant now) {
  Sample sample;
  sample.service = service;
  sample.signal = signal;
  sample.taken = now;
  return sample;
}

}  // namespace

std::size_t LatencyTally::bucket_of(Duration took) {
  if (took <= Duration{}) return 0;
  const auto units = static_cast<std::uint64_t>((took.count() - 1) / unit_ns);
  if (units < 4) return static_cast<std::size_t>(units);
  const auto octave = static_cast<std::size_t>(std::bit_width(units)) - 3;  // units in [4, 8): 0
  if (octave >= octaves) return buckets - 1;
  return 4 + 4 * octave + static_cast<std::size_t>((units >> octave) & 3);
}

double LatencyTally::upper(std::size_t bucket) {
  if (bucket == buckets - 1) return std::numeric_limits<double>::infinity();
  const std::uint64_t units = bucket < 4 ? bucket + 1 : (5 + (bucket & 3)) << ((bucket - 4) / 4);
  return static_cast<double>(units) * 125e-6;
}

void LatencyTally::record(Duration took, std::uint64_t times) {
  counts_[bucket_of(took)].add(times);
  sum_ns_.add(static_cast<std::uint64_t>(std::max(took, Duration{}).count()) * times);
}

Histogram LatencyTally::read(std::uint64_t epoch) const {
  Histogram histogram;
  histogram.epoch = epoch;
  histogram.sum = static_cast<double>(sum_ns_.value()) * 1e-9;
  histogram.buckets.reserve(buckets);
  double cumulative = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    cumulative += static_cast<double>(counts_[i].value());
    histogram.buckets.push_back({upper(i), cumulative});
  }
  return histogram;
}

std::shared_ptr<ServiceTally> GatewayStats::service(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& tally = services_[name];
  if (!tally) tally = std::make_shared<ServiceTally>();
  return tally;
}

std::shared_ptr<ReplicaTally> GatewayStats::replica(const std::string& service, const std::string& name,
                                                    const std::string& pool) {
  const std::lock_guard lock(mutex_);
  auto& tally = replicas_[{service, name}];
  if (!tally) {
    tally = std::make_shared<ReplicaTally>();
    tally->pool = pool;
  }
  return tally;
}

void GatewayStats::forget_service(const std::string& name) {
  const std::lock_guard lock(mutex_);
  services_.erase(name);
}

void GatewayStats::forget_replica(const std::string& service, const std::string& name) {
  const std::lock_guard lock(mutex_);
  replicas_.erase({service, name});
}

GatewayStats::Services GatewayStats::services() const {
  const std::lock_guard lock(mutex_);
  return services_;
}

GatewayStats::Replicas GatewayStats::replicas() const {
  const std::lock_guard lock(mutex_);
  return replicas_;
}

std::vector<Sample> GatewayStats::samples(Instant now) const {
  std::vector<Sample> all;
  const auto counter = [&](Sample sample, const Tally& tally) {
    sample.value = Counter{static_cast<double>(tally.value()), epoch_};
    all.push_back(std::move(sample));
  };
  const auto gauge = [&](Sample sample, const Tally& tally) {
    sample.value = Gauge{static_cast<double>(tally.value())};
    all.push_back(std::move(sample));
  };
  const auto histogram = [&](Sample sample, const LatencyTally& tally) {
    sample.value = tally.read(epoch_);
    all.push_back(std::move(sample));
  };
  for (const auto& [name, tally] : services()) {
    const auto of = [&](Signal signal) { return sample_of(name, signal, now); };
    const auto custom = [&](const char* what) {
      Sample sample = of(Signal::custom);
      sample.name = what;
      return sample;
    };
    counter(of(Signal::arrivals), tally->arrivals);
    counter(of(Signal::completions), tally->completions);
    gauge(of(Signal::in_flight), tally->in_flight);
    gauge(of(Signal::queued), tally->queued);
    histogram(of(Signal::ttft), tally->ttft);
    histogram(of(Signal::itl), tally->itl);
    histogram(of(Signal::latency), tally->latency);
    histogram(of(Signal::queue_wait), tally->queue_wait);
    counter(custom("within_slo"), tally->within_slo);
    counter(custom("missed_slo"), tally->missed_slo);
    counter(custom("failures"), tally->failures);
    counter(custom("rejected"), tally->rejected);
    counter(custom("cancelled"), tally->cancelled);
    counter(custom("client_retries"), tally->retries);
  }
  for (const auto& [names, tally] : replicas()) {
    const auto of = [&](Signal signal) {
      Sample sample = sample_of(names.first, signal, now);
      sample.replica = names.second;
      sample.pool = tally->pool;
      return sample;
    };
    const auto custom = [&](const char* what) {
      Sample sample = of(Signal::custom);
      sample.name = what;
      return sample;
    };
    counter(of(Signal::arrivals), tally->arrivals);
    counter(of(Signal::completions), tally->completions);
    gauge(of(Signal::in_flight), tally->in_flight);
    histogram(of(Signal::ttft), tally->ttft);
    histogram(of(Signal::itl), tally->itl);
    histogram(of(Signal::latency), tally->latency);
    counter(custom("failures"), tally->failures);
    gauge(custom("slots"), tally->slots);
  }
  return all;
}

}  // namespace tidegate
