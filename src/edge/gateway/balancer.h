// Which replica serves the next request: the one with the least outstanding work for its slots, so that
// queueing happens in the gateway, in order, and not in a random replica.
//
// Work is in_flight / slots; ties go to the smaller id. A replica without a free slot, draining, or suspect
// (it lately refused or broke a request) gets nothing. A request whose session or prompt prefix a replica has
// served before prefers that one while it has a slot.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

struct ReplicaLoad {
  std::int32_t slots = 1;
  std::int32_t in_flight = 0;
  bool draining = false;
  std::int32_t failures = 0;  // in a row
  Instant suspect_until{};    // after a failure, 250 ms doubling to 8 s

  [[nodiscard]] bool has_slot(Instant now) const { return !draining && in_flight < slots && now >= suspect_until; }
  void failed(Instant now);
  void succeeded() { failures = 0, suspect_until = Instant{}; }
};

// The index of the best of `loads` (in the order of their ids), -1 when none has a slot. `preferred` wins while
// it has one; `avoid` (it just failed this request) is taken only when no other is.
[[nodiscard]] int pick_replica(std::span<const ReplicaLoad* const> loads, Instant now, int preferred = -1,
                               int avoid = -1);

// What a request has in common with earlier ones, from most to least specific: one key for a session, else one
// for each 256-byte block of the prompt, chained, so that an equal key means an equal prefix.
class AffinityKeys {
 public:
  static constexpr std::size_t block_bytes = 256;
  static constexpr std::size_t blocks_max = 64;
  AffinityKeys() = default;
  static AffinityKeys of_session(std::string_view session);
  static AffinityKeys of_prompt(std::string_view prompt);
  [[nodiscard]] std::span<const std::uint64_t> all() const { return keys_; }  // shortest prefix first

 private:
  std::vector<std::uint64_t> keys_;
};

// Who served which key last. A fixed table: a new key may push out an old one. 64 Ki keys, 1 MiB.
class AffinityTable {
 public:
  // The replica of the longest known prefix, when that covers at least half of the blocks; 0: none.
  // Less than half (a shared system prompt) is no reason to crowd one replica.
  [[nodiscard]] std::uint32_t find(const AffinityKeys& keys) const;
  void remember(const AffinityKeys& keys, std::uint32_t replica);  // replica > 0

 private:
  static constexpr std::size_t size = 1 << 16;
  struct Entry {
    std::uint64_t key = 0;
    std::uint32_t replica = 0;
  };
  std::vector<Entry> entries_;  // made on first use
};

}  // namespace tidegate
