#include "app/running_operator.h"

#include <fmt/format.h>

#include "app/fleet_parts.h"
#include "app/resolvers.h"
#include "edge/kubernetes/kubeconfig.h"

namespace tidegate {
namespace {

// Scale writes are few; statuses are many and may wait.
constexpr ClusterOptions scaling_rates{.requests_per_second = 100, .requests_burst = 200};
constexpr ClusterOptions reporting_rates{.requests_per_second = 50, .requests_burst = 100};
constexpr Duration sync_within = 60s;

// The journal lies in the pod's own folder, which Kubernetes bounds (deploy/: 2 GiB); a tick of 5,000 services is 10 MB
// in memory while it waits for the disk.
constexpr JournalLimits journal_limits{.bytes_max = 512LL << 20, .queue_max = 10};

}  // namespace

RunningOperator::RunningOperator(FleetSpec surroundings, OperatorOptions options, StateDirectory state,
                                 std::unique_ptr<Journal> journal, const ClusterAccess& access)
    : surroundings_(std::move(surroundings)),
      options_(std::move(options)),
      identity_(unique_identity()),
      state_(std::move(state)),
      journal_(std::move(journal)),
      // A wall clock that was set back must not bring a tick before those in the journal.
      clock_(journal_->newest()),
      log_(stderr_log(options_.log_level, clock_)),
      scaling_(access, clock_, scaling_rates),
      reporting_(access, clock_, reporting_rates),
      link_(clock_) {}

RunningOperator::~RunningOperator() { stop(); }

Result<std::unique_ptr<RunningOperator>> RunningOperator::open(FleetSpec surroundings, OperatorOptions options) {
  const auto access = cluster_access(options.kubeconfig, options.context);
  if (!access) return std::unexpected(access.error());
  auto state = StateDirectory::open(surroundings.machine.state_directory);
  if (!state) return std::unexpected(state.error());
  auto limits = journal_limits;
  limits.history = surroundings.control.history;
  auto journal = Journal::open(state->path() + "/journal.sqlite", limits);
  if (!journal) return std::unexpected(journal.error());
  std::unique_ptr<RunningOperator> running(new RunningOperator(std::move(surroundings), std::move(options),
                                                               std::move(*state), std::move(*journal), *access));
  if (auto watched = running->watch(); !watched) return std::unexpected(watched.error());
  return running;
}

Result<void> RunningOperator::watch() {
  controller_ =
      std::make_unique<ModelController>(reporting_, ModelControllerOptions{.identity = identity_,
                                                                           .name_space = options_.name_space,
                                                                           .leader = [this] { return leader(); },
                                                                           .resolvers = app_resolvers()});
  if (!controller_->wait_until_synced(sync_within))
    return fail(ErrorKind::unreachable,
                fmt::format("the ScaledModels of {} cannot be listed: {}; `tidegate export crds | kubectl apply -f -` "
                            "installs the resource, `tidegate export rbac` the permissions",
                            scaling_.access().server, controller_->health().problem));
  target_ = std::make_unique<KubernetesTarget>(
      scaling_, KubernetesTargetOptions{.may_write = [this] { return leader().leads; },
                                        .takeover = options_.takes_over,
                                        .namespaces = options_.name_space.empty()
                                                          ? std::vector<std::string>{}
                                                          : std::vector<std::string>{options_.name_space}});
  runtime_ = std::make_unique<FleetRuntime>(
      fleet(), RuntimePorts{.clock = clock_, .target = *target_, .link = link_, .journal = *journal_, .log = *log_},
      RuntimeServices{.load = [this]() -> Result<SourcedFleet> { return fleet(); },
                      .make_sources = [this] { return make_sources(clock_); },
                      .log_tail = {},
                      .leads = [this] { return leader().leads; },
                      .steering = controller_.get()});
  return {};
}

SourcedFleet RunningOperator::fleet() {
  SourcedFleet fleet{.spec = surroundings_, .source = {}};
  fleet.spec.services = controller_->services();
  return fleet;
}

LeaderView RunningOperator::leader() const {
  const std::lock_guard lock(mutex_);
  return lease_ ? lease_->view() : LeaderView{};
}

Result<void> RunningOperator::start() {
  if (auto begun = runtime_->begin(); !begun) return begun;
  auto options = api_options(surroundings_.api);
  if (!options) return std::unexpected(options.error());
  api_ = std::make_unique<HttpApi>(*runtime_, clock_, std::move(*options), TIDEGATE_VERSION);
  if (auto served = api_->start(); !served)
    return fail(served.error().kind, fmt::format("{}; api.listen says where", served.error().message));
  doors_ = std::make_unique<MetricDoors>(*runtime_, clock_, *log_, ServiceNames::namespaced);
  if (auto opened = doors_->open(surroundings_, scaling_.access()); !opened) return opened;
  runtime_->on_event([this](const FleetEvent& event) { controller_->take(event); });
  runtime_->start();
  controller_->start([this] {
    // What is refused is in the log, and the fleet goes on as it was.
    [[maybe_unused]] const auto reloaded = runtime_->reload();
  });
  auto lease = std::make_unique<LeaderLease>(
      scaling_,
      LeaderLeaseOptions{
          .lease = options_.lease, .identity = identity_, .times = options_.lease_times, .changed = [this](bool leads) {
            log_->write({.event = leads ? "leads" : "follows", .fields = {{"identity", identity_}}});
            if (leads) target_->leadership_changed();
          }});
  const std::lock_guard lock(mutex_);
  lease_ = std::move(lease);
  return {};
}

void RunningOperator::stop() {
  doors_.reset();  // nobody is to follow what is no longer decided
  if (controller_) controller_->stop();
  if (runtime_) runtime_->stop();
  std::unique_ptr<LeaderLease> lease;
  {
    const std::lock_guard lock(mutex_);
    lease = std::move(lease_);
  }
  // Gives it back, so that the next need not wait.
  lease.reset();
}

}  // namespace tidegate
