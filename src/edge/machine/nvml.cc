#include "edge/machine/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

namespace tidegate {

namespace {

// The few shapes of the driver's C interface that are used here (developer.nvidia.com, "NVML API reference").
using Device = struct NvmlDevice*;
struct Memory {
  unsigned long long total, free, used;
};
struct Process {
  unsigned int pid;
  unsigned long long memory;
  unsigned int gpu_instance, compute_instance;
};
constexpr int success = 0;
constexpr int insufficient_size = 7;
constexpr unsigned long long unavailable = ~0ULL;
constexpr std::size_t processes_max = 256;

template <class Function>
bool load(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

}  // namespace

struct Nvml::Library {
  void* handle = nullptr;
  bool initialised = false;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  const char* (*error_text)(int) = nullptr;
  int (*count)(unsigned int*) = nullptr;
  int (*by_index)(unsigned int, Device*) = nullptr;
  int (*uuid)(Device, char*, unsigned int) = nullptr;
  int (*name)(Device, char*, unsigned int) = nullptr;
  int (*memory)(Device, Memory*) = nullptr;
  int (*processes)(Device, unsigned int*, Process*) = nullptr;

  ~Library() {
    if (initialised) shutdown();
    if (handle != nullptr) ::dlclose(handle);
  }

  // Two and three have one layout; one is older than any driver that runs today's model servers.
  bool load_all() {
    return load(handle, "nvmlInit_v2", init) && load(handle, "nvmlShutdown", shutdown) &&
           load(handle, "nvmlErrorString", error_text) && load(handle, "nvmlDeviceGetCount_v2", count) &&
           load(handle, "nvmlDeviceGetHandleByIndex_v2", by_index) && load(handle, "nvmlDeviceGetUUID", uuid) &&
           load(handle, "nvmlDeviceGetName", name) && load(handle, "nvmlDeviceGetMemoryInfo", memory) &&
           (load(handle, "nvmlDeviceGetComputeRunningProcesses_v3", processes) ||
            load(handle, "nvmlDeviceGetComputeRunningProcesses_v2", processes));
  }

  [[nodiscard]] std::unexpected<Error> failed(std::string_view what, int code) const {
    return fail(ErrorKind::failed,
                fmt::format("NVML cannot {}: {}; see whether nvidia-smi works", what, error_text(code)));
  }

  [[nodiscard]] Result<std::vector<GpuProcess>> read_processes(Device device, unsigned int index) const {
    std::array<Process, processes_max> found{};
    unsigned int number = processes_max;
    const int code = processes(device, &number, found.data());
    // More than fit: the first ones are enough to know that the GPU is in use.
    if (code == insufficient_size)
      number = processes_max;
    else if (code != success)
      return failed(fmt::format("list the processes of GPU {}", index), code);
    std::vector<GpuProcess> answer;
    for (unsigned int i = 0; i < number && i < processes_max; ++i)
      answer.push_back(
          {.pid = found[i].pid,
           .memory = Bytes{found[i].memory == unavailable ? 0 : static_cast<std::int64_t>(found[i].memory)}});
    return answer;
  }

  [[nodiscard]] Result<GpuReading> read(unsigned int index) const {
    Device device = nullptr;
    if (const int code = by_index(index, &device); code != success)
      return failed(fmt::format("open GPU {}", index), code);
    std::array<char, 96> text{};
    GpuReading reading{.index = static_cast<std::int32_t>(index)};
    if (uuid(device, text.data(), text.size()) == success) reading.uuid = text.data();
    if (name(device, text.data(), text.size()) == success) reading.name = text.data();
    Memory bytes{};
    if (const int code = memory(device, &bytes); code != success)
      return failed(fmt::format("read the memory of GPU {}", index), code);
    reading.memory_total = Bytes{static_cast<std::int64_t>(bytes.total)};
    reading.memory_free = Bytes{static_cast<std::int64_t>(bytes.free)};
    auto listed = read_processes(device, index);
    if (!listed) return std::unexpected(listed.error());
    reading.processes = std::move(*listed);
    return reading;
  }
};

Nvml::Nvml(std::unique_ptr<Library> library) : library_(std::move(library)) {}
Nvml::Nvml(Nvml&&) noexcept = default;
Nvml& Nvml::operator=(Nvml&&) noexcept = default;
Nvml::~Nvml() = default;

Result<Nvml> Nvml::open(const std::string& path) {
  auto library = std::make_unique<Library>();
  library->handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle == nullptr)
    return fail(ErrorKind::not_found, fmt::format("no NVIDIA driver here: {}", ::dlerror()));
  if (!library->load_all())
    return fail(ErrorKind::failed, fmt::format("{} lacks a function that tidegate needs; the driver is too old", path));
  if (const int code = library->init(); code != success) return library->failed("start", code);
  library->initialised = true;
  return Nvml(std::move(library));
}

Result<std::vector<GpuReading>> Nvml::gpus() const {
  unsigned int number = 0;
  if (const int code = library_->count(&number); code != success) return library_->failed("count GPUs", code);
  std::vector<GpuReading> readings;
  for (unsigned int index = 0; index < number; ++index) {
    auto reading = library_->read(index);
    if (!reading) return std::unexpected(reading.error());
    readings.push_back(std::move(*reading));
  }
  return readings;
}

}  // namespace tidegate
