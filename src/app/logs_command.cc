// `tidegate logs`: what a replica, or every replica of a service, wrote last; with --follow, what it writes.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "app/command.h"
#include "app/controller_client.h"
#include "app/exit_status.h"
#include "core/base/json_writer.h"

namespace tidegate {
namespace {

constexpr int lines_most = 10'000;
constexpr int lines_when_following = 2'000;

// The replicas meant: those of the service of this name, else the one replica.
Result<std::vector<std::string>> replicas_meant(ControllerClient& client, const std::string& name) {
  const auto fleet = client.fleet();
  if (!fleet) return std::unexpected(fleet.error());
  for (const auto& service : fleet->services) {
    if (service.name != name) continue;
    std::vector<std::string> ids;
    for (const auto& replica : service.replicas) ids.push_back(replica.id);
    if (ids.empty()) return fail(ErrorKind::not_found, fmt::format("no replica of '{}' runs now", name));
    return ids;
  }
  // A replica that is gone has a log for a while.
  if (client.log(name, 1)) return std::vector{name};
  const auto asked = client.service(name);
  return asked ? fail(ErrorKind::not_found, fmt::format("no replica '{}'", name)) : std::unexpected(asked.error());
}

// What of `now` came after `before`: both are the last lines of one growing text.
std::size_t first_new(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  for (std::size_t kept = std::min(before.size(), now.size()); kept > 0; --kept)
    if (std::equal(now.begin(), now.begin() + static_cast<std::ptrdiff_t>(kept),
                   before.end() - static_cast<std::ptrdiff_t>(kept)))
      return kept;
  return 0;
}

class Follower {
 public:
  Follower(ControllerClient& client, Terminal& terminal, std::vector<std::string> replicas)
      : client_(client), terminal_(terminal) {
    for (auto& id : replicas) logs_.push_back({std::move(id), {}});
  }

  Result<void> show_last(int lines) {
    for (auto& log : logs_) {
      auto tail = client_.log(log.id, lines);
      if (!tail) return std::unexpected(tail.error());
      show(log.id, *tail, 0);
      log.shown = *std::move(tail);
    }
    return {};
  }

  Result<void> show_new() {
    for (auto& log : logs_) {
      auto tail = client_.log(log.id, lines_when_following);
      if (!tail) return std::unexpected(tail.error());
      show(log.id, *tail, first_new(log.shown, *tail));
      log.shown = *std::move(tail);
    }
    return {};
  }

 private:
  struct Log {
    std::string id;
    std::vector<std::string> shown;
  };

  void show(const std::string& id, const std::vector<std::string>& lines, std::size_t from) {
    for (std::size_t i = from; i < lines.size(); ++i) {
      if (terminal_.wants_json()) {
        JsonWriter json;
        json.object().key("replica").value(id).key("line").value(lines[i]).end();
        terminal_.data(json.take());
      } else {
        terminal_.data(logs_.size() > 1 ? fmt::format("{}  {}", terminal_.paint(Tone::accent, id), lines[i])
                                        : lines[i]);
      }
    }
  }

  ControllerClient& client_;
  Terminal& terminal_;
  std::vector<Log> logs_;
};

int logs(const Arguments& given, Terminal& terminal) {
  const auto lines = given.number("--lines");
  if (!lines ||
      *lines->and_then([](double n) { return std::optional{n != std::floor(n) || n < 1 || n > lines_most}; })) {
    terminal.complain(fmt::format("tidegate: --lines takes a whole number from 1 to {}", lines_most));
    return exit_usage;
  }
  auto client = ControllerClient::connect(given, terminal);
  if (!client) return report(terminal, client.error());
  auto replicas = replicas_meant(*client, *given.value("NAME"));
  if (!replicas) return report(terminal, replicas.error());
  Follower follower(*client, terminal, *std::move(replicas));
  auto done = follower.show_last(static_cast<int>(**lines));
  while (done && given.flag("--follow")) {
    std::this_thread::sleep_for(std::chrono::seconds{1});
    done = follower.show_new();
  }
  return done ? exit_ok : report(terminal, done.error());
}

}  // namespace

extern const Command logs_command;
const Command logs_command{
    .name = "logs",
    .group = CommandGroup::run,
    .summary = "show what replicas wrote",
    .examples = {"tidegate logs chat", "tidegate logs chat-default-3f2a -f --lines 20"},
    .options = {{.name = "--lines", .value = "N", .help = "so many of the last ones", .fallback = "100"},
                {.name = "--follow", .letter = "f", .help = "go on with what is written, until Ctrl-C"},
                config_option()},
    .positionals = {{.name = "NAME", .help = "a service or a replica", .required = true}},
    .run = logs};

}  // namespace tidegate
