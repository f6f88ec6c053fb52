// A controller that a test can kill: opens the process target in STATE, orders COUNT replicas of the test server and
// then only waits.  test_controller STATE SERVER PORT_FIRST COUNT
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "edge/machine/system_clock.h"
#include "edge/targets/process_target.h"

int main(int argc, char** argv) {
  using namespace tidegate;
  if (argc != 5) return 2;
  const SystemClock clock;
  const auto state = StateDirectory::open(argv[1]);
  if (!state) return std::fprintf(stderr, "%s\n", state.error().message.c_str()), 1;
  MachineSpec machine;
  machine.port_first = std::atoi(argv[3]);
  machine.port_last = machine.port_first + 99;
  auto target = ProcessTarget::open(*state, machine, clock);
  if (!target) return std::fprintf(stderr, "%s\n", target.error().message.c_str()), 1;
  ServiceSpec service{.name = "chat"};
  ProcessTargetSpec process{.command = {argv[2], "--port", "{port}"}};
  process.ready.period = 20ms;
  service.pools = {PoolSpec{.target = process}};
  (*target)->configure({service});
  (*target)->order("chat", {{.pool = "default", .replicas = Replicas{std::atoi(argv[4])}}});
  while (true) ::pause();
}
