#include "core/signals/signal_reader.h"

#include <algorithm>
#include <cmath>

namespace tidegate {

namespace {

constexpr Origin arrivals_order[] = {Origin::gateway, Origin::traffic, Origin::query, Origin::replica};
constexpr Origin admission_order[] = {Origin::gateway, Origin::query, Origin::replica};
constexpr Origin server_order[] = {Origin::query, Origin::replica, Origin::gateway};
constexpr Signal load_signals[] = {Signal::completions, Signal::in_flight, Signal::queued};

constexpr Signal signal_of(LatencyKind kind) {
  constexpr Signal signals[] = {Signal::ttft, Signal::itl, Signal::latency, Signal::queue_wait};
  return signals[static_cast<std::size_t>(kind)];
}

// Of several readings that are all not fresh: a stale one has a number at least, an error has a cause.
int rank(Quality quality) {
  constexpr int ranks[] = {0, 4, 3, 1, 2};  // absent, fresh, stale, nan, error
  return ranks[static_cast<std::size_t>(quality)];
}

}  // namespace

bool SignalBook::Reader::has_streams(Signal signal, Origin origin, std::string_view name) const {
  auto at = book_.streams.lower_bound({.signal = signal, .origin = origin, .name = std::string{name}});
  for (; at != book_.streams.end(); ++at) {
    if (at->first.signal != signal || at->first.origin != origin || at->first.name != name) return false;
    if (at->second.was_live) return true;
  }
  return false;
}

bool SignalBook::Reader::others_measure_load() const {
  if (spec_.signals.traffic) return true;
  for (Origin origin : {Origin::query, Origin::replica})
    for (Signal signal : load_signals)
      if (has_streams(signal, origin, "")) return true;
  return has_streams(Signal::arrivals, Origin::query, "");
}

SignalBook::Reader::Origins SignalBook::Reader::order(Signal signal) const {
  switch (signal) {
    case Signal::arrivals:
      return arrivals_order;
    case Signal::completions:
    case Signal::in_flight:
    case Signal::queued:
    case Signal::ttft:
    case Signal::itl:
    case Signal::latency:
    case Signal::queue_wait:
      return admission_order;
    default:
      return server_order;
  }
}

std::optional<Origin> SignalBook::Reader::speaker(Signal signal, std::string_view name) const {
  const bool gateway_stands_aside = !book_.gateway_counted && others_measure_load();
  for (Origin origin : order(signal)) {
    if (origin == Origin::gateway && gateway_stands_aside) continue;
    if (has_streams(signal, origin, name)) return origin;
  }
  return std::nullopt;
}

const SignalBook::Stream* SignalBook::Reader::of_replica(const Question& question, Origin origin,
                                                         const std::string& replica) const {
  const auto found = book_.streams.find(
      {.signal = question.signal, .origin = origin, .name = std::string{question.name}, .replica = replica});
  return found == book_.streams.end() ? nullptr : &found->second;
}

const SignalBook::Stream* SignalBook::Reader::of_service(const Question& question, Origin origin) const {
  return question.pool.empty() ? of_replica(question, origin, "") : nullptr;
}

Reading SignalBook::Reader::single(const Stream& stream, bool counts) const {
  Reading reading{.quality = stream.track.quality(now_)};
  if (stream.track.has_value()) {
    reading.value = stream.track.gauge();
    reading.age = std::max(now_ - stream.track.taken(), Duration{});
  }
  if (!counts) return reading;
  if (stream.track.is_gauge()) {
    reading.value = std::max(0.0, reading.value) * seconds(interval_);  // a rate
    if (interval_ <= Duration{}) reading.quality = Quality::absent;
    return reading;
  }
  reading.value = stream.taken.count;
  // Without two samples, or without a previous observation, there is nothing to count from.
  if (reading.quality == Quality::fresh && (!stream.track.has_interval() || interval_ <= Duration{}))
    reading.quality = Quality::absent;
  return reading;
}

Reading SignalBook::Reader::over_replicas(const Question& question, Origin origin, bool counts) const {
  Reading whole;
  double sum = 0;
  int parts = 0;
  Duration youngest = Duration::max();
  const auto add = [&](const Reading& reading) {
    if (rank(reading.quality) < rank(whole.quality)) return;  // stale numbers never mix with fresh ones
    if (rank(reading.quality) > rank(whole.quality)) {
      whole.quality = reading.quality;
      sum = 0;
      parts = 0;
      youngest = Duration::max();
    }
    if (reading.quality != Quality::fresh && reading.quality != Quality::stale) return;
    youngest = std::min(youngest, reading.age);
    sum += reading.value;
    ++parts;
  };
  for (const LiveReplica& replica : live_) {
    if (!question.pool.empty() && replica.pool != question.pool) continue;
    const Stream* stream = of_replica(question, origin, replica.replica);
    if (!replica.draining) ++whole.coverage.expected;
    if (stream == nullptr || (replica.draining && !question.drainers)) continue;
    const Reading reading = single(*stream, counts);
    if (!replica.draining && reading.is_fresh()) ++whole.coverage.reported;
    add(reading);
  }
  // A vanished replica's last count is still new, but says nothing about how well we see the others.
  if (counts)
    for (const auto& [key, stream] : book_.streams)
      if (key.signal == question.signal && key.origin == origin && key.name == question.name && !key.replica.empty() &&
          !stream.was_live && (question.pool.empty() || stream.track.pool() == question.pool))
        sum += stream.taken.count;
  whole.value = question.combine == Combine::mean && parts > 0 ? sum / parts : sum;
  if (parts > 0) whole.age = youngest;
  return whole;
}

Reading SignalBook::Reader::combine(const Question& question, bool counts) const {
  const auto origin = speaker(question.signal, question.name);
  if (!origin) return {};
  if (const Stream* whole = of_service(question, *origin)) return single(*whole, counts);
  return over_replicas(question, *origin, counts);
}

Reading SignalBook::Reader::gauge(const Question& question) const { return combine(question, false); }
Reading SignalBook::Reader::count(const Question& question) const { return combine(question, true); }

Reading SignalBook::Reader::quality_of_latency(Signal signal, Origin origin, std::string_view pool) const {
  const Question question{.signal = signal, .drainers = true, .pool = pool};
  if (const Stream* whole = of_service(question, origin)) return single(*whole, false);
  return over_replicas(question, origin, false);
}

void SignalBook::Reader::read_latencies(Observation& seen) const {
  for (std::size_t k = 0; k < latency_kinds; ++k) {
    const auto kind = static_cast<LatencyKind>(k);
    const Signal signal = signal_of(kind);
    const auto origin = speaker(signal, "");
    if (!origin) continue;
    const Reading base = quality_of_latency(signal, *origin, "");
    const auto window = book_.windows.find({.signal = signal, .origin = *origin});
    for (std::size_t p = 0; p < percentiles; ++p) {
      Reading reading = base;
      const auto percentile = static_cast<Percentile>(p);
      const auto value = window == book_.windows.end() ? std::nullopt : window->second.quantile(fraction(percentile));
      reading.value = value.value_or(0);
      // Measured, but nothing ended within 60 s: a quantile of nothing is not a number.
      if (!value && reading.is_fresh()) reading.quality = Quality::nan;
      seen.latency(kind, percentile) = reading;
    }
  }
  // A query that gives one percentile speaks for that one.
  for (const auto& [key, stream] : book_.streams) {
    const auto spelled = key.name.empty() ? std::nullopt : latency_of_name(key.name);
    if (spelled && key.origin == Origin::query && key.replica.empty())
      seen.latency(spelled->first, spelled->second) = single(stream, false);
  }
}

void SignalBook::Reader::read_custom(Observation& seen) const {
  std::string_view last;
  for (const auto& [key, stream] : book_.streams) {
    if (key.signal != Signal::custom || key.name.empty() || key.name == last || latency_of_name(key.name)) continue;
    // What the gateway says beyond the signals is for its own page; the objective's counts have their fields.
    if (key.origin == Origin::gateway) continue;
    last = key.name;
    const bool known = std::ranges::any_of(seen.custom, [&](const CustomReading& c) { return c.name == key.name; });
    if (known) continue;
    const Question question{.signal = Signal::custom, .name = key.name};
    seen.custom.push_back({.name = key.name, .reading = combine(question, !stream.track.is_gauge())});
  }
}

Reading SignalBook::Reader::itl_mean(const std::string& pool) const {
  // Only replicas can be told apart by pool; a query that answers for the service cannot.
  for (Origin origin : {Origin::gateway, Origin::replica}) {
    if (origin == Origin::gateway && !book_.gateway_counted && others_measure_load()) continue;
    if (!has_streams(Signal::itl, origin, "")) continue;
    Reading reading = quality_of_latency(Signal::itl, origin, pool);
    const auto window = book_.windows.find({.signal = Signal::itl, .origin = origin, .pool = pool});
    const auto value = window == book_.windows.end() ? std::nullopt : window->second.mean();
    reading.value = value.value_or(0);
    if (!value && reading.is_fresh()) reading.quality = Quality::nan;
    return reading;
  }
  return {};
}

void SignalBook::Reader::read_pools(Observation& seen) const {
  // Of the origins that tell replicas apart, the same one as for the service where it does.
  const auto of_pool = [&](Signal signal, const std::string& pool, Combine how, bool drainers, bool counts) {
    const Question question{.signal = signal, .combine = how, .drainers = drainers, .pool = pool};
    const bool gateway_aside = !book_.gateway_counted && others_measure_load();
    for (Origin origin : order(signal)) {
      if (origin == Origin::gateway && gateway_aside) continue;
      const bool tells_apart = std::ranges::any_of(
          live_, [&](const LiveReplica& replica) { return of_replica(question, origin, replica.replica) != nullptr; });
      if (tells_apart) return over_replicas(question, origin, counts);
    }
    return Reading{};
  };
  for (const PoolSpec& pool : spec_.pools) {
    PoolObservation load{.pool = pool.name};
    load.in_flight = of_pool(Signal::in_flight, pool.name, Combine::sum, true, false);
    load.completions = of_pool(Signal::completions, pool.name, Combine::sum, true, true);
    load.kv_usage = of_pool(Signal::kv_usage, pool.name, Combine::mean, false, false);
    load.itl_mean = itl_mean(pool.name);
    seen.pools.push_back(std::move(load));
  }
}

Observation SignalBook::Reader::read() const {
  Observation seen{.now = now_, .service = spec_.name};
  seen.arrivals = count({.signal = Signal::arrivals});
  seen.completions = count({.signal = Signal::completions});
  seen.in_flight = gauge({.signal = Signal::in_flight});
  seen.queued = gauge({.signal = Signal::queued, .drainers = false});
  seen.input_tokens = count({.signal = Signal::input_tokens});
  seen.output_tokens = count({.signal = Signal::output_tokens});
  seen.within_slo = count({.name = "within_slo"});
  seen.missed_slo = count({.name = "missed_slo"});
  for (auto [signal, field] : {std::pair{Signal::kv_usage, &seen.kv_usage}, std::pair{Signal::gpu_util, &seen.gpu_util},
                               std::pair{Signal::gpu_memory, &seen.gpu_memory}})
    *field = gauge({.signal = signal, .combine = Combine::mean, .drainers = false});
  read_latencies(seen);
  read_custom(seen);
  read_pools(seen);
  return seen;
}

}  // namespace tidegate
