// What NVIDIA's driver says of the machine's GPUs. The library is opened at run time, so tidegate needs no
// driver to build or to start; a machine without one answers `not_found`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/quantity.h"

namespace tidegate {

struct GpuProcess {
  std::int64_t pid = 0;  // as the driver counts: inside a container it may name nothing we can see
  Bytes memory{0};
  friend bool operator==(const GpuProcess&, const GpuProcess&) = default;
};

struct GpuReading {
  std::int32_t index = 0;  // in PCI bus order, as nvidia-smi numbers them
  std::string uuid;
  std::string name;
  Bytes memory_total{0};
  Bytes memory_free{0};
  std::vector<GpuProcess> processes;
  friend bool operator==(const GpuReading&, const GpuReading&) = default;
};

class Nvml {
 public:
  [[nodiscard]] static Result<Nvml> open(const std::string& library = "libnvidia-ml.so.1");
  Nvml(Nvml&&) noexcept;
  Nvml& operator=(Nvml&&) noexcept;
  ~Nvml();

  // Reads every GPU afresh. One that fails (fallen off the bus) fails the reading and is named.
  [[nodiscard]] Result<std::vector<GpuReading>> gpus() const;

 private:
  struct Library;
  explicit Nvml(std::unique_ptr<Library> library);
  std::unique_ptr<Library> library_;
};

}  // namespace tidegate
