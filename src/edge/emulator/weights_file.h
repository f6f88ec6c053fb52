// Reads a weights file from beginning to end, as a loading server does; the bytes go nowhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/base/error.h"

namespace tidegate {

// The bytes read; stops early, without an error, when `stop` is set.
[[nodiscard]] Result<std::uint64_t> read_weights_file(const std::string& path, const std::atomic<bool>& stop);

}  // namespace tidegate
