// The GPUs this machine lends to replicas: those the configuration lists, else all that the driver lists.
// The driver fills in memory and processes where it runs; without it, what the configuration says must do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/model/fleet_spec.h"
#include "edge/machine/nvml.h"

namespace tidegate {

class GpuInventory {
 public:
  explicit GpuInventory(const MachineSpec& machine, const std::string& library = "libnvidia-ml.so.1");

  // Fails when the driver is there and does not answer: then nothing is known of foreign processes.
  [[nodiscard]] Result<std::vector<GpuReading>> read() const;
  // Why the driver is not used; empty when it is.
  [[nodiscard]] const std::string& driver_problem() const { return driver_problem_; }

 private:
  std::optional<std::vector<GpuSpec>> configured_;
  std::optional<Nvml> nvml_;
  std::string driver_problem_;
};

}  // namespace tidegate
