#include "core/policy/tuner.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double step_seconds = static_cast<double>(tuner_seconds);
constexpr double memory_part = 1;          // of what was observed: time constant of what is remembered
constexpr double memory_least = 3600;      // seconds
constexpr double memory_most = 7 * 86400;  // seconds
constexpr double prior_time = 1800;        // seconds an expectation weighs as
constexpr double prior_fade = 6 * 3600;    // seconds until the expectation has faded to a third
constexpr double aimed_part = 0.8;         // of what the budget leaves
constexpr double left_most = 1.5;          // allowances
constexpr double spent_most = 2;           // allowances: more cannot be made up for
constexpr double spent_for_good = 4;       // allowances: from here on nothing is made up for
constexpr double correction_most = 4;
constexpr double target_least = 0.2;       // allowances
constexpr double cluster_least = 10;       // requests
constexpr double ended_prior = 1000;       // requests
constexpr double block_least = 300;        // seconds
constexpr double settling = 60;            // seconds beyond the boot
constexpr double first_choice = 300;       // seconds of evidence
constexpr double quick_after = 12 * 3600;  // seconds of evidence: surges an hour apart show what lowering at once costs
constexpr double leader_bonus = 0.98;      // a change must be worth it
constexpr double doubt = 0.5;              // of the error of a share
constexpr double clusters_least = 1.5;     // on the first day: less is one, and buys no more than
constexpr double dearer_most = 2;          // ... so many times what the leader costs
constexpr double first_day = 86400;        // seconds of evidence
constexpr double early_most = 0.5;         // of the allowance, on the first day
constexpr double early_lead = 15;          // seconds: of a lead time the part that is allowed on the first day
constexpr double tail_power = 2.5;         // how much faster the late share falls than expected misses, at most
constexpr double rule_of_three = 3;
constexpr std::uint16_t steps_per_choice = 30;
constexpr std::int64_t steps_per_busy_slot = 30;
constexpr double longest_interval = 60;  // seconds of a tick that count

std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037ULL;  // FNV-1a
  for (const char letter : text) value = (value ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
  return value ^ (value >> 32);
}

void wake(Tuner& tuner, const TunerView& view) {
  CandidatePlants& plants = tuner.plants.emplace_back();
  const double committed = std::clamp(std::round(view.committed), 0.0, 60000.0);
  plants.committed.fill(static_cast<float>(committed));
  for (auto& order : plants.orders) order.fill(static_cast<std::uint16_t>(committed));
}

// The least that was committed within the lead time: what is ready now.
Lane ready_replicas(const CandidatePlants& plants, Duration lead_time) {
  const auto steps = static_cast<std::int64_t>(std::ceil(seconds(lead_time) / step_seconds));
  const std::int64_t back = std::clamp<std::int64_t>(steps, 1, static_cast<std::int64_t>(orders_kept));
  std::array<std::uint16_t, candidate_count> least;
  least.fill(0xffff);
  for (std::int64_t i = 0; i < back; ++i) {
    const auto& order =
        plants.orders[static_cast<std::size_t>(plants.steps + static_cast<std::int64_t>(orders_kept) - 1 - i) %
                      orders_kept];
    for (std::size_t k = 0; k < candidate_count; ++k) least[k] = std::min(least[k], order[k]);
  }
  Lane ready;
  for (std::size_t k = 0; k < candidate_count; ++k) ready[k] = static_cast<float>(least[k]);
  return ready;
}

// What every plant shares in one second.
struct Second {
  float arrivals = 0;
  float due = 0;    // arrivals that are late from now on, if they still wait
  float newer = 0;  // arrivals since then
  float work = 1;   // how quick requests ended, against the model
  float slots = 1;  // begun within a second or held, of a replica
  float part = 1;   // of those slots held at a time
  float base = 1;
  float slope = 0;
};

