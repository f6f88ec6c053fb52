#include "core/policy/signal_value.h"

#include <algorithm>

#include "core/signals/signal_book.h"

namespace tidegate {
namespace {

Reading per_second(Reading count, Duration interval) {
  count.value = interval > Duration::zero() ? count.value / seconds(interval) : 0;
  if (interval <= Duration::zero()) count.quality = Quality::absent;
  return count;
}

Reading latency(const Observation& seen, LatencyKind kind, std::string_view name) {
  const auto named = latency_of_name(name);
  return named && named->first == kind ? seen.latency(kind, named->second) : seen.latency(kind, Percentile::p99);
}

}  // namespace

Reading signal_reading(const Observation& seen, Signal signal, std::string_view name, Duration interval) {
  switch (signal) {
    case Signal::arrivals:
      return per_second(seen.arrivals, interval);
    case Signal::completions:
      return per_second(seen.completions, interval);
    case Signal::input_tokens:
      return per_second(seen.input_tokens, interval);
    case Signal::output_tokens:
      return per_second(seen.output_tokens, interval);
    case Signal::in_flight:
      return seen.in_flight;
    case Signal::queued:
      return seen.queued;
    case Signal::gpu_util:
      return seen.gpu_util;
    case Signal::gpu_memory:
      return seen.gpu_memory;
    case Signal::kv_usage:
      return seen.kv_usage;
    case Signal::ttft:
      return latency(seen, LatencyKind::ttft, name);
    case Signal::itl:
      return latency(seen, LatencyKind::itl, name);
    case Signal::latency:
      return latency(seen, LatencyKind::latency, name);
    case Signal::queue_wait:
      return latency(seen, LatencyKind::queue_wait, name);
    case Signal::custom:
      break;
  }
  const auto found = std::ranges::find(seen.custom, name, &CustomReading::name);
  return found == seen.custom.end() ? Reading{} : found->reading;
}

Reason missing_reason(const Reading& reading) {
  switch (reading.quality) {
    case Quality::fresh:
      return reading.coverage.is_partial() ? Reason::signals_partial : Reason::steady;
    case Quality::stale:
      return Reason::signals_stale;
    case Quality::error:
      return Reason::signals_error;
    case Quality::absent:
    case Quality::nan:
      return Reason::no_data;
  }
  return Reason::no_data;
}

}  // namespace tidegate
