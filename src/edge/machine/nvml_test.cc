#include "edge/machine/nvml.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "edge/machine/gpu_inventory.h"

namespace tidegate {
namespace {

class NvmlTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"FAKE_NVML_GPUS", "FAKE_NVML_BUSY", "FAKE_NVML_LOST", "FAKE_NVML_INIT"}) ::unsetenv(name);
  }
};

TEST_F(NvmlTest, ListsEveryGpuWithItsMemoryAndProcesses) {
  ::setenv("FAKE_NVML_GPUS", "2", 1);
  ::setenv("FAKE_NVML_BUSY", "1", 1);
  const auto nvml = Nvml::open(FAKE_NVML);
  ASSERT_TRUE(nvml) << nvml.error().message;
  const auto gpus = nvml->gpus();
  ASSERT_TRUE(gpus);
  ASSERT_EQ(gpus->size(), 2U);
  EXPECT_EQ((*gpus)[0].uuid, "GPU-fake-0");
  EXPECT_EQ((*gpus)[0].memory_total, Bytes{80LL << 30});
  EXPECT_TRUE((*gpus)[0].processes.empty());
  EXPECT_EQ((*gpus)[1].processes, (std::vector<GpuProcess>{{.pid = 4242, .memory = Bytes{5LL << 30}}}));
}

TEST_F(NvmlTest, NamesTheGpuThatFails) {
  ::setenv("FAKE_NVML_GPUS", "2", 1);
  ::setenv("FAKE_NVML_LOST", "1", 1);
  const auto nvml = Nvml::open(FAKE_NVML);
  ASSERT_TRUE(nvml);
  const auto gpus = nvml->gpus();
  ASSERT_FALSE(gpus);
  EXPECT_TRUE(gpus.error().message.contains("GPU 1")) << gpus.error().message;
  EXPECT_TRUE(gpus.error().message.contains("GPU is lost")) << gpus.error().message;
}

TEST_F(NvmlTest, SaysWhenThereIsNoDriverOrItDoesNotStart) {
  EXPECT_EQ(Nvml::open("/no/such/library.so").error().kind, ErrorKind::not_found);
  ::setenv("FAKE_NVML_INIT", "9", 1);
  const auto broken = Nvml::open(FAKE_NVML);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::failed);
  EXPECT_TRUE(broken.error().message.contains("Driver Not Loaded"));
}

TEST_F(NvmlTest, InventoryTakesTheConfiguredGpusAndFillsInTheirMemory) {
  ::setenv("FAKE_NVML_GPUS", "4", 1);
  ::setenv("FAKE_NVML_BUSY", "2", 1);
  MachineSpec machine;
  machine.gpus = std::vector<GpuSpec>{{.index = 2}, {.index = 3}};
  GpuInventory inventory(machine, FAKE_NVML);
  const auto gpus = inventory.read();
  ASSERT_TRUE(gpus);
  ASSERT_EQ(gpus->size(), 2U);
  EXPECT_EQ((*gpus)[0].index, 2);
  EXPECT_EQ((*gpus)[0].memory_total, Bytes{80LL << 30});
  EXPECT_EQ((*gpus)[0].processes.size(), 1U);
}

TEST_F(NvmlTest, InventoryWorksFromConfigurationAloneAndIsEmptyWithoutEither) {
  MachineSpec machine;
  machine.gpus = std::vector<GpuSpec>{{.index = 0, .memory = Bytes{24LL << 30}}};
  EXPECT_EQ(GpuInventory(machine, "/no/such/library.so").read()->at(0).memory_total, Bytes{24LL << 30});
  EXPECT_TRUE(GpuInventory(MachineSpec{}, "/no/such/library.so").read()->empty());
}

}  // namespace
}  // namespace tidegate