Second shared(CandidatePlants& plants, const TunerSecond& seen, const TunerView& view) {
  const auto at = [&](std::int64_t back) {
    const std::int64_t second = plants.second - back;
    return second < 0 ? 0.0F : plants.arrivals[static_cast<std::size_t>(second) % slack_seconds];
  };
  plants.arrivals[static_cast<std::size_t>(plants.second) % slack_seconds] = seen.arrivals;
  const double slack = std::clamp(view.load.slack, 0.0, static_cast<double>(slack_seconds) - 2);
  const auto whole = static_cast<std::int64_t>(slack);
  const float part = static_cast<float>(slack - static_cast<double>(whole));
  Second second{.arrivals = seen.arrivals};
  for (std::int64_t back = 0; back < whole; ++back) second.newer += at(back);
  second.newer += part * at(whole);
  second.due = (1 - part) * at(whole) + part * at(whole + 1);
  ++plants.second;

  const double residence = view.load.residence;
  const double scale = residence / std::max(view.capacity.residence(view.load.slots), 1e-9);
  second.base = static_cast<float>(view.capacity.residence_base * scale);
  second.slope = static_cast<float>(view.capacity.residence_slope * scale);
  second.part = static_cast<float>(std::min(residence, 1.0));
  second.slots = static_cast<float>(view.load.slots / std::min(residence, 1.0));
  if (seen.completions >= 0) {
    const float each = std::min(seen.each, static_cast<float>(view.load.slots));
    const float modelled = 1 / (second.base + second.slope * each);
    // One imagined request at the modelled speed, for when few are in service.
    second.work = (seen.completions + modelled) / ((seen.in_flight + 1) * modelled);
    second.work = std::clamp(second.work, 0.1F, 4.0F);
  }
  return second;
}

void play(CandidatePlants& plants, const Lane& ready, const Second& second, Lane& late) {
  const float most = second.slots * second.part;
  for (std::size_t k = 0; k < candidate_count; ++k) {
    float busy = plants.in_service[k];
    const float each = std::min(busy * second.part / std::max(ready[k], 1.0F), most);
    const float ending = std::min(second.work / (second.base + second.slope * each), 1.0F);
    busy -= busy * ending;
    float queue = plants.queued[k] + second.arrivals;
    const float begun = std::min(std::max(ready[k] * second.slots - busy, 0.0F), queue);
    queue -= begun;
    late[k] += std::min(std::max(queue - second.newer, 0.0F), second.due);
    plants.in_service[k] = busy + begun;
    plants.queued[k] = queue;
  }
}

void keep(CandidatePlants& plants, std::size_t k, double floor, double window) {
  if (!(window > 0)) return;
  plants.kept_age[k] += static_cast<float>(step_seconds);
  if (static_cast<double>(plants.kept_age[k]) >= window / 2) {
    plants.kept[2][k] = plants.kept[1][k];
    plants.kept[1][k] = plants.kept[0][k];
    plants.kept[0][k] = 0;
    plants.kept_age[k] = 0;
  }
  plants.kept[0][k] = std::max(plants.kept[0][k], static_cast<float>(floor));
}

void order(CandidatePlants& plants, const Lane& ready, const TunerView& view, const CandidateInput& input) {
  auto& orders = plants.orders[static_cast<std::size_t>(plants.steps) % orders_kept];
  ServiceLoad load = input.load;
  const double most = std::clamp(view.replicas_max, 0.0, 60000.0);
  for (std::size_t k = 0; k < candidate_count; ++k) {
    const Candidate& candidate = candidates()[k];
    const CandidateBand band = band_of(candidate, input);
    load.queued = static_cast<double>(plants.queued[k]);
    const double drain =
        drain_of(candidate, load, {.ready = static_cast<double>(ready[k]), .within = seconds(view.lead_time)});
    const double floor = std::clamp(std::max(band.floor(), drain), std::min(view.replicas_min, most), most);
    keep(plants, k, std::ceil(floor - 1e-6), seconds(hold_of(candidate, view.hold_time)));
    const double kept = static_cast<double>(std::max({plants.kept[0][k], plants.kept[1][k], plants.kept[2][k]}));
    const double least = std::ceil(floor - 1e-6);
    const double ceiling = std::max(least, std::floor(std::max(band.ceiling, kept) + 1e-6));
    const double committed = static_cast<double>(plants.committed[k]);
    const double kept_most = view.may_lower ? ceiling : std::max(ceiling, committed);
    plants.committed[k] = static_cast<float>(std::max(least, std::min(committed, kept_most)));
    orders[k] = static_cast<std::uint16_t>(plants.committed[k]);
  }
  ++plants.steps;
}

