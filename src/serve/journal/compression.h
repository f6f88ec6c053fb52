// Blocks of the journal: zstd at its fastest useful level. Reading is bounded, so a damaged length cannot ask for
// all of the memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/error.h"

namespace tidegate {

inline constexpr std::size_t block_bytes_max = 256U << 20;

[[nodiscard]] std::vector<std::byte> compress(std::span<const std::byte> bytes);
[[nodiscard]] Result<std::vector<std::byte>> decompress(std::span<const std::byte> block);

}  // namespace tidegate
