// Decides whether we may write a size that somebody else has written too. Pure.
//
//   yield      not while they write: not before `quiet` has passed since their newest write. Then ours is written once;
//              whoever answers it makes the next quiet time twice as long, at most `quiet_max`.
//   reassert   not before `quiet` (here: how often at most) has passed since ours; twice as long with every answer
//   pause      not until resume()
//
// An undisturbed time of twice the present quiet time forgets them. Worked for yield, quiet 5 min: they write at 0, we
// at 5 min, they answer at 6 min, we wait until 16 min; nobody answers until 36 min: the next quiet time is 5 min
// again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/time.h"
#include "core/model/target_spec.h"

namespace tidegate {

struct SecondOwnerTimes {
  Duration yield = 5min;
  Duration yield_max = 1h;
  Duration reassert = 1min;
  Duration reassert_max = 16min;
};

class SecondOwnerGuard {
 public:
  explicit SecondOwnerGuard(SecondOwnerTimes times = {}) : times_(times) {}

  // Changing what is to be done forgets what was.
  void configure(SecondOwner mode);
  void resume() { forget(); }

  // Somebody else set the size; `who`: fit for a person. True: it is the first time, or their answer to ours.
  bool disturbed(const std::string& who, Instant now);
  // We wrote ours.
  void wrote(Instant now);

  [[nodiscard]] bool may_write(Instant now) const;
  // When that changes by time alone; max: it does not.
  [[nodiscard]] Instant changes_at(Instant now) const;
  // Who it was and what will be done, for a person; the same until something happens. Empty: nobody is known.
  [[nodiscard]] std::string message(Instant now) const;
  [[nodiscard]] bool is_disturbed(Instant now) const;

 private:
  void forget();
  [[nodiscard]] Duration first() const { return mode_ == SecondOwner::reassert ? times_.reassert : times_.yield; }
  [[nodiscard]] Duration longest() const {
    return mode_ == SecondOwner::reassert ? times_.reassert_max : times_.yield_max;
  }
  [[nodiscard]] Instant writes_from() const;
  [[nodiscard]] Instant forgets_at() const;

  SecondOwnerTimes times_;
  SecondOwner mode_ = SecondOwner::yield;
  std::string who_;  // empty: nobody
  Duration quiet_{};
  std::optional<Instant> disturbed_;
  std::optional<Instant> wrote_;  // since we first were disturbed
};

}  // namespace tidegate