void note_busy(Tuner& tuner, CandidatePlants& plants, double busy) {
  constexpr auto count = static_cast<std::int64_t>(busy_slots_kept);
  const std::int64_t slot = plants.steps / steps_per_busy_slot;
  float& here = plants.busiest[static_cast<std::size_t>(slot % count)];
  if (plants.steps % steps_per_busy_slot == 0) here = 0;
  here = std::max(here, static_cast<float>(busy));
  constexpr std::array<std::int64_t, windows> spans{3, 13, count};
  for (std::size_t w = 0; w < windows; ++w) {
    tuner.busiest[w] = 0;
    for (std::int64_t back = 0; back < spans[w]; ++back)
      tuner.busiest[w] =
          std::max(tuner.busiest[w], plants.busiest[static_cast<std::size_t>((slot + count - back) % count)]);
  }
}

double kept_of(double observed) {
  return std::exp(-step_seconds / std::clamp(memory_part * observed, memory_least, memory_most));
}

void fade(Tuner& tuner) {
  const double kept = kept_of(tuner.observed);
  for (std::size_t k = 0; k < candidate_count; ++k) {
    tuner.late[k] *= static_cast<float>(kept);
    tuner.late_squares[k] *= static_cast<float>(kept);
    tuner.billed[k] *= static_cast<float>(kept);
  }
  tuner.arrivals *= kept;
  tuner.predicted *= kept;
  tuner.met *= kept;
  tuner.missed *= kept;
  tuner.time = tuner.time * kept + step_seconds;
  tuner.observed += step_seconds;
}

// What is late before anything ordered can have come is no candidate's doing, nor is the backlog it leaves.
bool has_settled(const CandidatePlants& plants, const TunerView& view) {
  return static_cast<double>(plants.steps) * step_seconds >= seconds(view.lead_time) + settling;
}

void advance(Tuner& tuner, CandidatePlants& plants, const Lane& ready, const TunerView& view) {
  const bool counts = has_settled(plants, view);
  if (counts) fade(tuner);
  Lane late{};
  for (const TunerSecond& seen : tuner.open) {
    play(plants, ready, shared(plants, seen, view), late);
    if (counts) tuner.arrivals += static_cast<double>(seen.arrivals);
  }
  if (!counts) {
    plants.queued.fill(0);
    return;
  }
  tuner.predicted += static_cast<double>(late[tuner.leader]);
  for (std::size_t k = 0; k < candidate_count; ++k) {
    tuner.late[k] += late[k];
    plants.late_block[k] += late[k];
    tuner.billed[k] += plants.committed[k] * static_cast<float>(step_seconds);
  }
}

// The open block counts with what it has; closed blocks for good.
void close_block(Tuner& tuner, CandidatePlants& plants, Duration lead_time) {
  if (static_cast<double>(plants.steps - plants.block_opened) * step_seconds <
      std::max(2 * seconds(lead_time), block_least))
    return;
  plants.block_opened = plants.steps;
  for (std::size_t k = 0; k < candidate_count; ++k)
    tuner.late_squares[k] += plants.late_block[k] * plants.late_block[k];
  plants.late_block.fill(0);
}

