#include "edge/machine/gpu_inventory.h"

#include <algorithm>

namespace tidegate {

GpuInventory::GpuInventory(const MachineSpec& machine, const std::string& library) : configured_(machine.gpus) {
  auto nvml = Nvml::open(library);
  if (nvml)
    nvml_ = std::move(*nvml);
  else
    driver_problem_ = nvml.error().message;
}

Result<std::vector<GpuReading>> GpuInventory::read() const {
  std::vector<GpuReading> found;
  if (nvml_) {
    auto readings = nvml_->gpus();
    if (!readings) return readings;
    found = std::move(*readings);
  }
  if (!configured_) return found;
  std::vector<GpuReading> lent;
  for (const GpuSpec& gpu : *configured_) {
    const auto known = std::ranges::find(found, gpu.index, &GpuReading::index);
    GpuReading reading = known != found.end() ? *known : GpuReading{.index = gpu.index};
    if (reading.memory_total == Bytes{0} && gpu.memory) reading.memory_total = reading.memory_free = *gpu.memory;
    lent.push_back(std::move(reading));
  }
  std::ranges::sort(lent, {}, &GpuReading::index);
  return lent;
}

}  // namespace tidegate
