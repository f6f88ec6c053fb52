// Decides which GPUs a new replica gets, and how many more replicas fit. Pure: the machine's GPUs, what we
// placed and which GPUs foreign processes use come in; it never reads them.
//
// A replica wants either whole GPUs (`gpus: N`) or a share of one (`gpu_memory`). Rules, in this order:
//  - a GPU with a foreign process is never chosen (gpu_busy), whole or shared;
//  - N > 1: the N free GPUs that span the fewest indices (NVLink neighbours are numbered side by side), aligned
//    to N where equal, then the lowest: of free {1, 2, 3, 6} two get {2, 3};
//  - N = 1: the free GPU with the fewest free neighbours, so that pairs stay whole: of free {1, 2, 5} it is 5;
//  - a share goes onto the fullest GPU that still fits it, so that whole GPUs stay free.
// A GPU shared by memory is never given as a whole. Ties go to the lowest index.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "core/base/quantity.h"
#include "core/model/reason.h"

namespace tidegate {

struct GpuNeed {
  std::int32_t gpus = 0;
  std::optional<Bytes> memory;  // a share of one GPU; only with gpus <= 1
  [[nodiscard]] bool is_none() const { return gpus == 0 && !memory; }
  [[nodiscard]] bool is_share() const { return memory.has_value() && gpus <= 1; }
};

struct Gpu {
  std::int32_t index = 0;
  Bytes memory{0};       // 0: unknown, then it cannot be shared
  bool foreign = false;  // a process that is not ours uses it
};

struct GpuPlacement {
  std::vector<std::int32_t> gpus;
  std::optional<Bytes> memory;  // what it takes of a shared GPU; none: the whole
};

struct NoSlot {
  Reason reason = Reason::capacity_unavailable;  // or gpu_busy, when only foreign processes stand in the way
  std::string message;
};

[[nodiscard]] std::expected<std::vector<std::int32_t>, NoSlot> choose_gpus(const GpuNeed& need,
                                                                           const std::vector<Gpu>& machine,
                                                                           const std::vector<GpuPlacement>& placed);

// How many more such replicas could be placed now; none: no GPU is wanted, so GPUs set no limit.
[[nodiscard]] std::optional<std::int32_t> placeable(const GpuNeed& need, const std::vector<Gpu>& machine,
                                                    std::vector<GpuPlacement> placed);

}  // namespace tidegate
