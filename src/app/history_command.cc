// `tidegate history`: what was decided and what happened, oldest first.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "app/command.h"
#include "app/controller_client.h"
#include "app/exit_status.h"
#include "app/text_table.h"
#include "app/time_words.h"
#include "edge/machine/system_clock.h"
#include "serve/api/fact_text.h"

namespace tidegate {
namespace {

struct Entry {
  double at = 0;
  std::vector<std::string> cells;
  std::string json;
};

Tone verdict_tone(std::string_view verdict) {
  if (verdict == "raise") return Tone::good;
  return verdict == "hold" ? Tone::dim : Tone::accent;
}

Entry entry_of(const DecisionRow& row, const Terminal& terminal) {
  const auto lasted = from_seconds(row.until - row.now);
  return {row.now,
          {time_text(instant_at(row.now)), terminal.paint(verdict_tone(row.verdict), row.verdict), row.size, row.reason,
           fmt::format("band {}..{}{}", number_text(row.floor), number_text(row.ceiling),
                       row.ticks > 1 ? fmt::format(", for {}", to_text(lasted)) : ""),
           fmt::format("{}", row.id)},
          row.json};
}

Entry entry_of(const NoticeRow& row, const Terminal& terminal) {
  return {row.at,
          {time_text(instant_at(row.at)), terminal.paint(Tone::warning, "notice"), "", row.reason,
           row.replica.empty() ? row.message : fmt::format("{}: {}", row.replica, row.message), ""},
          row.json};
}

int history(const Arguments& given, Terminal& terminal) {
  const Instant now = SystemClock{}.now();
  const auto since = read_time(*given.value("--since"), now);
  if (!since) {
    terminal.complain("tidegate: --since: " + since.error().message);
    return exit_usage;
  }
  auto client = ControllerClient::connect(given, terminal);
  if (!client) return report(terminal, client.error());
  const auto service = *given.value("SERVICE");
  // A little beyond now: the controller's clock may be ahead.
  const double from = seconds(*since), to = seconds(now) + 60;
  const auto decisions = client->decisions(service, from, to);
  if (!decisions) return report(terminal, decisions.error());
  const auto notices = client->notices(service, from, to);
  if (!notices) return report(terminal, notices.error());

  std::vector<Entry> entries;
  for (const auto& row : *decisions)
    if (row.verdict != "hold" || !given.flag("--changes")) entries.push_back(entry_of(row, terminal));
  for (const auto& row : *notices) entries.push_back(entry_of(row, terminal));
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::tie(entry.at, entry.json); });
  if (terminal.wants_json()) {
    for (const auto& entry : entries) terminal.data(entry.json);
    return exit_ok;
  }
  if (entries.empty()) {
    terminal.say(fmt::format("{}: nothing is recorded since {}", service, time_text(*since)));
    return exit_ok;
  }
  TextTable table({"AT", "WHAT", ">SIZE", "REASON", "", "ID"});
  for (auto& entry : entries) table.row(std::move(entry.cells));
  terminal.data_raw(table.text());
  terminal.say(fmt::format("`tidegate why {} --decision ID` explains one", service));
  return exit_ok;
}

}  // namespace

extern const Command history_command;
const Command history_command{.name = "history",
                              .group = CommandGroup::understand,
                              .summary = "list what was decided for a service and what happened to it",
                              .examples = {"tidegate history chat", "tidegate history chat --since 24h --changes",
                                           "tidegate history chat -o json | jq .reason"},
                              .options = {{.name = "--since",
                                           .value = "TIME",
                                           .help = "from then on: 2h (ago), 10:15, a date; UTC",
                                           .fallback = "1h"},
                                          {.name = "--changes", .help = "leave the holds out"},
                                          config_option()},
                              .positionals = {{.name = "SERVICE", .help = "the service", .required = true}},
                              .run = history};

}  // namespace tidegate
