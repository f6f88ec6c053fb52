// Serves the API and the dashboard on a fake fleet until its stdin ends: `serve_api_test_server [PORT]`. Prints the
// port it listens on. A quarter of an hour of history is there from the start, and a tick comes every half second.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "edge/machine/system_clock.h"
#include "serve/api/http_api.h"
#include "serve/api/testing/fake_panel.h"

int main(int argc, char** argv) {
  using namespace tidegate;
  const SystemClock clock;
  FakePanel panel;
  for (Instant at = clock.now() - 20min; at < clock.now(); at += 1s) panel.advance(at);
  HttpServerOptions options{.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0)};
  if (const char* token = std::getenv("TEST_TOKEN")) options.token = token;
  HttpApi api(panel, clock, options, "0.0.0-test");
  const auto port = api.start();
  if (!port) {
    fmt::print(stderr, "{}\n", port.error().message);
    return 1;
  }
  fmt::print("{}\n", *port);
  std::fflush(stdout);
  pollfd ended{.fd = STDIN_FILENO, .events = POLLIN};
  while (poll(&ended, 1, 500) == 0) panel.advance(clock.now());
  return 0;
}
