#include "edge/kubernetes/leader_lease.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/check.h"
#include "edge/kubernetes/rfc3339.h"

namespace tidegate {
namespace {

constexpr Duration give_back_within = 2s;
constexpr std::int64_t lease_seconds_max = 24 * 3600;

ApiClientOptions client_options(const LeaseTimes& times) {
  return {.timeout = times.request_timeout(),
          .deadline = times.request_timeout(),
          .retries = {.attempts_max = 1},  // the election says when it is tried again
          .is_rate_limited = false};
}

}  // namespace

std::string unique_identity() {
  std::array<char, 64> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::uint64_t bits = 0;
  CHECK(::getrandom(&bits, sizeof bits, 0) == sizeof bits);
  return fmt::format("{}_{:016x}", host.data(), bits);
}

LeaseRecord lease_record_of(const Json& lease) {
  const auto time = [&](std::string_view name) {
    return parse_rfc3339(text_field(lease, {"spec", name})).value_or(Instant{});
  };
  return {.holder = text_field(lease, {"spec", "holderIdentity"}),
          .duration = std::chrono::seconds{std::clamp<std::int64_t>(
              integer_field(lease, {"spec", "leaseDurationSeconds"}).value_or(0), 0, lease_seconds_max)},
          .acquired = time("acquireTime"),
          .renewed = time("renewTime"),
          .epoch = integer_field(lease, {"spec", "leaseTransitions"}).value_or(0),
          .resource_version = text_field(lease, {"metadata", "resourceVersion"})};
}

Json lease_of(const LeaseRecord& record, const ObjectKey& key) {
  Json lease{{"apiVersion", "coordination.k8s.io/v1"},
             {"kind", "Lease"},
             {"metadata", {{"name", key.name}, {"namespace", key.space}}},
             {"spec",
              {{"holderIdentity", record.holder},
               {"leaseDurationSeconds", std::chrono::ceil<std::chrono::seconds>(record.duration).count()},
               {"acquireTime", rfc3339_micro(record.acquired)},
               {"renewTime", rfc3339_micro(record.renewed)},
               {"leaseTransitions", record.epoch}}}};
  if (!record.resource_version.empty()) lease["metadata"]["resourceVersion"] = record.resource_version;
  return lease;
}

LeaderLease::LeaderLease(Cluster& cluster, LeaderLeaseOptions options)
    : options_(std::move(options)),
      clock_(cluster.clock()),
      ref_{.type = resources::leases, .key = options_.lease},
      client_(cluster, client_options(options_.times)),
      election_(options_.identity, options_.times, options_.seed),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

LeaderLease::~LeaderLease() {
  thread_.request_stop();
  thread_.join();
}

bool LeaderLease::leads() const {
  const std::lock_guard lock(mutex_);
  return election_.leads(clock_.now());
}

LeaderView LeaderLease::view() const {
  const std::lock_guard lock(mutex_);
  return {.leads = election_.leads(clock_.now()),
          .leads_until = election_.leads_until(),
          .epoch = election_.epoch(),
          .holder = election_.holder(),
          .problem = problem_};
}

void LeaderLease::run(const std::stop_token& stop) {
  while (sleep_unless_stopped(step(stop), stop)) tell();
  give_back();
  tell();
}

// Does one thing, or answers how long to wait.
Duration LeaderLease::step(const std::stop_token& stop) {
  LeaseStep next;
  Instant leads_until{};
  {
    const std::lock_guard lock(mutex_);
    next = election_.next(clock_.now());
    leads_until = election_.leads_until();
  }
  if (next.act == LeaseAct::read) read(stop);
  if (next.act == LeaseAct::write) write(next.record, stop);
  // Awake when our claim ends, so that it is told.
  const Duration left = leads_until - clock_.now();
  return left > Duration{} ? std::min(next.wait, left) : next.wait;
}

void LeaderLease::read(const std::stop_token& stop) {
  const auto lease = client_.get(ref_, {}, stop);
  const Instant now = clock_.now();
  const std::lock_guard lock(mutex_);
  problem_.clear();
  if (lease) return election_.was_read(lease_record_of(*lease), now);
  if (lease.error().reason == ApiReason::not_found) return election_.was_read(std::nullopt, now);
  problem_ = lease.error().message;
  election_.failed(now);
}

void LeaderLease::write(const LeaseRecord& record, const std::stop_token& stop) {
  const Instant sent = clock_.now();
  const auto stored = store(record, stop);
  const std::lock_guard lock(mutex_);
  problem_.clear();
  if (stored) return election_.was_written(*stored, sent);
  const ApiReason reason = stored.error().reason;
  if (reason == ApiReason::conflict || reason == ApiReason::already_exists || reason == ApiReason::not_found)
    return election_.conflicted(clock_.now());
  problem_ = stored.error().message;
  election_.failed(clock_.now());
}

ApiResult<LeaseRecord> LeaderLease::store(const LeaseRecord& record, const std::stop_token& stop) {
  const Json lease = lease_of(record, ref_.key);
  const auto stored = record.resource_version.empty() ? client_.create(ref_.type, ref_.key.space, lease, {}, stop)
                                                      : client_.merge(ref_, lease, {}, stop);
  if (!stored) return std::unexpected(stored.error());
  return lease_record_of(*stored);
}

void LeaderLease::give_back() {
  std::unique_lock lock(mutex_);
  const auto record = election_.renounce(clock_.now());
  lock.unlock();
  if (!record) return;
  ApiClient client{client_.cluster(),
                   {.timeout = give_back_within, .deadline = give_back_within, .is_rate_limited = false}};
  // Best effort: who is not told waits for the lease to run out.
  [[maybe_unused]] const auto stored = client.merge(ref_, lease_of(*record, ref_.key));
}

void LeaderLease::tell() {
  const bool leads = this->leads();
  if (std::exchange(told_, leads) != leads && options_.changed) options_.changed(leads);
}

}  // namespace tidegate
