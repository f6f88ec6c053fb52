#include "edge/emulator/prefix_cache.h"

#include <ranges>

namespace tidegate {

std::size_t PrefixCache::meet(std::span<const std::uint64_t> blocks) {
  std::size_t known = 0;
  while (known < blocks.size() && found_.contains(blocks[known])) ++known;
  // From the end, so that a beginning, which more prompts share, outlives what follows it.
  for (const std::uint64_t block : std::views::reverse(blocks)) {
    if (const auto at = found_.find(block); at != found_.end()) {
      recent_.splice(recent_.begin(), recent_, at->second);
    } else {
      recent_.push_front(block);
      found_.emplace(block, recent_.begin());
    }
  }
  while (found_.size() > blocks_max_) {
    found_.erase(recent_.back());
    recent_.pop_back();
  }
  return known;
}

}  // namespace tidegate
