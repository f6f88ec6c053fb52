// The driver's symbols without a driver: FAKE_NVML_GPUS GPUs of 80 GiB, one foreign process on GPU
// FAKE_NVML_BUSY, and GPU FAKE_NVML_LOST fallen off the bus. A test loads it in place of libnvidia-ml.so.1.
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {
long setting(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atol(text);
}
unsigned long index_of(void* device) { return reinterpret_cast<unsigned long>(device) - 1; }
}  // namespace

extern "C" {
struct Memory {
  unsigned long long total, free, used;
};
struct Process {
  unsigned int pid;
  unsigned long long memory;
  unsigned int gpu_instance, compute_instance;
};

int nvmlInit_v2() { return static_cast<int>(setting("FAKE_NVML_INIT", 0)); }
int nvmlShutdown() { return 0; }
const char* nvmlErrorString(int code) { return code == 15 ? "GPU is lost" : "Driver Not Loaded"; }
int nvmlDeviceGetCount_v2(unsigned int* count) {
  *count = static_cast<unsigned int>(setting("FAKE_NVML_GPUS", 0));
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) {
  if (static_cast<long>(index) == setting("FAKE_NVML_LOST", -1)) return 15;
  *device = reinterpret_cast<void*>(static_cast<unsigned long>(index) + 1);
  return 0;
}
int nvmlDeviceGetUUID(void* device, char* text, unsigned int size) {
  std::snprintf(text, size, "GPU-fake-%lu", index_of(device));
  return 0;
}
int nvmlDeviceGetName(void*, char* text, unsigned int size) {
  std::snprintf(text, size, "Fake H100");
  return 0;
}
int nvmlDeviceGetMemoryInfo(void*, Memory* memory) {
  *memory = {80ULL << 30, 79ULL << 30, 1ULL << 30};
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned int* count, Process* found) {
  *count = 0;
  if (static_cast<long>(index_of(device)) == setting("FAKE_NVML_BUSY", -1))
    found[(*count)++] = {4242, 5ULL << 30, 0, 0};
  return 0;
}
}
