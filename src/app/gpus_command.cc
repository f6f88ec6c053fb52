// `tidegate gpus`: the GPUs of this machine, what is free, and who holds what. Works without a controller; a running
// one adds its replicas.
#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "app/command.h"
#include "app/controller_client.h"
#include "app/exit_status.h"
#include "app/resolvers.h"
#include "app/text_table.h"
#include "core/base/json_writer.h"
#include "edge/machine/gpu_inventory.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

// The machine as --config describes it, or as ./tidegate.yaml does when there is one.
Result<MachineSpec> machine_of(const Arguments& given) {
  auto path = given.value("--config");
  if (!path && std::filesystem::exists("tidegate.yaml")) path = "tidegate.yaml";
  if (!path) return MachineSpec{};
  const auto loaded = load_configuration_file(*path, app_resolvers());
  if (!loaded) return std::unexpected(loaded.error());
  auto fleet = fleet_of(*loaded);
  if (!fleet) return std::unexpected(fleet.error());
  return std::move(fleet->machine);
}

using Holders = std::map<int, std::vector<std::string>>;

Holders holders_of(const Result<FleetStatus>& fleet) {
  Holders holders;
  if (!fleet) return holders;
  for (const auto& service : fleet->services)
    for (const auto& replica : service.replicas)
      for (const int gpu : replica.gpus) holders[gpu].push_back(fmt::format("{} ({})", replica.id, replica.state));
  return holders;
}

std::string memory_text(Bytes bytes) {
  return bytes.value() == 0 ? "-" : fmt::format("{:.1f} GiB", static_cast<double>(bytes.value()) / (1LL << 30));
}

std::string json_of(const std::vector<GpuReading>& gpus, const Holders& holders) {
  JsonWriter json;
  json.object().key("gpus").array();
  for (const auto& gpu : gpus) {
    const auto held = holders.find(gpu.index);
    json.object().key("index").value(gpu.index).key("name").value(gpu.name).key("uuid").value(gpu.uuid);
    json.key("memory_total").value(gpu.memory_total.value()).key("memory_free").value(gpu.memory_free.value());
    json.key("replicas").array();
    if (held != holders.end())
      for (const auto& one : held->second) json.value(one);
    json.end().key("pids").array();
    for (const auto& process : gpu.processes) json.value(process.pid);
    json.end().end();
  }
  json.end().end();
  return json.take();
}

int gpus(const Arguments& given, Terminal& terminal) {
  const auto machine = machine_of(given);
  if (!machine) return report(terminal, machine.error());
  const GpuInventory inventory(*machine);
  const auto readings = inventory.read();
  if (!readings) return report(terminal, readings.error());
  auto client = ControllerClient::connect(given, terminal);
  const auto fleet = client ? client->fleet() : std::unexpected(client.error());
  const auto holders = holders_of(fleet);
  if (terminal.wants_json()) {
    terminal.data(json_of(*readings, holders));
    return exit_ok;
  }
  TextTable table({">GPU", "NAME", ">FREE", ">OF", "HELD BY"});
  for (const auto& gpu : *readings) {
    const auto held = holders.find(gpu.index);
    std::string who = held != holders.end() ? fmt::format("{}", fmt::join(held->second, ", ")) : "";
    if (who.empty() && !gpu.processes.empty()) {
      for (const auto& process : gpu.processes) who += fmt::format("{}{}", who.empty() ? "pid " : ", ", process.pid);
      who = terminal.paint(Tone::warning, who + (fleet ? " (not ours)" : ""));
    }
    table.row({fmt::format("{}", gpu.index), gpu.name.empty() ? "-" : gpu.name, memory_text(gpu.memory_free),
               memory_text(gpu.memory_total), who.empty() ? "free" : who});
  }
  if (readings->empty())
    terminal.say("no GPU: the driver lists none, and `machine.gpus` of the configuration names none");
  else
    terminal.data_raw(table.text());
  if (!inventory.driver_problem().empty()) terminal.say("the driver is not used: " + inventory.driver_problem());
  if (!fleet) terminal.say("no controller answers, so its replicas are not shown");
  return exit_ok;
}

}  // namespace

extern const Command gpus_command;
const Command gpus_command{.name = "gpus",
                           .group = CommandGroup::run,
                           .summary = "show the machine's GPUs and who holds them",
                           .examples = {"tidegate gpus", "tidegate gpus -o json"},
                           .options = {config_option()},
                           .run = gpus};

}  // namespace tidegate