void step(Tuner& tuner, const TunerView& view) {
  CandidatePlants& plants = tuner.plants.front();
  const Lane ready = ready_replicas(plants, view.boot_time > Duration::zero() ? view.boot_time : view.lead_time);
  advance(tuner, plants, ready, view);
  close_block(tuner, plants, view.lead_time);
  note_busy(tuner, plants, view.load.busy);
  ServiceLoad load = view.load;
  load.busy = std::max(load.busy, tuner.open_busy);
  load.momentary = std::max(load.momentary, tuner.open_momentary);
  tuner.open_busy = tuner.open_momentary = 0;
  CandidateInput input{.load = load, .at_lead = view.at_lead, .over_hold = view.over_hold};
  for (std::size_t w = 0; w < windows; ++w) input.busiest[w] = static_cast<double>(tuner.busiest[w]);
  order(plants, ready, view, input);
  if (tuner.phase > 0) {
    --tuner.phase;
    return;
  }
  tuner.phase = steps_per_choice - 1;
  tuner.leader = static_cast<std::uint16_t>(choose(tuner, early_allowance(tuner, view.allowance, view.lead_time)));
}

double squares(const Tuner& tuner, std::size_t k) {
  const double closed = static_cast<double>(tuner.late_squares[k]);
  if (tuner.plants.empty()) return closed;
  const double open = static_cast<double>(tuner.plants.front().late_block[k]);
  return closed + open * open;
}

// How many equal clusters would tell as much as the late requests that were seen.
double clusters(const Tuner& tuner, std::size_t k) {
  const double late = static_cast<double>(tuner.late[k]);
  const double sum = squares(tuner, k);
  return sum > 0 ? late * late / sum : 0;
}

// The part of what was late with the bolder neighbour that is late with this candidate too, at least.
double least_part(const Tuner& tuner, const Candidate& candidate) {
  const double step = expected_miss(candidate) / expected_miss(candidates()[candidate.bolder]);
  return std::min(std::pow(step, tail_power), rule_of_three / std::max(clusters(tuner, candidate.bolder), 1.0));
}

// Whether the leader is late more often than is aimed at, beyond what bad luck explains.
bool is_evidently_late(const Tuner& tuner, double target) {
  if (!(tuner.arrivals > 0)) return false;
  const double error = std::sqrt(squares(tuner, tuner.leader)) / tuner.arrivals;
  return late_share(tuner, tuner.leader) - doubt * error > target;
}

// How many times the leader's cost another may cost.
double dearer_allowed(const Tuner& tuner, double target) {
  if (!is_evidently_late(tuner, target)) return 1;
  const bool is_one_cluster = tuner.observed < first_day && clusters(tuner, tuner.leader) < clusters_least;
  return is_one_cluster ? dearer_most : std::numeric_limits<double>::infinity();
}

// In mean weighted replicas, of the candidate that costs least.
double least_cost(const Tuner& tuner) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < candidate_count; ++k) least = std::min(least, mean_replicas(tuner, k));
  return least;
}

// What may be late as long again, of what was late so far; both in allowances.
double left_of(double spent) {
  if (spent <= spent_most) return spent_most - spent;
  return std::min((spent - spent_most) / (spent_for_good - spent_most), 1.0);
}

}  // namespace

void start(Tuner& tuner, std::string_view service) {
  tuner = {};
  const std::uint64_t spread = hash(service);
  // Counted as played already: the first step comes earlier.
  tuner.open_count = static_cast<std::uint8_t>(spread % tuner_seconds);
  tuner.phase = static_cast<std::uint16_t>(spread / tuner_seconds % steps_per_choice);
}

