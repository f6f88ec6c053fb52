#include "edge/kubernetes/lease_election.h"

#include <algorithm>

#include "core/base/check.h"

namespace tidegate {

LeaseElection::LeaseElection(std::string identity, LeaseTimes times, std::uint64_t seed)
    : identity_(std::move(identity)), times_(times), prng_(seed) {
  CHECK(!identity_.empty());
  CHECK(times_.duration > times_.renew_deadline && times_.renew_deadline > times_.retry_period &&
        times_.retry_period > Duration{});
}

// Ours, given back, or silent for as long as its holder asked others to wait.
bool LeaseElection::may_take(Instant now) const {
  return !seen_ || seen_->holder.empty() || seen_->holder == identity_ || now >= seen_at_ + seen_->duration;
}

LeaseRecord LeaseElection::claim(Instant now) const {
  LeaseRecord record = seen_.value_or(LeaseRecord{});
  const bool is_ours = record.holder == identity_;
  record.duration = times_.duration;
  record.renewed = now;
  if (is_ours) return record;
  record.holder = identity_;
  record.acquired = now;
  // The first holder of all begins an epoch too, so that 0 always means nobody.
  record.epoch = std::max(record.epoch, epoch_) + 1;
  return record;
}

LeaseStep LeaseElection::next(Instant now) {
  if (now < due_) return {.act = LeaseAct::wait, .wait = due_ - now};
  if (must_read_ || !may_take(now)) return {.act = LeaseAct::read};
  return {.act = LeaseAct::write, .record = claim(now)};
}

void LeaseElection::was_read(const std::optional<LeaseRecord>& record, Instant now) {
  must_read_ = false;
  if (record != seen_ || !seen_) seen_at_ = now;
  seen_ = record;
  // Somebody else's, or deleted and so anybody's.
  if (!seen_ || seen_->holder != identity_) leads_until_ = Instant{};
  if (may_take(now)) return;
  // When it may be ours at the earliest, or at the next look; a little apart from the others who wait for it too.
  const Duration apart = from_seconds(seconds(times_.retry_period) * (0.5 + prng_.uniform()));
  due_ = std::min(now + apart, std::max(now, seen_at_ + seen_->duration) + apart / 10);
}

void LeaseElection::was_written(const LeaseRecord& stored, Instant sent) {
  seen_ = stored;
  seen_at_ = sent;
  if (has_left_) return;
  epoch_ = stored.epoch;
  leads_until_ = sent + times_.renew_deadline;
  due_ = sent + times_.retry_period;
}

void LeaseElection::conflicted(Instant now) {
  must_read_ = true;
  due_ = now + from_seconds(seconds(times_.retry_period) * 0.05 * (1 + prng_.uniform()));
}

void LeaseElection::failed(Instant now) {
  // Whether a write that broke off was kept is not known: the next attempt begins with what is stored.
  must_read_ = true;
  due_ = now + from_seconds(seconds(times_.retry_period) * (0.5 + 0.5 * prng_.uniform()));
}

std::optional<LeaseRecord> LeaseElection::renounce(Instant now) {
  leads_until_ = Instant{};
  has_left_ = true;
  if (!seen_ || seen_->holder != identity_) return std::nullopt;
  LeaseRecord record = *seen_;
  record.holder.clear();
  record.duration = 1s;
  record.renewed = now;
  return record;
}

}  // namespace tidegate
