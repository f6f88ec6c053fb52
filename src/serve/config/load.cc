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
const std::filesystem::path zones{"/usr/share/zoneinfo"};

std::string read_some(std::istream& stream) {
  std::string text(read_limit, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

bool zone_exists(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.contains("..") || name.size() > 64) return false;
  std::ifstream file(zones / name, std::ios::binary);
  char magic[4]{};
  return file.read(magic, 4) && std::string_view{magic, 4} == "TZif";
}

// From the table of zones that every tzdata package has.
std::vector<std::string> zone_names() {
  std::vector<std::string> names;
  std::ifstream table(zones / "tzdata.zi");
  for (std::string line; std::getline(table, line) && names.size() < 2000;) {
    // "Z Europe/Berlin ..." defines a zone, "L Europe/Berlin Europe/Oslo" a second name of one.
    const auto first = line.find(' ');
    if (first == std::string::npos || (line[0] != 'Z' && line[0] != 'L')) continue;
    const auto rest = line.substr(first + 1);
    const auto second = rest.find(' ');
    names.push_back(line[0] == 'Z'                ? rest.substr(0, second)
                    : second == std::string::npos ? rest
                                                  : rest.substr(second + 1));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

LoadedConfiguration load_configuration(std::string text, std::string filename, const Resolvers& resolvers) {
  LoadedConfiguration loaded{.filename = std::move(filename), .text = std::move(text)};
  const auto root = parse_yaml(loaded.text, loaded.problems);
  if (!root) return loaded;
  auto fleet = read_fleet(*root, {resolvers, loaded.problems});
  // Settings that are wrong alone would be wrong again together; say it once.
  if (loaded.problems.has_errors()) return loaded;
  check_fleet(*root, fleet, loaded.problems);
  advise_fleet(*root, fleet, loaded.problems);
  if (!loaded.problems.has_errors()) loaded.fleet = std::move(fleet);
  return loaded;
}

Result<LoadedConfiguration> load_configuration_file(const std::string& path, const Resolvers& resolvers) {
  if (path == "-") return load_configuration(read_some(std::cin), "(stdin)", resolvers);
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
  return load_configuration(read_some(file), path, resolvers);
}

Result<FleetSpec> fleet_of(const LoadedConfiguration& loaded) {
  if (loaded.fleet) return *loaded.fleet;
  return fail(ErrorKind::invalid,
              "the configuration is invalid\n" + render(loaded.problems, loaded.filename, loaded.text));
}

Resolvers system_resolvers() { return {.has_timezone = zone_exists, .timezone_names = zone_names}; }

}  // namespace tidegate
