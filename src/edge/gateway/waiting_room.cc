#include "edge/gateway/waiting_room.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {
namespace {

Duration time_of_turn(std::size_t before, const ServiceOutlook& outlook) {
  return from_seconds(seconds(outlook.service_mean) * static_cast<double>(before + 1) / outlook.slots);
}

bool is_hopeless(std::size_t before, Duration patience, const ServiceOutlook& outlook) {
  const bool replica_comes = outlook.time_to_ready > Duration{};
  const bool replica_in_time = replica_comes && outlook.time_to_ready <= patience;
  if (outlook.slots == 0) return replica_comes && !replica_in_time;
  if (outlook.service_mean <= Duration{}) return false;
  return time_of_turn(before, outlook) > patience && !replica_in_time;
}

}  // namespace

void WaitingRoom::insert(std::list<Held*>::iterator before, Held& held) {
  CHECK(!held.is_held);
  held.place = queue_.insert(before, &held);
  held.expiry = expiries_.emplace(held.deadline, &held);
  held.is_held = true;
  bytes_ += held.bytes;
}

Admission WaitingRoom::admit(Held& held, const HoldSpec& spec, const ServiceOutlook& outlook, Instant now) {
  if (queue_.size() >= static_cast<std::size_t>(spec.max_requests) || bytes_ + held.bytes > spec.max_bytes.value())
    return Admission::full;
  if (held.deadline <= now || is_hopeless(queue_.size(), held.deadline - now, outlook)) return Admission::hopeless;
  insert(queue_.end(), held);
  return Admission::held;
}

void WaitingRoom::put_back(Held& held) {
  const auto later =
      std::find_if(queue_.begin(), queue_.end(), [&](const Held* other) { return other->arrival > held.arrival; });
  insert(later, held);
}

bool WaitingRoom::grow(Held& held, std::int64_t bytes, const HoldSpec& spec) {
  held.bytes += bytes;
  bytes_ += bytes;
  return bytes_ <= spec.max_bytes.value();
}

void WaitingRoom::remove(Held& held) {
  CHECK(held.is_held);
  queue_.erase(held.place);
  expiries_.erase(held.expiry);
  held.is_held = false;
  bytes_ -= held.bytes;
}

Held* WaitingRoom::take_expired(Instant now) {
  if (expiries_.empty() || expiries_.begin()->first > now) return nullptr;
  Held* held = expiries_.begin()->second;
  remove(*held);
  return held;
}

Instant WaitingRoom::next_expiry() const { return expiries_.empty() ? Instant::max() : expiries_.begin()->first; }

int retry_after_seconds(const ServiceOutlook& outlook, std::size_t waiting) {
  double wait = 5;
  if (outlook.time_to_ready > Duration{})
    wait = seconds(outlook.time_to_ready);
  else if (outlook.slots > 0 && outlook.service_mean > Duration{})
    wait = seconds(time_of_turn(waiting, outlook));
  return static_cast<int>(std::clamp(std::ceil(wait), 1.0, 60.0));
}

}  // namespace tidegate
