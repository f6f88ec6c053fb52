#include "edge/targets/kubernetes_pool.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

constexpr std::int32_t mark_cost = -1000;  // a pod that is to go; others have 0
constexpr std::size_t marks_max = 256;     // more are not worth their writes
constexpr std::int32_t conflicts_at_once = 5;
constexpr Duration retry_first = 500ms;
constexpr Duration retry_most = 30s;
constexpr Duration retry_refused = 30s;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Versions are counted up by the server; what is no number cannot be told.
bool is_older(std::string_view one, std::string_view other) {
  if (!is_number(one) || !is_number(other)) return false;
  return one.size() != other.size() ? one.size() < other.size() : one < other;
}

bool is_refusal(ApiReason reason) {
  return reason == ApiReason::forbidden || reason == ApiReason::invalid || reason == ApiReason::not_found ||
         reason == ApiReason::unauthorized || reason == ApiReason::untrusted;
}

bool is_committed(ReplicaState state) {
  return state == ReplicaState::requested || state == ReplicaState::starting || state == ReplicaState::loading ||
         state == ReplicaState::ready;
}

std::string plural(std::int32_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

KubernetesPool::KubernetesPool(PoolKey key, WorkloadId workload, KubernetesPoolOptions options)
    : key_(std::move(key)),
      id_(std::move(workload)),
      options_(std::move(options)),
      pods_(options_.pods),
      guard_(options_.second_owner) {}

void KubernetesPool::configure(const PoolSpec& spec, Mode mode, bool is_only) {
  spec_ = spec;
  pods_.stand_beside_others(!is_only);
  if (target_ != std::get<KubernetesTargetSpec>(spec.target)) guard_.resume();
  target_ = std::get<KubernetesTargetSpec>(spec.target);
  guard_.configure(target_.second_owner);
  // A service that only watches has no say in its size.
  if (mode != Mode::act) wanted_.reset();
  mode_ = mode;
}

void KubernetesPool::order(std::int32_t replicas, Instant now) {
  const auto counts = committed(now);
  if (!wanted_ || replicas > counts.committed) wanted_more_ = now;
  wanted_ = std::max(replicas, 0);
}

KubernetesPool::Counts KubernetesPool::committed(Instant now) const {
  Counts counts{.committed = std::max(pods_.wanted() - pods_.alive(), 0), .failed = 0};
  for (const auto& [key, member] : pods_.members()) {
    const auto state = pods_.state_of(member, now);
    if (is_committed(state)) ++counts.committed;
    if (state == ReplicaState::failed) ++counts.failed;
  }
  counts.committed = std::min(counts.committed, pods_.wanted());
  return counts;
}

bool KubernetesPool::says_all() const {
  return id_.api_version == "apps/v1" && record_ && record_->replicas && record_->selector;
}

void KubernetesPool::workload(std::shared_ptr<const WorkloadRecord> record, Instant now) {
  is_told_ = true;
  if (!record || (record_ && record_->uid != record->uid)) {
    replicas_.reset();
    resource_version_.clear();
    scale_generation_ = -1;
    settled_template_.reset();
    guard_.resume();
    pods_.want(0, now);
  }
  if (!record) return record_.reset();
  // A watch may still tell of the time before our own write.
  if (is_older(record->resource_version, resource_version_)) return;
  record_ = std::move(record);
  if (says_all()) {
    selector_ = record_->selector;
    take_size(*record_->replicas, record_->resource_version, now);
  } else if (scale_generation_ == record_->generation) {
    resource_version_ = record_->resource_version;
  }
  if (record_->observed_generation >= record_->generation && !is_rolling()) settled_template_ = record_->template_hash;
}

// Whose is it? What we wrote, we know; what another instance of us wrote, is as good as ours.
void KubernetesPool::take_size(std::int32_t replicas, const std::string& resource_version, Instant now) {
  const auto before = std::exchange(replicas_, replicas);
  resource_version_ = resource_version;
  pods_.want(replicas, now);
  if (!before || *before == replicas || !wanted_ || mode_ != Mode::act) return;
  if (under_way_ && under_way_->deed == ClusterDeed::set_scale && under_way_->replicas == replicas) return;
  const auto& writer = record_->writer.manager;
  // Whoever sets what we want is no adversary.
  if (writer == options_.field_manager || replicas == *wanted_) return;
  auto who = fmt::format("{} set {} of {}, we had {}", writer.empty() ? "somebody" : writer,
                         plural(replicas, "replica"), id_.text(), *before);
  if (guard_.disturbed(who, now)) conflicts_.push_back(std::move(who));
}

void KubernetesPool::pod(const ObjectKey& key, std::shared_ptr<const PodRecord> pod, Instant now) {
  if (pod)
    pods_.set(key, std::move(pod), now);
  else
    pods_.erase(key);
}

bool KubernetesPool::owns(const PodRecord& pod) const {
  if (!selector_ || !selector_->picks(pod.labels)) return false;
  if (id_.api_version != "apps/v1") return true;
  // Selectors of two workloads may overlap; owners do not.
  if (id_.kind == "StatefulSet" || id_.kind == "ReplicaSet")
    return pod.owner_kind == id_.kind && pod.owner_name == id_.key.name;
  const std::string prefix = id_.key.name + "-";
  return pod.owner_kind == "ReplicaSet" && pod.owner_name.starts_with(prefix) &&
         pod.owner_name.find('-', prefix.size()) == std::string::npos;
}

void KubernetesPool::answered(const ClusterWrite& write, const ClusterAnswer& answer, Instant now) {
  under_way_.reset();
  const bool is_same = record_ && !(answer.scale && answer.scale->uid != record_->uid && !answer.scale->uid.empty());
  if (answer.may_not_write || !is_same) {
    retry_at_ = now + retry_first;
    restarts_ = restarts_ || write.deed == ClusterDeed::restart;
    return;
  }
  if (answer.error && answer.error->reason == ApiReason::conflict) {
    ++failures_;
    retry_at_ = failures_ <= conflicts_at_once ? now : now + retry_first;
    if (answer.scale && answer.scale->replicas == replicas_)
      resource_version_ = answer.scale->resource_version;
    else
      // Another size: the watch is to say whose it is, and what it says not is read.
      retry_at_ = now + retry_first, scale_generation_ = -1;
    return;
  }
  if (answer.error) {
    restarts_ = restarts_ || (write.deed == ClusterDeed::restart && !is_refusal(answer.error->reason));
    return failed(*answer.error, now);
  }
  failures_ = 0;
  refusal_.clear();
  if (!write.marks.empty()) marks_problem_ = answer.marks_problem;
  if (!answer.scale) return;
  if (write.deed == ClusterDeed::set_scale) {
    guard_.wrote(now);
    replicas_ = answer.scale->replicas;
    resource_version_ = answer.scale->resource_version;
    pods_.want(*replicas_, now);
    return;
  }
  scale_generation_ = record_->generation;
  selector_ = parse_label_selector(answer.scale->selector);
  if (!selector_) refusal_ = fmt::format("the scale of {} names no selector of its pods", id_.text());
  take_size(answer.scale->replicas, answer.scale->resource_version, now);
}

void KubernetesPool::failed(const ApiError& error, Instant now) {
  ++failures_;
  const auto doubled = std::min<Duration>(retry_first * (std::int64_t{1} << std::min(failures_ - 1, 10)), retry_most);
  retry_at_ =
      now + std::max(is_refusal(error.reason) ? retry_refused : doubled, error.retry_after.value_or(Duration{}));
  // What is over at the next try is not worth a word.
  if (is_refusal(error.reason) || failures_ > 1) refusal_ = error.message;
}

bool KubernetesPool::may_lower(std::int32_t wanted, Instant now) const {
  if (is_rolling()) return false;
  const auto counts = committed(now);
  return counts.failed == 0 || wanted < counts.committed || now - wanted_more_ >= options_.failed_patience;
}

bool KubernetesPool::is_refused() const { return !claimed_by_.empty() || (rival_ && !options_.takeover); }

std::optional<ClusterWrite> KubernetesPool::step(const PodSet::Look& look) {
  const Instant now = look.now;
  if (under_way_ || !record_ || now < retry_at_) return std::nullopt;
  ClusterWrite write{.pool = key_, .workload = id_};
  if (!says_all() && scale_generation_ != record_->generation) {
    write.deed = ClusterDeed::read_scale;
  } else if (!claimed_by_.empty()) {
    return std::nullopt;
  } else if (std::exchange(restarts_, false)) {
    write.deed = ClusterDeed::restart;
  } else {
    if (is_refused() || !wanted_ || !replicas_ || *wanted_ == *replicas_ || !guard_.may_write(now)) return std::nullopt;
    if (*wanted_ < *replicas_) {
      if (!may_lower(*wanted_, now)) return std::nullopt;
      write.marks = marks(*wanted_, look);
    }
    write.replicas = *wanted_;
    write.resource_version = resource_version_;
  }
  under_way_ = write;
  return write;
}

std::vector<PodMark> KubernetesPool::marks(std::int32_t replicas, const PodSet::Look& look) const {
  std::vector<PodMark> marks;
  if (replicas == 0) return marks;
  const auto victims = pods_.victims(replicas, look);
  for (const auto& [key, member] : pods_.members()) {
    const PodRecord& pod = *member.pod;
    if (pod.owner_kind != "ReplicaSet" || pod.state != ReplicaState::ready || marks.size() == marks_max) continue;
    const bool goes = std::ranges::find(victims, key) != victims.end();
    const bool is_marked = pod.deletion_cost == mark_cost;
    if (goes == is_marked) continue;
    marks.push_back({.pod = key, .uid = pod.uid, .deletion_cost = goes ? std::optional(mark_cost) : std::nullopt});
  }
  return marks;
}

Instant KubernetesPool::wakes_at(Instant now) const {
  Instant next = pods_.changes_at(now);
  const auto at = [&](Instant when) {
    if (when > now) next = std::min(next, when);
  };
  at(guard_.changes_at(now));
  const bool waits = wanted_ != replicas_ || restarts_ || (record_ && !says_all());
  if (waits) at(retry_at_);
  if (wanted_ && replicas_ && *wanted_ < *replicas_) at(wanted_more_ + options_.failed_patience);
  return next;
}

std::vector<Replica> KubernetesPool::replicas(const PodSet::Look& look) const {
  auto own = look;
  own.name = fmt::format("{}-{}", key_.service, key_.pool);
  own.port = target_.port;
  auto all = pods_.replicas(own);
  for (auto& replica : all) {
    replica.service = key_.service;
    replica.pool = key_.pool;
  }
  return all;
}

std::optional<std::int32_t> KubernetesPool::available() const {
  const bool is_full =
      std::ranges::any_of(pods_.members(), [](const auto& one) { return !one.second.pod->unschedulable.empty(); });
  const bool is_missing = is_told_ && !record_;
  return is_full || is_missing ? std::optional(0) : std::nullopt;
}

std::vector<TargetProblem> KubernetesPool::problems(Instant now) const {
  std::vector<TargetProblem> problems;
  const auto add = [&](Reason reason, std::string message, std::int32_t replicas = 0) {
    problems.push_back({.pool = key_.pool, .reason = reason, .message = std::move(message), .replicas = replicas});
  };
  if (!claimed_by_.empty())
    add(Reason::conflict,
        fmt::format("{} is scaled by {} already; give each pool a workload of its own", id_.text(), claimed_by_));
  if (is_told_ && !record_) add(Reason::target_error, fmt::format("there is no {}", id_.text()));
  if (rival_ && mode_ == Mode::act)
    add(Reason::conflict,
        fmt::format("{} {} scales {} too{}", rival_->kind, rival_->name, id_.text(),
                    options_.takeover ? "" : ", so it is left alone; delete it, or run with --takeover"));
  if (!refusal_.empty()) add(Reason::target_error, refusal_);
  if (!marks_problem_.empty())
    add(Reason::target_error,
        fmt::format("the idlest pods could not be marked, so others may have gone: {}", marks_problem_));
  if (record_ && !record_->stuck.empty()) add(Reason::rollout_failed, record_->stuck);
  add_pod_problems(problems, now);
  return problems;
}

void KubernetesPool::add_pod_problems(std::vector<TargetProblem>& problems, Instant now) const {
  TargetProblem nodeless{.pool = key_.pool, .reason = Reason::capacity_unavailable};
  TargetProblem broken{.pool = key_.pool, .reason = Reason::start_failed};
  for (const auto& [key, member] : pods_.members()) {
    const PodRecord& pod = *member.pod;
    const bool is_nodeless = !pod.unschedulable.empty();
    if (is_nodeless && now - member.unschedulable < options_.pods.named) continue;
    if (!is_nodeless && pods_.state_of(member, now) != ReplicaState::failed) continue;
    auto& problem = is_nodeless ? nodeless : broken;
    if (problem.replicas++ == 0)
      problem.message = is_nodeless ? pod.unschedulable
                                    : fmt::format("{}: {}", key.name, pod.trouble.empty() ? "not ready" : pod.trouble);
  }
  if (nodeless.replicas > 0) {
    nodeless.message = fmt::format("{} without a node: {}", plural(nodeless.replicas, "pod"), nodeless.message);
    problems.push_back(std::move(nodeless));
  }
  if (broken.replicas > 0) problems.push_back(std::move(broken));
}

}  // namespace tidegate
