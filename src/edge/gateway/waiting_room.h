// Requests of one service that no replica can take yet, in the order they came. Decides who may wait and who
// has waited too long; who is served next is simply the front.
//
// Bounded by count, bytes and age (HoldSpec); a request with a deadline of its own waits no longer than that.
// A request is refused at once when the room is full, or when waiting is hopeless: the next replica is known
// to come too late, or, with replicas serving, those before it take longer than it may wait and no replica is
// on its way. Worked example: 20 before it, 4 slots, 10 s a request: its turn comes after 21/4*10 = 52 s; a
// request that may wait 50 s is refused unless a replica is expected within 50 s.
#pragma once

#include <cstdint>
#include <list>
#include <map>

#include "core/base/time.h"
#include "core/model/service_spec.h"

namespace tidegate {

// One that may wait; embedded in whoever waits.
struct Held {
  Instant arrival{};
  Instant deadline{};  // arrival + the least of max_age and its own patience
  std::int64_t bytes = 0;
  bool is_held = false;
  std::list<Held*>::iterator place;
  std::multimap<Instant, Held*>::iterator expiry;
};

// What the room knows about service to come.
struct ServiceOutlook {
  std::int32_t slots = 0;    // of replicas that serve
  Duration service_mean{};   // learned; 0: unknown
  Duration time_to_ready{};  // of the next replica; 0: unknown
};

enum class Admission : std::uint8_t { held, full, hopeless };

class WaitingRoom {
 public:
  // Holds the request at the end of the queue, or says why not.
  [[nodiscard]] Admission admit(Held& held, const HoldSpec& spec, const ServiceOutlook& outlook, Instant now);
  // Puts back one that lost its replica: before everybody who came later. Ignores the bounds: it was admitted.
  void put_back(Held& held);
  // The request's body grew while it waits; false: the room holds too many bytes, read no more of it.
  bool grow(Held& held, std::int64_t bytes, const HoldSpec& spec);
  void remove(Held& held);

  [[nodiscard]] Held* front() const { return queue_.empty() ? nullptr : queue_.front(); }
  // One whose time is over, already removed; null: none.
  [[nodiscard]] Held* take_expired(Instant now);
  // When to ask take_expired() next; Instant::max() when nobody waits.
  [[nodiscard]] Instant next_expiry() const;

  [[nodiscard]] std::size_t size() const { return queue_.size(); }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }

 private:
  void insert(std::list<Held*>::iterator before, Held& held);
  std::list<Held*> queue_;
  std::multimap<Instant, Held*> expiries_;
  std::int64_t bytes_ = 0;
};

// Seconds for Retry-After: the time to the next replica, else the time the queue takes, within 1..60.
// Nothing known: 5.
[[nodiscard]] int retry_after_seconds(const ServiceOutlook& outlook, std::size_t waiting);

}  // namespace tidegate
