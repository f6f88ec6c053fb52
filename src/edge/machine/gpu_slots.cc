#include "edge/machine/gpu_slots.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace tidegate {

namespace {

struct Use {
  bool whole = false;
  Bytes shared{0};
};

std::map<std::int32_t, Use> uses_of(const std::vector<GpuPlacement>& placed) {
  std::map<std::int32_t, Use> uses;
  for (const auto& placement : placed)
    for (const auto index : placement.gpus) {
      auto& use = uses[index];
      if (placement.memory)
        use.shared += *placement.memory;
      else
        use.whole = true;
    }
  return uses;
}

// Free as a whole, ascending.
std::vector<std::int32_t> free_indices(const std::vector<Gpu>& machine, const std::vector<GpuPlacement>& placed,
                                       bool with_foreign) {
  const auto uses = uses_of(placed);
  std::vector<std::int32_t> free;
  for (const auto& gpu : machine)
    if (!uses.contains(gpu.index) && (with_foreign || !gpu.foreign)) free.push_back(gpu.index);
  std::ranges::sort(free);
  return free;
}

// How many free GPUs stand in one unbroken row with this one.
std::int32_t row_length(const std::vector<std::int32_t>& free, std::size_t at) {
  std::size_t first = at, last = at;
  while (first > 0 && free[first - 1] == free[first] - 1) --first;
  while (last + 1 < free.size() && free[last + 1] == free[last] + 1) ++last;
  return static_cast<std::int32_t>(last - first + 1);
}

std::vector<std::int32_t> choose_whole(std::int32_t number, const std::vector<std::int32_t>& free) {
  const auto count = static_cast<std::size_t>(number);
  if (free.size() < count) return {};
  using Rank = std::tuple<std::int32_t, std::int32_t, bool, std::int32_t>;  // span, row, misaligned, first index
  std::optional<Rank> best;
  std::size_t chosen = 0;
  for (std::size_t at = 0; at + count <= free.size(); ++at) {
    const Rank rank{free[at + count - 1] - free[at], row_length(free, at), free[at] % number != 0, free[at]};
    // For several, alignment keeps later neighbours whole better than the length of the row does.
    const Rank key = number == 1 ? rank : Rank{std::get<0>(rank), 0, std::get<2>(rank), std::get<3>(rank)};
    if (!best || key < *best) best = key, chosen = at;
  }
  return {free.begin() + static_cast<std::ptrdiff_t>(chosen),
          free.begin() + static_cast<std::ptrdiff_t>(chosen + count)};
}

std::optional<std::int32_t> choose_shared(Bytes memory, const std::vector<Gpu>& machine,
                                          const std::vector<GpuPlacement>& placed, bool with_foreign) {
  const auto uses = uses_of(placed);
  std::optional<std::tuple<std::int64_t, std::int32_t>> best;  // bytes left afterwards, index
  for (const auto& gpu : machine) {
    const auto use = uses.contains(gpu.index) ? uses.at(gpu.index) : Use{};
    if (use.whole || (gpu.foreign && !with_foreign)) continue;
    const std::int64_t left = (gpu.memory - use.shared - memory).value();
    if (left < 0) continue;
    const std::tuple rank{left, gpu.index};
    if (!best || rank < *best) best = rank;
  }
  return best ? std::optional(std::get<1>(*best)) : std::nullopt;
}

std::vector<std::int32_t> choose(const GpuNeed& need, const std::vector<Gpu>& machine,
                                 const std::vector<GpuPlacement>& placed, bool with_foreign) {
  if (!need.is_share()) return choose_whole(need.gpus, free_indices(machine, placed, with_foreign));
  const auto index = choose_shared(*need.memory, machine, placed, with_foreign);
  return index ? std::vector{*index} : std::vector<std::int32_t>{};
}

std::string foreign_text(const std::vector<Gpu>& machine) {
  std::string text;
  for (const auto& gpu : machine)
    if (gpu.foreign) text += fmt::format("{}{}", text.empty() ? "" : ", ", gpu.index);
  return text;
}

std::string want_text(const GpuNeed& need) {
  if (need.is_share())
    return fmt::format("{:.1f} GiB of one GPU", static_cast<double>(need.memory->value()) / (1 << 30));
  return fmt::format("{} GPU{}", need.gpus, need.gpus == 1 ? "" : "s");
}

}  // namespace

std::expected<std::vector<std::int32_t>, NoSlot> choose_gpus(const GpuNeed& need, const std::vector<Gpu>& machine,
                                                             const std::vector<GpuPlacement>& placed) {
  if (need.is_none()) return std::vector<std::int32_t>{};
  if (auto chosen = choose(need, machine, placed, false); !chosen.empty()) return chosen;
  if (machine.empty())
    return std::unexpected(
        NoSlot{Reason::capacity_unavailable,
               fmt::format("wants {}, but this machine lists no GPU; list them in machine.gpus", want_text(need))});
  if (!choose(need, machine, placed, true).empty())
    return std::unexpected(
        NoSlot{Reason::gpu_busy, fmt::format("wants {}, but other processes use GPU {}; stop them, or list other GPUs "
                                             "in machine.gpus",
                                             want_text(need), foreign_text(machine))});
  const bool sizes_unknown =
      need.is_share() && std::ranges::all_of(machine, [](const Gpu& gpu) { return gpu.memory == Bytes{0}; });
  return std::unexpected(NoSlot{
      Reason::capacity_unavailable,
      sizes_unknown ? fmt::format("wants {}, but no GPU's memory is known; give it in machine.gpus", want_text(need))
                    : fmt::format("wants {}, but the machine's {} are taken", want_text(need), machine.size())});
}

std::optional<std::int32_t> placeable(const GpuNeed& need, const std::vector<Gpu>& machine,
                                      std::vector<GpuPlacement> placed) {
  if (need.is_none()) return std::nullopt;
  // A share takes at least a 1000th of a GPU here, so that a slip in the configuration cannot spin this loop.
  const std::int32_t most = static_cast<std::int32_t>(machine.size()) * (need.is_share() ? 1000 : 1);
  std::int32_t count = 0;
  while (count < most) {
    auto chosen = choose(need, machine, placed, false);
    if (chosen.empty()) break;
    placed.push_back({.gpus = std::move(chosen), .memory = need.is_share() ? need.memory : std::nullopt});
    ++count;
  }
  return count;
}

}  // namespace tidegate
