#include "core/decide/similar_service.h"

#include <algorithm>
#include <cstddef>
#include <variant>

namespace tidegate {
namespace {

constexpr double windows_taken = 10;
constexpr double completions_taken = 30;      // at each concurrency
constexpr std::size_t cold_starts_taken = 8;  // the newest

CapacityState as_a_hint(const CapacityState& measured) {
  CapacityState taken;
  for (std::size_t i = 0; i < CapacityState::bins; ++i) {
    const ConcurrencyBin& bin = measured.by_concurrency[i];
    if (!(bin.completions > 0)) continue;
    const double part = std::min(1.0, completions_taken / bin.completions);
    taken.by_concurrency[i] = {.busy = bin.busy * part,
                               .completions = bin.completions * part,
                               .replica_seconds = bin.replica_seconds * part,
                               .itl_sum = bin.itl_sum * part,
                               .itl_weight = bin.itl_weight * part};
  }
  taken.shift.noise = measured.shift.noise;
  taken.windows = std::min(measured.windows, windows_taken);
  taken.concurrency_max = measured.concurrency_max;
  return taken;
}

ColdStartState newest(const ColdStartState& measured) {
  const auto count = std::min(measured.recent_ns.size(), cold_starts_taken);
  return {.recent_ns = {measured.recent_ns.end() - static_cast<std::ptrdiff_t>(count), measured.recent_ns.end()},
          .seen = static_cast<std::uint32_t>(count)};
}

struct Teachers {
  const PoolMemory* of_capacity = nullptr;
  const PoolMemory* of_cold_starts = nullptr;
  std::string capacity_from, cold_starts_from;
};

Teachers find_teachers(std::span<const KnownService> fleet, const PoolSpec& pool) {
  Teachers found;
  for (const auto& [spec, state] : fleet)
    for (const PoolSpec& other : spec.pools) {
      const auto memory = state.pools.find(other.name);
      if (memory == state.pools.end() || !are_alike(pool, other)) continue;
      const PoolMemory& known = memory->second;
      if (known.capacity.windows > (found.of_capacity != nullptr ? found.of_capacity->capacity.windows : 0)) {
        found.of_capacity = &known;
        found.capacity_from = spec.name;
      }
      if (known.cold_starts.seen > (found.of_cold_starts != nullptr ? found.of_cold_starts->cold_starts.seen : 0)) {
        found.of_cold_starts = &known;
        found.cold_starts_from = spec.name;
      }
    }
  return found;
}

}  // namespace

bool are_alike(const PoolSpec& one, const PoolSpec& other) {
  if (one.gpus != other.gpus || one.gpu_share != other.gpu_share) return false;
  if (!one.capacity.profile.empty() || !other.capacity.profile.empty())
    return one.capacity.profile == other.capacity.profile;
  const auto* ours = std::get_if<ProcessTargetSpec>(&one.target);
  const auto* theirs = std::get_if<ProcessTargetSpec>(&other.target);
  return ours != nullptr && theirs != nullptr && !ours->command.empty() && ours->command == theirs->command &&
         ours->weights == theirs->weights && ours->environment == theirs->environment;
}

Taught taught_by(std::span<const KnownService> fleet, const ServiceSpec& added) {
  Taught taught;
  for (const PoolSpec& pool : added.pools) {
    const Teachers found = find_teachers(fleet, pool);
    if (found.of_capacity != nullptr) {
      taught.pools[pool.name].capacity = as_a_hint(found.of_capacity->capacity);
      taught.teachers.insert(found.capacity_from);
    }
    if (found.of_cold_starts != nullptr) {
      taught.pools[pool.name].cold_starts = newest(found.of_cold_starts->cold_starts);
      taught.teachers.insert(found.cold_starts_from);
    }
  }
  return taught;
}

}  // namespace tidegate
