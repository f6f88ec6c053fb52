#include "edge/targets/kubernetes_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

constexpr std::size_t cluster_events_max = 1000;
constexpr std::size_t cluster_cold_starts_max = 100;  // of a service between two looks

}  // namespace

WorkloadId KubernetesPlan::id_of(const KubernetesTargetSpec& target) const {
  return {
      .key = {.space = target.name_space.empty() ? options_.default_namespace : target.name_space, .name = target.name},
      .kind = target.kind,
      .api_version = target.api_version};
}

void KubernetesPlan::configure(const std::vector<ServiceSpec>& services, Instant now) {
  std::set<PoolKey> listed;
  for (const auto& service : services)
    for (const auto& pool : service.pools) {
      const auto* target = std::get_if<KubernetesTargetSpec>(&pool.target);
      if (target == nullptr) continue;
      const PoolKey key{service.name, pool.name};
      const auto id = id_of(*target);
      listed.insert(key);
      const auto known = pools_.find(key);
      if (known != pools_.end() && known->second.pool.id() != id) drop(key);
      const bool is_new = !pools_.contains(key);
      if (is_new) add(key, id);
      auto& entry = pools_.at(key);
      entry.pool.configure(pool, service.mode, service.pools.size() == 1);
      if (is_new) present(entry.pool, now);
      soil(key);
    }
  std::vector<PoolKey> orphans;
  for (const auto& [key, entry] : pools_)
    if (!listed.contains(key)) orphans.push_back(key);
  for (const auto& key : orphans) drop(key);
  settle_claims();
}

void KubernetesPlan::add(const PoolKey& key, const WorkloadId& id) {
  pools_.emplace(key, Entry{.pool = KubernetesPool(key, id, options_.pool)});
  claims_[id].push_back(key);
}

void KubernetesPlan::drop(const PoolKey& key) {
  const auto found = pools_.find(key);
  const auto& id = found->second.pool.id();
  auto& claim = claims_.at(id);
  std::erase(claim, key);
  unmatched_.insert(id.key.space);
  if (claim.empty()) claims_.erase(id);
  due_.erase({found->second.wakes_at, key});
  dirty_.erase(key);
  matched_.erase(key);
  for (auto& [anchor, keys] : anchors_) keys.erase(key);
  for (auto& [space, keys] : loose_) keys.erase(key);
  pools_.erase(found);
}

void KubernetesPlan::settle_claims() {
  for (const auto& [id, keys] : claims_)
    for (const auto& key : keys) {
      const bool is_first = key == keys.front();
      pools_.at(key).pool.claimed_by(
          is_first ? "" : fmt::format("pool {} of service {}", keys.front().pool, keys.front().service));
      soil(key);
    }
}

// What is known of its workload, once that kind is seen.
void KubernetesPlan::present(KubernetesPool& pool, Instant now) {
  const auto& id = pool.id();
  const auto known = workloads_.find(id);
  if (known != workloads_.end())
    pool.workload(known->second, now);
  else if (!unseen(id.kind, id.key.space))
    pool.workload(nullptr, now);
  seek_rival(pool);
  anchor(pool);
  soil(pool.key());
}

void KubernetesPlan::order(const std::string& service, const std::vector<Order>& pools, Instant now) {
  for (const auto& order : pools) {
    const auto found = pools_.find({service, order.pool});
    if (found == pools_.end()) continue;
    auto& pool = found->second.pool;
    const auto before = pool.wanted();
    pool.order(order.replicas.value(), now);
    if (before != pool.wanted()) soil(found->first);
  }
}

void KubernetesPlan::resume(const std::string& service) {
  for (auto& [key, entry] : pools_)
    if (key.service == service) entry.pool.resume(), soil(key);
}

Result<void> KubernetesPlan::restart(const std::string& service) {
  std::vector<KubernetesPool*> own;
  for (auto& [key, entry] : pools_)
    if (key.service == service) own.push_back(&entry.pool);
  if (own.empty()) return fail(ErrorKind::not_found, fmt::format("no service {} with a Kubernetes target", service));
  for (const auto* pool : own) {
    const auto& id = pool->id();
    if (id.api_version != "apps/v1" || (id.kind != "Deployment" && id.kind != "StatefulSet"))
      return fail(ErrorKind::invalid,
                  fmt::format("{} is no Deployment or StatefulSet; restart it with its own tools", id.text()));
  }
  for (auto* pool : own) pool->restart(), soil(pool->key());
  return {};
}

void KubernetesPlan::wake() {
  for (const auto& [key, entry] : pools_) soil(key);
}

