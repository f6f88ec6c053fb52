#include "lab/sim/plant_pools.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/sim/named_values.h"
#include "lab/sim/profiles.h"

namespace tidegate {
namespace {

constexpr std::int32_t slots_most = 10'000;

void become_engine(const Profile& profile, PlantPool& pool) {
  pool.server = engine_profile(profile);
  pool.work.slots = profile.running_max;
}

void read_life(NamedValues& values, LifecyclePool& life) {
  values.duration("provision", life.provision);
  values.duration("pull", life.pull);
  values.duration("load", life.load);
  values.duration("warm_up", life.warm_up);
  values.number("jitter", life.jitter, 0, 1);
  values.number("start_spread", life.spread, 0, 3);
  values.whole("loads_at_once", life.loads_at_once, 0, slots_most);
  values.duration("startup_deadline", life.startup_deadline);
  values.duration("drain_deadline", life.drain_deadline);
  values.number("failures_per_hour", life.failures_per_hour, 0, 3600);
  values.number("reclaims_per_hour", life.reclaims_per_hour, 0, 3600);
  values.duration("reclaim_notice", life.reclaim_notice);
  std::int32_t stock = life.stock.value_or(-1);
  values.whole("stock", stock, 0, 100'000);
  if (stock >= 0) life.stock = stock;
}

void read_work(NamedValues& values, PlantPool& pool) {
  values.whole("slots", pool.work.slots, 1, slots_most);
  values.duration("service", pool.work.base);
  values.duration("slope", pool.work.slope);
  values.number("spread", pool.work.spread, 0, 3);
  values.number("first", pool.work.first, 0, 1);
}

void read_batch(NamedValues& values, BatchServer& server, WorkModel& work) {
  values.whole("batch", server.batch_max, 1, slots_most);
  values.whole("instances", server.instances, 1, 1000);
  values.duration("base", server.base);
  values.duration("slope", server.slope);
  values.duration("delay", server.delay);
  work.slots = std::min(slots_most, 2 * server.batch_max * server.instances);
  values.whole("slots", work.slots, 1, slots_most);
}

}  // namespace

std::vector<PlantPool> plant_pools(const ServiceSpec& service) {
  std::vector<PlantPool> pools;
  for (const auto& spec : service.pools) {
    PlantPool pool{.gpus = spec.gpus_each(), .price = spec.price};
    pool.life = {.name = spec.name, .load = spec.startup.value_or(60s), .jitter = 0.2};
    if (const auto* process = std::get_if<ProcessTargetSpec>(&spec.target))
      pool.life.drain_deadline = process->drain_deadline;
    const auto& hint = spec.capacity;
    if (const auto slots = hint.slots ? hint.slots : hint.slots_max)
      pool.work.slots = std::clamp(static_cast<std::int32_t>(*slots), 1, slots_most);
    pool.work.base = hint.service.value_or(hint.residence_base.value_or(1s));
    if (!hint.service) pool.work.slope = hint.residence_slope.value_or(0s);
    pool.work.spread = 0.5;
    if (const auto* profile = find_profile(hint.profile)) become_engine(*profile, pool);
    pools.push_back(std::move(pool));
  }
  if (!pools.empty()) pools.front().life.initial = service.guardrails.replicas_min.value();
  return pools;
}

Result<void> read_replica_text(std::string_view text, PlantPool& pool) {
  NamedValues values(text);
  read_life(values, pool.life);
  if (const auto name = values.word("profile")) {
    const auto* profile = find_profile(*name);
    if (profile == nullptr)
      return fail(ErrorKind::not_found,
                  fmt::format("no profile is called '{}'; `tidegate emulate --help` lists them", *name));
    become_engine(*profile, pool);
  }
  if (text.starts_with("batch=") || text.find(",batch=") != std::string_view::npos) {
    BatchServer server;
    read_batch(values, server, pool.work);
    pool.server = server;
  } else {
    read_work(values, pool);
  }
  return values.finish();
}

}  // namespace tidegate
