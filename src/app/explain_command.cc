// `tidegate explain` (or `why`): a decision as text, and what would make it another size.
#include <fmt/format.h>

#include <cmath>

#include "app/command.h"
#include "app/controller_client.h"
#include "app/exit_status.h"
#include "app/time_words.h"
#include "edge/machine/system_clock.h"

namespace tidegate {
namespace {

// Which decision, as the query of the API.
Result<std::string> query_of(const Arguments& given) {
  const int asked =
      (given.value("--replicas") ? 1 : 0) + (given.value("--decision") ? 1 : 0) + (given.value("--at") ? 1 : 0);
  if (asked > 1) return fail(ErrorKind::invalid, "--replicas, --decision and --at exclude each other");
  for (const auto* option : {"--replicas", "--decision"}) {
    const auto number = given.number(option);
    if (!number) return std::unexpected(number.error());
    if (!*number) continue;
    if (**number < 0 || **number != std::floor(**number) || **number > 1e15)
      return fail(ErrorKind::invalid, fmt::format("{} takes a whole number", option));
    return fmt::format("?{}={:.0f}", option + 2, **number);
  }
  if (const auto text = given.value("--at")) {
    const auto at = read_time(*text, SystemClock{}.now());
    if (!at) return std::unexpected(at.error());
    return fmt::format("?at={:.3f}", seconds(*at));
  }
  return "";
}

int explain(const Arguments& given, Terminal& terminal) {
  const auto query = query_of(given);
  if (!query) {
    terminal.complain("tidegate: " + query.error().message);
    return exit_usage;
  }
  auto client = ControllerClient::connect(given, terminal);
  if (!client) return report(terminal, client.error());
  const auto answer = client->explain(*given.value("SERVICE"), *query);
  if (!answer) return report(terminal, answer.error());
  if (terminal.wants_json()) {
    terminal.data(answer->json);
    return exit_ok;
  }
  const auto first = answer->text.find('\n');
  terminal.data(terminal.paint(Tone::strong, answer->text.substr(0, first)));
  if (first != std::string::npos) terminal.data_raw(answer->text.substr(first + 1));
  return exit_ok;
}

}  // namespace

extern const Command explain_command;
const Command explain_command{
    .name = "explain",
    .aliases = {"why"},
    .group = CommandGroup::understand,
    .summary = "say why a service has the size it has, and what would change it",
    .examples = {"tidegate why chat", "tidegate why chat --replicas 6", "tidegate why chat --at 10:15"},
    .options = {{.name = "--replicas", .value = "N", .help = "what would make it N replicas now, computed"},
                {.name = "--decision", .value = "ID", .help = "a decision of the past; `history` lists them"},
                {.name = "--at", .value = "TIME", .help = "the decision that held then: 10:15, 15m (ago), a date; UTC"},
                config_option()},
    .positionals = {{.name = "SERVICE", .help = "the service", .required = true}},
    .run = explain};

}  // namespace tidegate
