// Decides which events are written: a new one at once, one that repeats as a series whose count grows, so that what
// goes on for hours is one object in the cluster and few writes. Pure.
//
// Events are the same when object, type, reason, action and note are. The first is created; repeats within `lasts`
// (6 min, as everywhere in Kubernetes) raise the count, which is written at most once per `period`; what repeats after
// that is a new event. At most `series_max` are remembered; the one that was quiet longest is forgotten first. Of one
// object at most `burst` events are new at once and `per_second` from then on, so that a loop cannot flood the cluster.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "edge/kubernetes/resource.h"
#include "edge/kubernetes/token_bucket.h"

namespace tidegate {

enum class EventType : std::uint8_t { normal, warning };

struct ClusterEvent {
  ObjectRef object;
  std::string uid = {};  // of the object, so that kubectl describe finds the event
  EventType type = EventType::normal;
  std::string reason;  // "ScaledUp": a word of CamelCase
  std::string action;  // "Scale"
  std::string note;    // for people; cut after 1024 bytes
  friend bool operator==(const ClusterEvent&, const ClusterEvent&) = default;
  friend auto operator<=>(const ClusterEvent&, const ClusterEvent&) = default;
};

// One write. count 1: create it; more: the series of one that was created before.
struct EventWrite {
  ClusterEvent event;
  std::string name;  // of the Event object
  std::int32_t count = 1;
  Instant first{};
  Instant last{};
};

struct EventSeriesLimits {
  Duration lasts = 6min;
  Duration period = 1min;
  std::size_t series_max = 2000;
  double burst = 100;
  double per_second = 0.2;
};

class EventSeries {
 public:
  explicit EventSeries(EventSeriesLimits limits = {}) : limits_(limits) {}

  // It happened. Nothing: there is nothing to write for it now.
  [[nodiscard]] std::optional<EventWrite> add(const ClusterEvent& event, Instant now);
  // Counts that were held back and are due; forgets what is over. `at_end`: all that were held back.
  [[nodiscard]] std::vector<EventWrite> due(Instant now, bool at_end = false);
  // The event object of a series is gone: the next repeat is a new one.
  void forget(const ClusterEvent& event) { series_.erase(event); }
  // How many were not written because their object had too many.
  [[nodiscard]] std::int64_t dropped() const { return dropped_; }

 private:
  struct Series {
    std::string name;
    std::int32_t count = 1;
    std::int32_t written_count = 1;
    Instant first{};
    Instant last{};
    Instant written{};
  };

  void make_room();
  [[nodiscard]] static EventWrite write_of(const ClusterEvent& event, Series& series, Instant now);

  EventSeriesLimits limits_;
  std::map<ClusterEvent, Series> series_;
  std::map<ObjectRef, TokenBucket> buckets_;
  std::uint64_t serial_ = 0;
  std::int64_t dropped_ = 0;
};

}  // namespace tidegate
