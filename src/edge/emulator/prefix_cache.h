// Which beginnings of prompts an emulated server still has in its KV cache, block by block, as vLLM's automatic prefix
// caching does: a block is known by the hash of everything up to its end, and the least recently used go first.
// Blocks in use are not set aside, so under a full cache this remembers somewhat more than the real one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>

namespace tidegate {

class PrefixCache {
 public:
  explicit PrefixCache(std::size_t blocks_max) : blocks_max_(blocks_max) {}

  // How many leading blocks of the prompt are known; from now on all of them are.
  [[nodiscard]] std::size_t meet(std::span<const std::uint64_t> blocks);
  [[nodiscard]] std::size_t size() const { return found_.size(); }

 private:
  std::size_t blocks_max_;
  std::list<std::uint64_t> recent_;  // the latest first
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> found_;
};

}  // namespace tidegate
