#include "app/running_fleet.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "edge/gateway/remote_link.h"
#include "edge/machine/secret_value.h"
#include "edge/sources/prometheus_source.h"
#include "edge/sources/scrape_source.h"
#include "serve/config/listen_address.h"

namespace tidegate {
namespace {

constexpr Duration stop_margin = 5s;  // beyond kill_after, for the machine to end the processes

Result<Sources> make_sources(const std::vector<ServiceSpec>& services, const Clock& clock) {
  Sources sources;
  auto plans = scrape_plans(services);
  if (!plans) return std::unexpected(plans.error());
  if (!plans->empty()) sources.push_back(std::make_unique<ScrapeSource>(std::move(*plans), clock));
  auto questions = prometheus_questions(services);
  if (!questions.empty()) sources.push_back(std::make_unique<PrometheusSource>(std::move(questions), clock));
  return sources;
}

GatewayOptions gateway_options(const GatewaySpec& spec) {
  return {.listen = spec.listen,
          .connections_max = spec.connections_max,
          .idle_timeout = spec.idle_timeout,
          .header_timeout = spec.header_timeout,
          .body_max = spec.body_max,
          .trust_forwarded = spec.trust_forwarded};
}

constexpr std::size_t event_bytes_max = 16 << 20;  // a tick of a large fleet is a megabyte

// Under which others reach an API that listens beyond loopback.
std::string machine_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
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

Duration kill_after_max(const FleetSpec& spec) {
  Duration longest{};
  for (const auto& service : spec.services)
    for (const auto& pool : service.pools)
      if (const auto* process = std::get_if<ProcessTargetSpec>(&pool.target))
        longest = std::max(longest, process->kill_after);
  return longest;
}

}  // namespace

RunningFleet::RunningFleet(StateDirectory state, std::unique_ptr<Journal> journal, RunOptions options)
    : options_(std::move(options)),
      state_(std::move(state)),
      journal_(std::move(journal)),
      // A wall clock that was set back must not bring a tick before those in the journal.
      clock_(journal_->newest()),
      log_(stderr_log(options_.log_level, clock_)) {}

RunningFleet::~RunningFleet() = default;

Result<std::unique_ptr<RunningFleet>> RunningFleet::open(SourcedFleet given, RunOptions options) {
  const FleetSpec& spec = given.spec;
  if (auto runnable = check_runnable(spec); !runnable) return std::unexpected(runnable.error());
  auto state = StateDirectory::open(spec.machine.state_directory);
  if (!state) return std::unexpected(state.error());
  auto journal = Journal::open(state->path() + "/journal.sqlite", {.history = spec.control.history});
  if (!journal) return std::unexpected(journal.error());
  std::unique_ptr<RunningFleet> fleet(new RunningFleet(std::move(*state), std::move(*journal), std::move(options)));

  if (spec.gateway.link.empty()) {
    auto gateway = std::make_unique<Gateway>(gateway_options(spec.gateway), fleet->clock_);
    if (auto started = gateway->start(); !started)
      return fail(started.error().kind,
                  fmt::format("the gateway {}; gateway.listen says where", started.error().message));
    fleet->gateway_ = gateway.get();
    fleet->link_ = std::move(gateway);
  } else {
    fleet->link_ = std::make_unique<RemoteLink>(spec.gateway.link, fleet->clock_);
  }

  auto target = ProcessTarget::open(fleet->state_, spec.machine, fleet->clock_);
  if (!target) return std::unexpected(target.error());
  fleet->target_ = std::move(*target);
  fleet->runtime_ = std::make_unique<FleetRuntime>(
      std::move(given),
      RuntimePorts{.clock = fleet->clock_,
                   .target = *fleet->target_,
                   .link = *fleet->link_,
                   .journal = *fleet->journal_,
                   .log = *fleet->log_},
      RuntimeServices{
          .load = fleet->options_.load,
          .make_sources = [clock = &fleet->clock_](const auto& services) { return make_sources(services, *clock); },
          .log_tail = [target = fleet->target_.get()](const std::string& replica,
                                                      std::size_t lines) { return target->log_tail(replica, lines); }});
  return fleet;
}

Result<void> RunningFleet::start() {
  if (auto begun = runtime_->begin(); !begun) return begun;
  adopted_ = runtime_->adopted();
  auto options = api_options(runtime_->spec()->api);
  if (!options) return std::unexpected(options.error());
  api_ = std::make_unique<HttpApi>(*runtime_, clock_, std::move(*options), TIDEGATE_VERSION);
  if (auto served = api_->start(); !served)
    return fail(served.error().kind, fmt::format("{}; api.listen says where", served.error().message));
  runtime_->start();
  return {};
}

std::string RunningFleet::gateway_text() const {
  const auto spec = runtime_->spec();
  if (gateway_ == nullptr) return fmt::format("apart, link at {}", spec->gateway.link);
  const auto address = listen_address(spec->gateway.listen);
  const std::string host = !address || address->host.empty() ? "127.0.0.1" : address->host;
  return fmt::format("http://{}:{}", host.contains(':') ? "[" + host + "]" : host, gateway_->port());
}

bool RunningFleet::stop() {
  runtime_->stop();
  if (gateway_ != nullptr)
    gateway_->stop(options_.drain);
  else if (!options_.leaves_replicas)
    drain_gateway_apart();
  if (options_.leaves_replicas) return true;
  return target_->stop_all(kill_after_max(*runtime_->spec()) + stop_margin);
}

// The gateway lives on; nothing new goes to the replicas, and what they are doing may end.
void RunningFleet::drain_gateway_apart() {
  runtime_->close_routes();
  const Instant told = clock_.now(), deadline = told + options_.drain;
  while (clock_.now() < deadline) {
    const auto readings = link_->latest();
    if (!readings.connected) return;
    const bool busy = std::ranges::any_of(readings.samples, [](const Sample& sample) {
      const auto* gauge = std::get_if<Gauge>(&sample.value);
      return sample.signal == Signal::in_flight && sample.replica.empty() && gauge != nullptr && gauge->value > 0;
    });
    // Readings of before the table was closed say nothing.
    if (!busy && readings.taken > told + 500ms) return;
    std::this_thread::sleep_for(50ms);
  }
}

void RunningFleet::stop_at_once() {
  if (!options_.leaves_replicas) [[maybe_unused]]
    const bool gone = target_->stop_all(500ms);
}

}  // namespace tidegate
