// A file's bytes as a stream: as they are, or unpacked from gzip or zstd, told from the first bytes and not from
// the name. Memory is bounded whatever the file's size; several gzip members or zstd frames in a row are one
// stream. Errors name the path and say what to do; a packed file that is cut short is an error, not an end.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace tidegate {

// Hands out the next bytes, which live until the next call; empty at the end. After an error, the same error.
using FileBytes = std::function<Result<std::string_view>()>;

// "-" is standard input.
[[nodiscard]] Result<FileBytes> open_bytes(const std::string& path);

}  // namespace tidegate
