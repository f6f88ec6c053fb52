#include "app/fleet_parts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "edge/machine/secret_value.h"
#include "edge/sources/prometheus_source.h"
#include "edge/sources/scrape_source.h"
#include "serve/config/listen_address.h"

namespace tidegate {
namespace {

constexpr std::size_t event_bytes_max = 16 << 20;  // a tick of a large fleet is a megabyte

// Under which others reach an API that listens beyond loopback.
std::string machine_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace

Sources make_sources(const Clock& clock) {
  Sources sources;
  sources.push_back(std::make_unique<ScrapeSource>(clock));
  sources.push_back(std::make_unique<PrometheusSource>(clock));
  return sources;
}

Result<HttpServerOptions> api_options(const ApiSpec& spec) {
  const auto listen = listen_address(spec.listen);
  if (!listen) return fail(ErrorKind::invalid, fmt::format("api.listen is no address: {}", spec.listen));
  HttpServerOptions options{.port = listen->port, .hosts = {machine_name()}, .insecure = spec.insecure};
  options.event_bytes_max = event_bytes_max;
  if (listen->host == "localhost")
    options.address = "127.0.0.1";
  else
    options.address = listen->host.empty() ? "0.0.0.0" : listen->host;
  if (spec.token) {
    auto token = resolve(*spec.token);
    if (!token) return std::unexpected(token.error());
    options.token = std::move(*token);
  }
  return options;
}

}  // namespace tidegate