void KubernetesPlan::workload(const WorkloadId& id, std::shared_ptr<const WorkloadRecord> record, Instant now) {
  if (record)
    workloads_[id] = record;
  else
    workloads_.erase(id);
  const auto claim = claims_.find(id);
  if (claim == claims_.end()) return;
  for (const auto& key : claim->second) {
    auto& pool = pools_.at(key).pool;
    pool.workload(record, now);
    anchor(pool);
    soil(key);
  }
}

void KubernetesPlan::rival(const std::string& kind, const ObjectKey& key, std::shared_ptr<const RivalRecord> record) {
  const RivalKey name{kind, key};
  if (const auto known = rivals_.find(name); known != rivals_.end()) {
    const auto target = target_of(key.space, *known->second);
    rivals_by_target_[target].erase(name);
    rivals_.erase(known);
    seek_rival(target);
  }
  if (!record) return;
  const auto target = target_of(key.space, *record);
  rivals_.emplace(name, std::move(record));
  rivals_by_target_[target].insert(name);
  seek_rival(target);
}

WorkloadId KubernetesPlan::target_of(const std::string& space, const RivalRecord& rival) {
  return {.key = {.space = space, .name = rival.target_name}, .kind = rival.target_kind, .api_version = {}};
}

// Kinds are taken as one, whatever the version that each names.
void KubernetesPlan::seek_rival(const WorkloadId& target) {
  for (auto claim = claims_.lower_bound(target);
       claim != claims_.end() && claim->first.key == target.key && claim->first.kind == target.kind; ++claim)
    for (const auto& key : claim->second) seek_rival(pools_.at(key).pool);
}

void KubernetesPlan::seek_rival(KubernetesPool& pool) {
  std::optional<RivalRecord> found;
  auto target = pool.id();
  target.api_version.clear();
  if (const auto all = rivals_by_target_.find(target); all != rivals_by_target_.end())
    for (const auto& name : all->second) {
      const auto& rival = *rivals_.at(name);
      // A ScaledObject has an HorizontalPodAutoscaler of its own; it is the one to name.
      if (!rival.is_paused && (!found || rival.kind == "ScaledObject")) found = rival;
    }
  pool.rival(std::move(found));
  soil(pool.key());
}

void KubernetesPlan::see(std::string_view what, const std::string& space, const std::string& problem, Instant now) {
  const auto [sight, is_new] = sights_.try_emplace({std::string{what}, space}, "?");
  if (sight->second == problem) return;
  const bool was_seen = !is_new && sight->second.empty();
  const bool was_lost = !is_new && !sight->second.empty();
  sight->second = problem;
  const std::string where = space.empty() ? std::string{what} : fmt::format("{} in {}", what, space);
  if (!problem.empty() && (was_seen || is_new))
    events_.push_back({.at = now,
                       .reason = Reason::target_error,
                       .message = fmt::format("cannot see {}, so sizes stay as they are: {}", where, problem)});
  if (problem.empty() && was_lost)
    events_.push_back({.at = now, .reason = Reason::steady, .message = fmt::format("{} are seen again", where)});
  for (auto& [key, entry] : pools_) present(entry.pool, now);
}

void KubernetesPlan::forget(const std::string& what, const std::string& space, Instant now) {
  sights_.erase({what, space});
  const auto is_there = [&](const std::string& place) { return space.empty() || place == space; };
  if (what == pods_sight)
    for (auto& [key, pod] : pods_)
      if (is_there(key.space)) pod.record.reset(), assign(key, pod, now);
  std::erase_if(pods_, [](const auto& one) { return !one.second.record; });
  std::erase_if(workloads_, [&](const auto& one) { return one.first.kind == what && is_there(one.first.key.space); });
  if (what != rivals_sight) return;
  std::vector<RivalKey> gone;
  for (const auto& [key, rival] : rivals_)
    if (is_there(key.second.space)) gone.push_back(key);
  for (const auto& [kind, key] : gone) rival(kind, key, nullptr);
}

std::optional<std::string> KubernetesPlan::unseen(std::string_view what, const std::string& space) const {
  for (const auto& place : {space, std::string{}}) {
    const auto sight = sights_.find({std::string{what}, place});
    if (sight == sights_.end()) continue;
    if (sight->second.empty()) return std::nullopt;
    return fmt::format("cannot see {}: {}", what, sight->second);
  }
  return fmt::format("{} are not listed yet", what);
}

std::optional<std::string> KubernetesPlan::unseen(const KubernetesPool& pool) const {
  const auto& id = pool.id();
  if (auto why = unseen(pods_sight, id.key.space)) return why;
  if (auto why = unseen(id.kind, id.key.space)) return why;
  if (!pool.is_known()) return fmt::format("the scale of {} is not read yet", id.text());
  return std::nullopt;
}

