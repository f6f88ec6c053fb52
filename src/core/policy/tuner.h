// Chooses by outcome: each candidate runs against a fluid plant of its own on the arrivals observed, and the leader is
// the cheapest one whose share of late requests stays below what the SLO allows.
//
// Plant of a candidate, in steps of one second: arrivals queue, begin while slots are free, and end at the rate that
// requests in service were measured to end at, scaled by the batching speed of the plant's own concurrency. Whole
// replicas, ready a lead time after the floor asked for them. A request is late when it has not begun after the slack:
// of the a(t - W) that came in that second, min(a(t - W), queue - arrivals since), never counted twice.
//
// Every ten seconds of evidence (staggered by a hash of the service's name) the plants advance and the candidates
// answer again, for the highest load since. Every five minutes the leader is chosen. Shares and costs are forgotten
// with a time constant of what was observed, at most a week: surges that come once in days are not forgotten between
// two of them. What has not been tried long weighs as expected (expected_miss).
//
// Late requests come in clusters (a surge that found too few replicas), so a share is believed only up to its error:
// with x_b the late requests of block b of twice the lead time, believed = (sum x_b + sqrt(sum x_b^2)) / arrivals.
// Worked: of 100,000 requests 900 were late, 1 in each of 900 blocks: 0.93 %; all in one block: 1.8 %.
//
// The target is an error budget: what the allowance leaves after what was really missed, spent over as long as is
// remembered, times a part, corrected by what was really missed against what the leader's plant said. More than twice
// the allowance cannot be made up for: from there to four times the target comes back to the allowance.
//
// The least score leads: cost + least cost * max(0, believed - target) / allowance. One late request more costs as much
// as serving 1 / allowance requests does (100 at 99 %), with a dear candidate as with a cheap one: what nobody could
// foresee is not bought back at any price. Worked, at 99 % and a target of 0.8 %: 1.3 replicas and 13.9 % late score
// 1.3 + 1.3 * 13.1 = 18.3; 3.2 replicas and 5.1 % score 8.8; three times the highest load of a day, 21 replicas and
// none late, 21.
//
// What is seldom late tells little of itself, so a candidate is not believed to be better than its bolder neighbour by
// more than (ratio of expected misses)^2.5, unless it was spared clusters that met the neighbour: of n that it was
// spared, it may still meet 3 / n (the rule of three).
//
// A dearer one takes over only where the leader's lateness is evident: its share, less half of its error, is above the
// target. After a single cluster on the first day it may cost twice as much: what a second one asks for is not known.
//
// On the first day a share tells little of the next hours, and one surge can spend what the day allows: half of the
// allowance is aimed at, or 15 s over the lead time where that is less, since who meets a surge unprepared is late for
// a lead time.
//
// Missing data freezes the plants. A service idle for an hour drops them and keeps what they taught.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/policy/candidate.h"

namespace tidegate {

using Lane = std::array<float, candidate_count>;

inline constexpr std::size_t tuner_seconds = 10;     // of a step
inline constexpr std::size_t slack_seconds = 64;     // longest slack the plants know
inline constexpr std::size_t orders_kept = 64;       // of the committed sizes, one a step
inline constexpr std::size_t busy_slots_kept = 288;  // a day of five minutes

// The world each candidate would have made.
struct CandidatePlants {
  Lane committed{};
  Lane in_service{};
  Lane queued{};
  std::array<Lane, 3> kept{};  // highest floors: of the bucket being filled and the two before
  Lane kept_age{};             // seconds of the bucket being filled
  std::array<std::array<std::uint16_t, candidate_count>, orders_kept> orders{};
  Lane late_block{};                             // late requests of the open block
  std::array<float, slack_seconds> arrivals{};   // by second modulo
  std::array<float, busy_slots_kept> busiest{};  // highest busy slots of each five minutes
  std::int64_t second = 0;                       // evidence seconds played
  std::int64_t steps = 0;
  std::int64_t block_opened = 0;  // step

  friend bool operator==(const CandidatePlants&, const CandidatePlants&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(committed, in_service, queued, kept, kept_age, orders, late_block, arrivals, busiest, second, steps,
       block_opened);
  }
};

// One second of evidence.
struct TunerSecond {
  float arrivals = 0;
  float completions = -1;  // negative: unknown
  float in_flight = 0;
  float each = 0;  // requests a ready replica held

  friend bool operator==(const TunerSecond&, const TunerSecond&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(arrivals, completions, in_flight, each);
  }
};

struct Tuner {
  std::vector<CandidatePlants> plants;  // one, or none while the service sleeps
  std::array<TunerSecond, tuner_seconds> open{};
  std::uint8_t open_count = 0;
  double open_covered = 0;  // of the second being filled
  double open_arrivals = 0;
  double open_completions = 0;
  double open_busy = 0;  // highest busy slots since the last step
  double open_momentary = 0;

  // What was learned; forgotten.
  Lane late{};          // requests
  Lane late_squares{};  // of the blocks' late requests
  Lane billed{};        // weighted replica-seconds
  double arrivals = 0;
  double time = 0;       // seconds
  double observed = 0;   // seconds, not forgotten
  double predicted = 0;  // late requests of the leaders' plants while they led
  double met = 0;        // really met and missed
  double missed = 0;
  std::array<float, windows> busiest{};  // of the windows, as of the last step
  std::uint16_t leader = cautious;
  std::uint16_t phase = 0;  // steps until the next choice

  [[nodiscard]] bool is_consistent() const {
    return plants.size() <= 1 && leader < candidate_count && open_count < tuner_seconds;
  }
  friend bool operator==(const Tuner&, const Tuner&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(plants, open, open_count, open_covered, open_arrivals, open_completions, open_busy, open_momentary, late,
       late_squares, billed, arrivals, time, observed, predicted, met, missed, busiest, leader, phase);
    if constexpr (Archive::is_reading) {
      if (!is_consistent()) ar.fail();
    }
  }
};

struct TunerEvidence {
  Duration interval{};
  double arrivals = 0;
  double completions = -1;  // negative: unknown
  double in_flight = -1;    // negative: unknown
  double met = 0;           // ended and met the SLO
  double missed = 0;
};

struct TunerView {
  const ServiceLoad& load;
  const Forecast& at_lead;
  const Forecast& over_hold;
  const Capacity& capacity;
  double allowance = 0.01;  // share of requests that may be late
  Duration lead_time{};
  Duration boot_time{};  // what a start typically takes
  Duration hold_time{};
  double ready = 0;
  double committed = 0;
  bool may_lower = true;
  double replicas_min = 0;
  double replicas_max = 1;
};

void start(Tuner& tuner, std::string_view service);
void observe(Tuner& tuner, const TunerEvidence& seen, const TunerView& view);

// The share of late requests that candidate `k` would have caused, and its cost in mean weighted replicas.
[[nodiscard]] double late_share(const Tuner& tuner, std::size_t k);
[[nodiscard]] std::array<double, candidate_count> believed_shares(const Tuner& tuner);
[[nodiscard]] double mean_replicas(const Tuner& tuner, std::size_t k);
// The share aimed at.
[[nodiscard]] double target_share(const Tuner& tuner, double allowance);
// What counts as allowed while little is known: less than `allowance` on the first day.
[[nodiscard]] double early_allowance(const Tuner& tuner, double allowance, Duration lead_time);
// The candidate to lead now.
[[nodiscard]] std::size_t choose(const Tuner& tuner, double allowance);

void sleep(Tuner& tuner);

}  // namespace tidegate
