#include "lab/sim/least_busy.h"

#include <algorithm>
#include <bit>

namespace tidegate {

void LeastBusy::rebuild(const Lifecycle& replicas, std::span<const std::int32_t> slots) {
  ReplicaPlace last = 0;
  for (const ReplicaPlace place : replicas.alive()) last = std::max(last, place);
  ranks_.assign(last + 1, -1);
  slots_.assign(last + 1, 0);
  places_.clear();
  std::int32_t most = 1;
  for (const ReplicaPlace place : replicas.alive()) {
    if (replicas.at(place).state != ReplicaState::ready) continue;
    ranks_[place] = static_cast<std::int32_t>(places_.size());
    slots_[place] = slots[replicas.at(place).pool];
    most = std::max(most, slots_[place]);
    places_.push_back(place);
  }
  words_ = (places_.size() + 63) / 64;
  bits_.assign(words_ * static_cast<std::size_t>(most), 0);
  counts_.assign(static_cast<std::size_t>(most), 0);
  lowest_ = counts_.size();
  for (const ReplicaPlace place : places_) add(place, replicas.at(place).in_flight);
}

void LeastBusy::add(ReplicaPlace place, std::int32_t in_flight) {
  if (in_flight >= slots_[place]) return;
  const auto level = static_cast<std::size_t>(in_flight);
  const auto rank = static_cast<std::size_t>(ranks_[place]);
  bits_[level * words_ + rank / 64] |= std::uint64_t{1} << (rank % 64);
  ++counts_[level];
  lowest_ = std::min(lowest_, level);
}

void LeastBusy::remove(ReplicaPlace place, std::int32_t in_flight) {
  if (in_flight >= slots_[place]) return;
  const auto level = static_cast<std::size_t>(in_flight);
  const auto rank = static_cast<std::size_t>(ranks_[place]);
  bits_[level * words_ + rank / 64] &= ~(std::uint64_t{1} << (rank % 64));
  --counts_[level];
}

void LeastBusy::changed(ReplicaPlace place, std::int32_t before, std::int32_t in_flight) {
  if (place >= ranks_.size() || ranks_[place] < 0) return;
  remove(place, before);
  add(place, in_flight);
}

std::optional<ReplicaPlace> LeastBusy::pick() {
  while (lowest_ < counts_.size() && counts_[lowest_] == 0) ++lowest_;
  if (lowest_ >= counts_.size()) return std::nullopt;
  for (std::size_t word = 0; word < words_; ++word)
    if (const auto bits = bits_[lowest_ * words_ + word]; bits != 0)
      return places_[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
  return std::nullopt;
}

}  // namespace tidegate