void KubernetesPlan::answered(const ClusterWrite& write, const ClusterAnswer& answer, Instant now) {
  const auto found = pools_.find(write.pool);
  if (found == pools_.end() || found->second.pool.id() != write.workload) return;
  found->second.pool.answered(write, answer, now);
  anchor(found->second.pool);
  soil(write.pool);
}

std::vector<ClusterWrite> KubernetesPlan::step(Instant now) {
  for (const auto& space : std::exchange(unmatched_, {})) match(space, now);
  while (!due_.empty() && due_.begin()->first <= now) {
    soil(due_.begin()->second);
    due_.erase(due_.begin());
  }
  std::vector<ClusterWrite> writes;
  for (const auto& key : std::exchange(dirty_, {})) {
    auto& entry = pools_.at(key);
    auto& pool = entry.pool;
    OthersByNode others;
    PodSet::Look look{.now = now, .in_flight = &in_flight_};
    if (pool.spec().pays_nodes) others = others_of(key), look.others = &others;
    const auto& space = pool.id().key.space;
    // Reading a scale is how some workloads are seen in the first place.
    const bool is_seen = !unseen(pods_sight, space) && !unseen(pool.id().kind, space);
    const bool knows_rivals = options_.pool.takeover || !unseen(rivals_sight, space);
    if (is_seen && knows_rivals && may_write_)
      if (auto write = pool.step(look)) writes.push_back(std::move(*write));
    refresh(entry, look);
    due_.erase({entry.wakes_at, key});
    entry.wakes_at = pool.wakes_at(now);
    if (entry.wakes_at != Instant::max()) due_.insert({entry.wakes_at, key});
  }
  return writes;
}

void KubernetesPlan::refresh(Entry& entry, const PodSet::Look& look) {
  auto& pool = entry.pool;
  const Instant now = look.now;
  entry.replicas = pool.replicas(look);
  entry.problems = pool.problems(now);
  std::set<Reason> standing;
  for (const auto& problem : entry.problems) {
    standing.insert(problem.reason);
    if (!entry.said.contains(problem.reason)) note(pool, problem.reason, problem.message, now);
  }
  entry.said = std::move(standing);
  for (auto& conflict : pool.take_conflicts()) note(pool, Reason::conflict, std::move(conflict), now);
  if (auto message = pool.second_owner(now); !message.empty())
    entry.problems.push_back({.pool = pool.key().pool, .reason = Reason::conflict, .message = std::move(message)});
  auto& cold_starts = cold_starts_[pool.key().service];
  for (const Duration took : pool.take_cold_starts())
    if (cold_starts.size() < cluster_cold_starts_max) cold_starts.push_back({.pool = pool.key().pool, .took = took});
}

void KubernetesPlan::note(const KubernetesPool& pool, Reason reason, std::string message, Instant now) {
  if (events_.size() >= cluster_events_max) events_.erase(events_.begin());
  events_.push_back({.at = now, .service = pool.key().service, .reason = reason, .message = std::move(message)});
}

Instant KubernetesPlan::wakes_at() const {
  if (!dirty_.empty() || !unmatched_.empty()) return Instant{};
  return due_.empty() ? Instant::max() : due_.begin()->first;
}

bool KubernetesPlan::sees_all() const {
  return std::ranges::none_of(pools_, [this](const auto& one) { return unseen(one.second.pool).has_value(); });
}

TargetView KubernetesPlan::look() {
  TargetView view;
  for (auto& [key, entry] : pools_) {
    view.replicas.insert(view.replicas.end(), entry.replicas.begin(), entry.replicas.end());
    if (entry.pool.is_rolling()) view.rollouts[key.service] = true;
    if (const auto available = entry.pool.available()) view.available[key.service][key.pool] = *available;
    auto problems = entry.problems;
    const auto stand_in_the_way = [&](const std::optional<std::string>& why) {
      if (why) problems.insert(problems.begin(), {.pool = key.pool, .reason = Reason::target_error, .message = *why});
      return why.has_value();
    };
    const bool needs_rivals = entry.pool.wanted() && !options_.pool.takeover;
    if (stand_in_the_way(unseen(entry.pool)))
      view.unseen.insert(key.service);
    else if (needs_rivals)
      stand_in_the_way(unseen(rivals_sight, entry.pool.id().key.space));
    if (!problems.empty()) {
      auto& all = view.problems[key.service];
      all.insert(all.end(), std::make_move_iterator(problems.begin()), std::make_move_iterator(problems.end()));
    }
  }
  std::ranges::sort(view.replicas, {}, &Replica::id);
  std::erase_if(cold_starts_, [](const auto& one) { return one.second.empty(); });
  view.cold_starts = std::exchange(cold_starts_, {});
  view.events = std::exchange(events_, {});
  return view;
}

}  // namespace tidegate
