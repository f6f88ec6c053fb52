#include "edge/targets/replica_choice.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "edge/machine/secret_value.h"

namespace tidegate {

namespace {
// Smaller goes first.
auto rank(const Candidate& candidate) {
  const auto newest_first = std::numeric_limits<std::uint64_t>::max() - candidate.serial;
  if (candidate.state == ReplicaState::failed) return std::tuple(0, std::int64_t{0}, newest_first, candidate.id);
  if (candidate.state != ReplicaState::ready) return std::tuple(1, std::int64_t{0}, newest_first, candidate.id);
  const auto work = candidate.in_flight.value_or(std::numeric_limits<std::int64_t>::max());
  return std::tuple(2, work, newest_first, candidate.id);
}
}  // namespace

std::vector<std::string> choose_victims(std::vector<Candidate> candidates, std::size_t count) {
  std::ranges::sort(candidates, {}, rank);
  std::vector<std::string> victims;
  for (auto& candidate : candidates)
    if (victims.size() < count) victims.push_back(std::move(candidate.id));
  return victims;
}

Duration back_off(std::int32_t failures) {
  constexpr Duration longest = 5min;
  const auto doublings = std::clamp(failures - 1, 0, 20);
  return std::min<Duration>(longest, Duration{1s} * (std::int64_t{1} << doublings));
}

std::string revision_of(const ProcessTargetSpec& spec) {
  // Each part ends in a zero byte, so that moving text from one part to the next changes the hash.
  std::string text;
  const auto add = [&text](std::string_view part) { text.append(part).push_back('\0'); };
  for (const auto& word : spec.command) add(word);
  add("environment");
  for (const auto& [name, value] : spec.environment) add(name), add(reference_text(value));
  add("place");
  add(spec.working_directory);
  add(spec.weights);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

}  // namespace tidegate
