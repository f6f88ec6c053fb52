// `tidegate status`: how the fleet, or one service of it, is now.
#include "app/command.h"
#include "app/controller_client.h"
#include "app/exit_status.h"
#include "app/status_text.h"

namespace tidegate {
namespace {

int status(const Arguments& given, Terminal& terminal) {
  auto client = ControllerClient::connect(given, terminal);
  if (!client) return report(terminal, client.error());
  if (const auto name = given.value("SERVICE")) {
    const auto service = client->service(*name);
    if (!service) return report(terminal, service.error());
    if (terminal.wants_json()) {
      terminal.data(client->last_body());
      return exit_ok;
    }
    const auto health = client->health();
    if (!health) return report(terminal, health.error());
    terminal.data_raw(service_text(*service, health->now, terminal));
    return exit_ok;
  }
  const auto fleet = client->fleet();
  if (!fleet) return report(terminal, fleet.error());
  if (terminal.wants_json())
    terminal.data(fleet->json);
  else
    terminal.data_raw(fleet_text(*fleet, terminal));
  return exit_ok;
}

}  // namespace

extern const Command status_command;
const Command status_command{
    .name = "status",
    .group = CommandGroup::run,
    .summary = "show the fleet, or one service with its replicas and signals",
    .examples = {"tidegate status", "tidegate status chat", "tidegate status -o json | jq '.services[].pools'"},
    .options = {config_option()},
    .positionals = {{.name = "SERVICE", .help = "one service in full"}},
    .run = status};

}  // namespace tidegate
