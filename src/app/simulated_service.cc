#include "app/simulated_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/objective_text.h"
#include "app/resolvers.h"
#include "lab/sim/named_values.h"
#include "lab/sim/plant_pools.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

constexpr auto plain_service = R"(services:
  - name: service
    replicas: {min: 1, max: 64}
    pools: [{name: default, gpus: 1, startup: 60s, capacity: {slots: 8, service: 1s}}]
)";

// The policy as if it had been tuned to this plant's replicas: what the flags say of the replicas is also believed.
void believe(const PlantPool& pool, PoolSpec& spec) {
  spec.startup = pool.life.provision + pool.life.pull + pool.life.load + pool.life.warm_up;
  spec.capacity = {.slots = pool.work.slots};
  if (const auto* engine = std::get_if<EngineProfile>(&pool.server)) {
    if (const auto hint = app_resolvers().profile(engine->name)) spec.capacity = *hint;
    spec.capacity.profile = engine->name;
  } else {
    spec.capacity.service = from_seconds(pool.work.slots / full_rate(pool.work, pool.server));
  }
}

Result<void> read_bounds(const std::string& text, Guardrails& rails) {
  const std::size_t dots = text.find("..");
  NamedValues values(
      fmt::format("min={},max={}", text.substr(0, dots), dots == std::string::npos ? text : text.substr(dots + 2)));
  std::int32_t least = 0, most = 0;
  values.whole("min", least, 0, 10'000);
  values.whole("max", most, 1, 10'000);
  if (!values.finish() || least > most)
    return fail(ErrorKind::invalid, fmt::format("--replicas wants MIN..MAX, as 0..16, not '{}'", text));
  rails.replicas_min = Replicas{least};
  rails.replicas_max = Replicas{most};
  return {};
}

Result<void> read_promise(const Arguments& given, ServiceSpec& spec) {
  if (const auto bounds = given.value("--replicas"))
    if (auto read = read_bounds(*bounds, spec.guardrails); !read) return read;
  std::vector<Objective> objectives;
  for (const auto& text : given.values("--slo")) {
    const auto objective = read_objective(text);
    if (!objective) return std::unexpected(objective.error());
    objectives.push_back(*objective);
  }
  if (!objectives.empty()) spec.slo.objectives = std::move(objectives);
  return {};
}

Result<void> read_replica_flags(const Arguments& given, std::vector<PlantPool>& pools) {
  for (auto& pool : pools) {
    if (const auto text = given.value("--replica"))
      if (auto read = read_replica_text(*text, pool); !read)
        return fail(read.error().kind, fmt::format("--replica: {}", read.error().message));
    if (const auto text = given.value("--cold-start")) {
      const auto start = read_span(*text);
      if (!start) return fail(ErrorKind::invalid, fmt::format("--cold-start wants a time, as 60s, not '{}'", *text));
      pool.life.provision = pool.life.pull = pool.life.warm_up = Duration::zero();
      pool.life.load = *start;
    }
  }
  return {};
}

Result<SimulatedService> read_flags(const Arguments& given, bool is_plain, ServiceSpec spec) {
  SimulatedService service{.spec = std::move(spec)};
  if (auto read = read_promise(given, service.spec); !read) return std::unexpected(read.error());
  service.pools = plant_pools(service.spec);
  if (auto read = read_replica_flags(given, service.pools); !read) return std::unexpected(read.error());
  if (is_plain) believe(service.pools.front(), service.spec.pools.front());
  return service;
}

bool says_work(const CapacityHint& hint) {
  return !hint.profile.empty() || hint.slots || hint.service || hint.residence_base || hint.slots_max;
}

// What was recorded of a replica, where the configuration says nothing.
ReplicaSources fill_in(const RecordedReplica& recorded, const PoolSpec& spec, bool is_plain, PlantPool& pool) {
  ReplicaSources sources;
  const auto source = [](bool is_known) { return is_known ? ReplicaSource::recorded : ReplicaSource::assumed; };
  if (!is_plain && says_work(spec.capacity)) {
    sources.slots = sources.service = ReplicaSource::given;
  } else {
    if (recorded.slots) pool.work.slots = static_cast<std::int32_t>(std::clamp(*recorded.slots, 1.0, 10'000.0));
    if (recorded.service) pool.work.base = std::max<Duration>(*recorded.service, 1ms);
    sources.slots = source(recorded.slots.has_value());
    sources.service = source(recorded.service.has_value());
  }
  if (!is_plain && spec.startup) {
    sources.cold_start = ReplicaSource::given;
  } else {
    if (recorded.cold_start) pool.life.load = *recorded.cold_start;
    sources.cold_start = source(recorded.cold_start.has_value());
  }
  return sources;
}

}  // namespace

std::vector<Option> service_options() {
  return {{.name = "--config", .value = "FILE", .help = "the services (default: one service described by the flags)"},
          {.name = "--service", .value = "NAME", .help = "the one to play of the configuration (default: all)"},
          {.name = "--slo", .value = "OBJECTIVE", .help = "as ttft_p99=2s; may be repeated", .repeats = true},
          {.name = "--replicas", .value = "MIN..MAX", .help = "bounds on the size (default without --config: 1..64)"},
          {.name = "--replica",
           .value = "SPEC",
           .help = "how a replica really is: slots=8,service=1s, or batch=8,base=20ms,slope=2ms, or profile=NAME; "
                   "also provision, pull, load, warm_up, jitter, loads_at_once, failures_per_hour"},
          {.name = "--cold-start", .value = "D", .help = "from request to ready, give or take a fifth"}};
}

Result<SimulatedFleet> read_simulated_fleet(const Arguments& given) {
  const auto path = given.value("--config");
  auto loaded = path ? load_configuration_file(*path, app_resolvers())
                     : Result<LoadedConfiguration>{load_configuration(plain_service, "flags", app_resolvers())};
  if (!loaded) return std::unexpected(loaded.error());
  auto fleet = fleet_of(*loaded);
  if (!fleet) return std::unexpected(fleet.error());
  SimulatedFleet all{.budget = fleet->budget};
  auto& services = all.services;
  for (auto& spec : fleet->services) {
    if (const auto name = given.value("--service"); name && *name != spec.name) continue;
    auto service = read_flags(given, !path, std::move(spec));
    if (!service) return std::unexpected(service.error());
    services.push_back(std::move(*service));
  }
  if (services.empty())
    return fail(ErrorKind::not_found, fmt::format("no service is called '{}'", given.value("--service").value_or("")));
  return all;
}

Result<std::vector<SimulatedService>> read_services(const Arguments& given) {
  auto fleet = read_simulated_fleet(given);
  if (!fleet) return std::unexpected(fleet.error());
  return std::move(fleet->services);
}

ServiceSpec plain_service_spec() {
  return fleet_of(load_configuration(plain_service, "flags", app_resolvers())).value().services.front();
}

Result<RecordedService> read_recorded_service(const Arguments& given, ServiceSpec spec, bool is_plain,
                                              const RecordedReplica& recorded) {
  RecordedService read{.service = {.spec = std::move(spec)}};
  SimulatedService& service = read.service;
  if (auto promise = read_promise(given, service.spec); !promise) return std::unexpected(promise.error());
  service.pools = plant_pools(service.spec);
  for (std::size_t i = service.pools.size(); i-- > 0;)
    read.sources = fill_in(recorded, service.spec.pools[i], is_plain, service.pools[i]);
  if (auto flags = read_replica_flags(given, service.pools); !flags) return std::unexpected(flags.error());
  const auto text = given.value("--replica").value_or("");
  const auto names = [&](std::string_view name) { return text.find(name) != std::string::npos; };
  if (names("slots=") || names("batch=") || names("profile=")) read.sources.slots = ReplicaSource::given;
  if (names("service=") || names("batch=") || names("profile=")) read.sources.service = ReplicaSource::given;
  if (given.value("--cold-start") || names("load=")) read.sources.cold_start = ReplicaSource::given;
  if (is_plain) believe(service.pools.front(), service.spec.pools.front());
  return read;
}

}  // namespace tidegate
