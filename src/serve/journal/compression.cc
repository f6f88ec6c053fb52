#include "serve/journal/compression.h"

#include <fmt/format.h>
#include <zstd.h>

#include "core/base/check.h"

namespace tidegate {

namespace {
constexpr int level = 1;
}

std::vector<std::byte> compress(std::span<const std::byte> bytes) {
  std::vector<std::byte> block(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(block.data(), block.size(), bytes.data(), bytes.size(), level);
  CHECK(!ZSTD_isError(size));
  block.resize(size);
  return block;
}

Result<std::vector<std::byte>> decompress(std::span<const std::byte> block) {
  const auto size = ZSTD_getFrameContentSize(block.data(), block.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > block_bytes_max)
    return fail(ErrorKind::invalid, "a block of the journal is damaged: its length makes no sense");
  std::vector<std::byte> bytes(size);
  const std::size_t read = ZSTD_decompress(bytes.data(), bytes.size(), block.data(), block.size());
  if (ZSTD_isError(read) || read != size)
    return fail(ErrorKind::invalid, fmt::format("a block of the journal is damaged: {}",
                                                ZSTD_isError(read) ? ZSTD_getErrorName(read) : "it is too short"));
  return bytes;
}

}  // namespace tidegate
