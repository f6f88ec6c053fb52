#include "app/running_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "app/fleet_parts.h"
#include "edge/gateway/remote_link.h"
#include "edge/kubernetes/kubeconfig.h"
#include "serve/config/listen_address.h"

namespace tidegate {
namespace {

constexpr Duration stop_margin = 5s;  // beyond kill_after, for the machine to end the processes

GatewayOptions gateway_options(const GatewaySpec& spec) {
  return {.listen = spec.listen,
          .connections_max = spec.connections_max,
          .idle_timeout = spec.idle_timeout,
          .header_timeout = spec.header_timeout,
          .body_max = spec.body_max,
          .trust_forwarded = spec.trust_forwarded};
}

Duration kill_after_max(const FleetSpec& spec) {
  Duration longest{};
  for (const auto& service : spec.services)
    for (const auto& pool : service.pools)
      if (const auto* process = std::get_if<ProcessTargetSpec>(&pool.target))
        longest = std::max(longest, process->kill_after);
  return longest;
}

bool uses_cluster(const FleetSpec& spec) {
  return std::ranges::any_of(spec.services, [](const ServiceSpec& service) {
    return std::ranges::any_of(
        service.pools, [](const PoolSpec& pool) { return std::holds_alternative<KubernetesTargetSpec>(pool.target); });
  });
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

  auto processes = ProcessTarget::open(fleet->state_, spec.machine, fleet->clock_);
  if (!processes) return std::unexpected(processes.error());
  fleet->processes_ = std::move(*processes);
  if (uses_cluster(spec))
    if (auto opened = fleet->open_cluster(spec.kubernetes); !opened) return std::unexpected(opened.error());
  fleet->target_ = std::make_unique<TargetRouter>(
      std::vector<TargetKind>{
          {.name = "process",
           .takes = [](const TargetSpec& one) { return std::holds_alternative<ProcessTargetSpec>(one); },
           .open = [own = fleet.get()]() -> Result<Target*> { return own->processes_.get(); }},
          {.name = "Kubernetes",
           .takes = [](const TargetSpec& one) { return std::holds_alternative<KubernetesTargetSpec>(one); },
           .open = [own = fleet.get(), cluster = spec.kubernetes] { return own->open_cluster(cluster); }}},
      fleet->clock_);
  fleet->runtime_ = std::make_unique<FleetRuntime>(
      std::move(given),
      RuntimePorts{.clock = fleet->clock_,
                   .target = *fleet->target_,
                   .link = *fleet->link_,
                   .journal = *fleet->journal_,
                   .log = *fleet->log_},
      RuntimeServices{
          .load = fleet->options_.load,
          .make_sources = [clock = &fleet->clock_] { return make_sources(*clock); },
          .log_tail = [target = fleet->processes_.get()](
                          const std::string& replica, std::size_t lines) { return target->log_tail(replica, lines); }});
  return fleet;
}

Result<Target*> RunningFleet::open_cluster(const KubernetesSpec& spec) {
  if (pods_) return pods_.get();
  const auto given = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
  auto access = cluster_access(given(spec.kubeconfig), given(spec.context));
  if (!access) return std::unexpected(access.error());
  for (auto& warning : access->warnings())
    log_->write({.level = LogLevel::warning, .event = "cluster", .message = std::move(warning)});
  log_->write({.event = "cluster", .fields = {{"server", access->server}}, .message = access->origin});
  const std::string space = access->default_namespace;
  cluster_ = std::make_unique<Cluster>(std::move(*access), clock_);
  pods_ = std::make_unique<KubernetesTarget>(
      *cluster_, KubernetesTargetOptions{
                     .takeover = options_.takeover, .only_namespaces_in_use = true, .default_namespace = space});
  return pods_.get();
}

Result<void> RunningFleet::start() {
  if (auto begun = runtime_->begin(); !begun) return begun;
  adopted_ = runtime_->adopted();
  auto options = api_options(runtime_->spec()->api);
  if (!options) return std::unexpected(options.error());
  api_ = std::make_unique<HttpApi>(*runtime_, clock_, std::move(*options), TIDEGATE_VERSION);
  if (auto served = api_->start(); !served)
    return fail(served.error().kind, fmt::format("{}; api.listen says where", served.error().message));
  doors_ = std::make_unique<MetricDoors>(*runtime_, clock_, *log_, ServiceNames::plain);
  if (auto opened = doors_->open(*runtime_->spec()); !opened) return opened;
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
  doors_.reset();  // nobody is to follow what is no longer decided
  runtime_->stop();
  if (gateway_ != nullptr)
    gateway_->stop(options_.drain);
  else if (!options_.leaves_replicas)
    drain_gateway_apart();
  if (options_.leaves_replicas) return true;
  return processes_->stop_all(kill_after_max(*runtime_->spec()) + stop_margin);
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
    const bool gone = processes_->stop_all(500ms);
}

}  // namespace tidegate