void observe(Tuner& tuner, const TunerEvidence& seen, const TunerView& view) {
  if (tuner.plants.empty()) wake(tuner, view);
  if (has_settled(tuner.plants.front(), view)) {
    tuner.met += seen.met;
    tuner.missed += seen.missed;
  }
  tuner.open_busy = std::max(tuner.open_busy, view.load.busy);
  tuner.open_momentary = std::max(tuner.open_momentary, view.load.momentary);
  const double length = seconds(seen.interval);
  double left = std::min(length, longest_interval);
  if (!(length > 0)) return;
  while (left > 1e-9) {
    const double taken = std::min(left, 1 - tuner.open_covered);
    left -= taken;
    tuner.open_covered += taken;
    tuner.open_arrivals += seen.arrivals * taken / length;
    tuner.open_completions += std::max(seen.completions, 0.0) * taken / length;
    if (tuner.open_covered < 1 - 1e-9) break;
    const bool is_known = seen.completions >= 0 && seen.in_flight >= 0;
    tuner.open[tuner.open_count] = {.arrivals = static_cast<float>(tuner.open_arrivals),
                                    .completions = is_known ? static_cast<float>(tuner.open_completions) : -1.0F,
                                    .in_flight = static_cast<float>(seen.in_flight),
                                    .each = static_cast<float>(view.ready > 0 ? seen.in_flight / view.ready : 0)};
    tuner.open_covered = tuner.open_arrivals = tuner.open_completions = 0;
    if (++tuner.open_count < tuner_seconds) continue;
    step(tuner, view);
    tuner.open_count = 0;
  }
}

double late_share(const Tuner& tuner, std::size_t k) {
  const double seen = tuner.arrivals > 0 ? static_cast<double>(tuner.late[k]) / tuner.arrivals : 0;
  const double prior = prior_time * std::exp(-tuner.observed / prior_fade);
  return (seen * tuner.time + expected_miss(candidates()[k]) * prior) / std::max(tuner.time + prior, 1.0);
}

std::array<double, candidate_count> believed_shares(const Tuner& tuner) {
  std::array<double, candidate_count> shares;
  for (std::size_t k = 0; k < candidate_count; ++k) {
    const double error = tuner.arrivals > 0 ? std::sqrt(squares(tuner, k)) / tuner.arrivals : 0;
    shares[k] = late_share(tuner, k) + error;
    const Candidate& candidate = candidates()[k];
    if (candidate.bolder == alone) continue;
    shares[k] = std::max(shares[k], shares[candidate.bolder] * least_part(tuner, candidate));
  }
  return shares;
}

double mean_replicas(const Tuner& tuner, std::size_t k) {
  return tuner.time > 0 ? static_cast<double>(tuner.billed[k]) / tuner.time : 0;
}

double target_share(const Tuner& tuner, double allowance) {
  const double ended = tuner.met + tuner.missed;
  if (!(ended > 0)) return aimed_part * allowance;
  const double left = left_of(tuner.missed / (ended + ended_prior) / allowance);
  // Both counts come in clusters, so each is one cluster uncertain.
  const double late = static_cast<double>(tuner.late[tuner.leader]);
  const double cluster = std::max(late > 0 ? squares(tuner, tuner.leader) / late : 0, cluster_least);
  const double correction = std::min((tuner.predicted + cluster) / (tuner.missed + cluster), correction_most);
  return aimed_part * allowance * std::max(std::clamp(left, 0.0, left_most) * correction, target_least);
}

double early_allowance(const Tuner& tuner, double allowance, Duration lead_time) {
  if (tuner.observed >= first_day) return allowance;
  return allowance * std::min(early_most, early_lead / std::max(seconds(lead_time), 1.0));
}

std::size_t choose(const Tuner& tuner, double allowance) {
  if (tuner.observed < first_choice) return cautious;
  const double target = target_share(tuner, allowance);
  const auto shares = believed_shares(tuner);
  const double most = mean_replicas(tuner, tuner.leader) * dearer_allowed(tuner, target);
  const double allowance_worth = least_cost(tuner);
  std::size_t best = tuner.leader;
  double best_score = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < candidate_count; ++k) {
    if (candidates()[k].is_quick() && tuner.observed < quick_after) continue;
    if (mean_replicas(tuner, k) > most) continue;
    const double cost = mean_replicas(tuner, k) * (k == tuner.leader ? leader_bonus : 1.0);
    const double score = cost + allowance_worth * std::max(shares[k] - target, 0.0) / allowance;
    if (score >= best_score) continue;
    best = k;
    best_score = score;
  }
  return best;
}

void sleep(Tuner& tuner) {
  tuner.plants.clear();
  tuner.plants.shrink_to_fit();
}

}  // namespace tidegate
