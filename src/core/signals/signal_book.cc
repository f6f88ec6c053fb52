#include "core/signals/signal_book.h"

#include <algorithm>

#include "core/signals/signal_reader.h"

namespace tidegate {

namespace {

using LiveByName = std::map<std::string_view, const LiveReplica*>;

LiveByName by_name(std::span<const LiveReplica> live) {
  LiveByName names;
  for (const LiveReplica& replica : live) names.emplace(replica.replica, &replica);
  return names;
}

}  // namespace

std::optional<std::pair<LatencyKind, Percentile>> latency_of_name(std::string_view name) {
  const std::size_t split = name.rfind('_');
  if (split == std::string_view::npos) return std::nullopt;
  const auto kind = from_text<LatencyKind>(name.substr(0, split));
  const auto percentile = from_text<Percentile>(name.substr(split + 1));
  if (!kind || !percentile) return std::nullopt;
  return std::pair{*kind, *percentile};
}

void SignalBook::ingest(std::span<const Sample> samples, Instant now) {
  for (const Sample& sample : samples) {
    ServiceBook& book = services_[sample.service];
    StreamKey key{.signal = sample.signal, .origin = sample.origin, .name = sample.name, .replica = sample.replica};
    auto found = book.streams.find(key);
    if (found == book.streams.end()) {
      if (tracks_count_ >= tracks_max) {
        ++drops_.too_many;
        continue;
      }
      found = book.streams.emplace(std::move(key), Stream{}).first;
      ++tracks_count_;
    }
    Track& track = found->second.track;
    bool restarted = false;
    if (sample.taken > now) {
      // A clock ahead of ours would keep the sample fresh for ever.
      Sample present = sample;
      present.taken = now;
      restarted = track.ingest(present);
    } else {
      restarted = track.ingest(sample);
    }
    if (restarted) ++drops_.restarts;
    if (sample.origin == Origin::gateway && sample.signal == Signal::arrivals && track.total() > 0)
      book.gateway_counted = true;
  }
}

void SignalBook::feed_window(ServiceBook& book, const StreamKey& key, const std::string& pool,
                             const Increment& increment, Instant now) {
  if (increment.count <= 0) return;
  const auto feed = [&](const std::string& whose) {
    const WindowKey window{.signal = key.signal, .origin = key.origin, .pool = whose};
    if (!book.windows[window].add(increment.bounds, increment.buckets, increment.sum, now)) ++drops_.too_many;
  };
  // The gateway measures the service itself; its replicas' histograms are for their pools only.
  if (key.replica.empty() || key.origin != Origin::gateway) feed("");
  if (!pool.empty()) feed(pool);
}

void SignalBook::sweep(ServiceBook& book, std::span<const LiveReplica> live, Instant now, Duration interval) {
  const LiveByName names = by_name(live);
  for (auto& [key, window] : book.windows) window.forget_before(now);
  for (auto at = book.streams.begin(); at != book.streams.end();) {
    const StreamKey& key = at->first;
    Stream& stream = at->second;
    const auto found = names.find(key.replica);
    const LiveReplica* replica = found == names.end() ? nullptr : found->second;
    const bool is_live = key.replica.empty() || replica != nullptr;
    stream.taken = {};
    if (is_live || stream.was_live) {
      if (interval > Duration{}) {
        stream.taken = stream.track.take(now, interval);
        const std::string& pool = replica != nullptr ? replica->pool : stream.track.pool();
        if (stream.track.is_histogram()) feed_window(book, key, key.replica.empty() ? "" : pool, stream.taken, now);
      } else {
        stream.track.discard();
      }
    }
    const bool vanished = !is_live && !stream.was_live;
    if (!is_live) ++drops_.not_live;
    if (vanished || now - stream.track.heard() > unheard_max) {
      at = book.streams.erase(at);
      --tracks_count_;
      continue;
    }
    stream.was_live = is_live;
    ++at;
  }
  std::erase_if(book.windows, [](const auto& entry) { return entry.second.count() <= 0; });
}

Observation SignalBook::readings(const ServiceSpec& spec, std::span<const LiveReplica> live, Instant now) {
  ServiceBook& book = services_[spec.name];
  const Duration interval = book.has_previous ? std::max(now - book.previous, Duration{}) : Duration{};
  sweep(book, live, now, interval);
  const Observation seen = Reader{book, spec, live, now, interval}.read();
  book.previous = now;
  book.has_previous = true;
  return seen;
}

void SignalBook::forget(const std::string& service) {
  const auto found = services_.find(service);
  if (found == services_.end()) return;
  tracks_count_ -= found->second.streams.size();
  services_.erase(found);
}

}  // namespace tidegate
