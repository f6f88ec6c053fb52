#include "edge/targets/second_owner.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/kubernetes/rfc3339.h"

namespace tidegate {

void SecondOwnerGuard::configure(SecondOwner mode) {
  if (mode != mode_) forget();
  mode_ = mode;
}

void SecondOwnerGuard::forget() {
  who_.clear();
  disturbed_.reset();
  wrote_.reset();
  quiet_ = Duration{};
}

bool SecondOwnerGuard::disturbed(const std::string& who, Instant now) {
  if (!is_disturbed(now)) forget();
  // Several writes of theirs between two of ours are one answer.
  const bool is_answer = !disturbed_ || (wrote_ && *wrote_ >= *disturbed_);
  if (is_answer) quiet_ = quiet_ == Duration{} ? first() : std::min(quiet_ * 2, longest());
  who_ = who;
  disturbed_ = now;
  return is_answer;
}

void SecondOwnerGuard::wrote(Instant now) {
  if (disturbed_) wrote_ = now;
}

Instant SecondOwnerGuard::writes_from() const {
  if (!disturbed_) return Instant{};
  if (mode_ == SecondOwner::pause) return Instant::max();
  if (mode_ == SecondOwner::yield) return std::max(*disturbed_ + quiet_, wrote_.value_or(Instant{}));
  // The first of ours answers at once.
  return wrote_ ? *wrote_ + quiet_ : *disturbed_;
}

Instant SecondOwnerGuard::forgets_at() const {
  if (mode_ == SecondOwner::pause || !disturbed_) return Instant::max();
  return std::max(*disturbed_, wrote_.value_or(*disturbed_)) + 2 * quiet_;
}

bool SecondOwnerGuard::is_disturbed(Instant now) const { return disturbed_ && now < forgets_at(); }

bool SecondOwnerGuard::may_write(Instant now) const { return !is_disturbed(now) || now >= writes_from(); }

Instant SecondOwnerGuard::changes_at(Instant now) const {
  if (!disturbed_) return Instant::max();
  Instant next = Instant::max();
  for (const Instant at : {writes_from(), forgets_at()})
    if (at > now) next = std::min(next, at);
  return next;
}

std::string SecondOwnerGuard::message(Instant now) const {
  if (!is_disturbed(now)) return "";
  if (mode_ == SecondOwner::pause) return fmt::format("{}; paused until `tidegate resume`", who_);
  if (may_write(now)) return who_;
  return fmt::format("{}; {} at {} at the earliest", who_,
                     mode_ == SecondOwner::yield ? "taken over again" : "written again",
                     rfc3339(std::chrono::ceil<std::chrono::seconds>(writes_from())));
}

}  // namespace tidegate
