#include "app/whole_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

namespace tidegate {
namespace {

constexpr std::size_t text_most = 1 << 20;

}  // namespace

Result<std::string> whole_file(const std::string& path) {
  errno = 0;
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& stream = path == "-" ? std::cin : file;
  std::string text(text_most + 1, '\0');
  if (!stream || !stream.read(text.data(), static_cast<std::streamsize>(text.size())).eof()) {
    if (stream) return fail(ErrorKind::too_large, fmt::format("{} is larger than 1 MiB; give it in parts", path));
    const int code = errno;
    return fail(code == ENOENT   ? ErrorKind::not_found
                : code == EACCES ? ErrorKind::denied
                                 : ErrorKind::failed,
                fmt::format("cannot read {}: {}", path, std::strerror(code == 0 ? EISDIR : code)));
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

}  // namespace tidegate
