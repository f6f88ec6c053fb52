#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "serve/config/configuration.h"
#include "serve/config/read_parts.h"

namespace tidegate {
namespace {

constexpr std::size_t read_limit = (1 << 20) + 1;  // parse_yaml refuses more than 1 MiB by name

std::string read_some(std::istream& stream) {
  std::string text(read_limit, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

}  // namespace

LoadedConfiguration load_configuration(std::string text, std::string filename, const Resolvers& resolvers,
                                       ConfigurationUse use) {
  LoadedConfiguration loaded{.filename = std::move(filename), .text = std::move(text)};
  const auto root = parse_yaml(loaded.text, loaded.problems);
  if (!root) return loaded;
  const ReadContext context{resolvers, loaded.problems};
  auto fleet = use == ConfigurationUse::fleet ? read_fleet(*root, context) : read_operator(*root, context);
  // Settings that are wrong alone would be wrong again together; say it once.
  if (loaded.problems.has_errors()) return loaded;
  check_fleet(*root, fleet, loaded.problems);
  advise_fleet(*root, fleet, loaded.problems);
  if (!loaded.problems.has_errors()) loaded.fleet = std::move(fleet);
  return loaded;
}

Result<LoadedConfiguration> load_configuration_file(const std::string& path, const Resolvers& resolvers,
                                                    ConfigurationUse use) {
  if (path == "-") return load_configuration(read_some(std::cin), "(stdin)", resolvers, use);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return fail(ErrorKind::invalid, fmt::format("{} is a folder; name the configuration file in it", path));
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int code = errno;
    const auto kind = code == ENOENT ? ErrorKind::not_found : code == EACCES ? ErrorKind::denied : ErrorKind::failed;
    return fail(kind, fmt::format("cannot read the configuration {}: {}{}", path, std::strerror(code),
                                  code == ENOENT ? "; `tidegate init` writes a first one" : ""));
  }
  return load_configuration(read_some(file), path, resolvers, use);
}

Result<FleetSpec> fleet_of(const LoadedConfiguration& loaded) {
  if (loaded.fleet) return *loaded.fleet;
  return fail(ErrorKind::invalid,
              "the configuration is invalid\n" + render(loaded.problems, loaded.filename, loaded.text));
}

}  // namespace tidegate
