// The log of a replica: a plain file the replica appends to itself, so that it needs no pipe to us and outlives us.
// Bounded from outside: above `bytes_max` its last quarter moves to FILE.1 and the file is emptied in place (the
// replica writes in append mode); lines written in that moment may be lost.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace tidegate {

inline constexpr std::int64_t log_bytes_max = 64LL << 20;

// The last lines, oldest first, each cut at 1,000 bytes; reads at most the last 256 KiB. An empty or missing file has
// none.
[[nodiscard]] std::vector<std::string> read_log_tail(const std::string& path, std::size_t lines);

// Keeps the file within its bound. Does nothing to a smaller one.
[[nodiscard]] Result<void> bound_log(const std::string& path, std::int64_t bytes_max = log_bytes_max);

// Removes all but the newest `keep` files NAME.log (and NAME.log.1) whose NAME begins with `prefix` and is not in
// `in_use`.
void prune_logs(const std::string& folder, const std::string& prefix, const std::vector<std::string>& in_use,
                std::size_t keep);

}  // namespace tidegate
