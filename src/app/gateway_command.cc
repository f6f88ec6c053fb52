#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/signal_descriptor.h"
#include "edge/gateway/gateway.h"
#include "edge/gateway/link_protocol.h"
#include "edge/gateway/link_server.h"
#include "edge/gateway/metrics_listener.h"
#include "edge/machine/system_clock.h"

namespace tidegate {
namespace {

struct GatewayChoice {
  GatewayOptions gateway;
  std::string link;
  std::optional<std::string> admin;
  Duration drain{};
};

Result<GatewayChoice> gateway_choice_of(const Arguments& given) {
  GatewayChoice wanted;
  wanted.gateway.listen = *given.value("--listen");
  wanted.link = *given.value("--link");
  wanted.admin = given.value("--admin");
  wanted.gateway.trust_forwarded = given.flag("--trust-forwarded");
  const auto connections = given.number("--connections-max");
  if (!connections) return std::unexpected(connections.error());
  const auto drain = given.number("--drain");
  if (!drain) return std::unexpected(drain.error());
  if (**connections < 1 || **connections > 1e6)
    return fail(ErrorKind::invalid, "--connections-max wants a number from 1 to 1000000");
  if (**drain < 0 || **drain > 86400) return fail(ErrorKind::invalid, "--drain wants seconds from 0 to 86400");
  wanted.gateway.connections_max = static_cast<std::int32_t>(**connections);
  wanted.drain = from_seconds(**drain);
  return wanted;
}

int run_gateway(const Arguments& given, Terminal& terminal) {
  auto wanted = gateway_choice_of(given);
  if (!wanted) return report(terminal, wanted.error());
  const auto signals = open_signals({SIGTERM, SIGINT});
  const int replaced = ::eventfd(0, EFD_CLOEXEC);
  const SystemClock clock;

  auto predecessor = take_over(wanted->link);
  if (!predecessor && predecessor.error().kind != ErrorKind::not_found) return report(terminal, predecessor.error());
  if (predecessor) wanted->gateway.listen_fd = predecessor->listen_fd;
  Gateway gateway(wanted->gateway, clock);
  if (predecessor) gateway.push(predecessor->table);
  if (auto started = gateway.start(); !started) return report(terminal, started.error());
  LinkServer link(gateway, wanted->link, [replaced] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(replaced, &one, sizeof one);
  });
  if (auto started = link.start(); !started) return report(terminal, started.error());
  std::unique_ptr<MetricsListener> admin;
  if (wanted->admin) {
    admin = std::make_unique<MetricsListener>(gateway, *wanted->admin);
    if (auto started = admin->start(); !started) return report(terminal, started.error());
  }
  if (predecessor && !predecessor->predecessor->send(LinkKind::serving, {}))
    terminal.complain("the gateway before this one went away during the takeover");
  terminal.say(fmt::format("gateway: serving on port {}, link at {}{}", gateway.port(), wanted->link,
                           predecessor ? ", taken over from a running gateway" : ""));

  std::array<pollfd, 2> waiting{{{signals.get(), POLLIN, 0}, {replaced, POLLIN, 0}}};
  while (::poll(waiting.data(), waiting.size(), -1) <= 0) {
  }
  terminal.say(waiting[1].revents ? "gateway: replaced by another; ending with the last stream"
                                  : "gateway: stopping; running requests may end");
  admin.reset();
  gateway.stop(wanted->drain);
  link.stop();
  return exit_ok;
}

}  // namespace

extern const Command gateway_command;
const Command gateway_command{
    .name = "gateway",
    .group = CommandGroup::run,
    .summary = "run the gateway as a process of its own",
    .examples = {"tidegate gateway --listen 127.0.0.1:8080 --link /run/tidegate/gateway.sock"},
    .options = {{.name = "--listen", .value = "ADDRESS", .help = "where clients connect", .fallback = "127.0.0.1:8080"},
                {.name = "--link",
                 .value = "SOCKET",
                 .help = "Unix socket for the controller; a gateway already there hands over to this one",
                 .required = true},
                {.name = "--admin", .value = "ADDRESS", .help = "where /metrics and /healthz are served"},
                {.name = "--connections-max", .value = "N", .help = "client connections at once", .fallback = "10000"},
                {.name = "--drain",
                 .value = "SECONDS",
                 .help = "how long running requests may take to end",
                 .fallback = "600"},
                {.name = "--trust-forwarded", .help = "keep the X-Forwarded fields that clients send"}},
    .run = run_gateway};

}  // namespace tidegate
