// Replays a rate against a plant of slots with our policy, with a ratio rule as an HPA would apply it, and with the
// fixed size that would just have been enough, and prints replica-hours at attainment. A study tool, not a test:
//
//   core_policy_study RATES PEAK_REPLICAS COLD_SECONDS [BURSTINESS] [SERVICE_SECONDS] [SPREAD]
//
// RATES: a bin's length in seconds, then one rate (requests per second) a line; a negative length means counts that
// are played as they are. The rate is scaled so that its highest 10-minute mean needs PEAK_REPLICAS (0: as it is).
// Requests of one queue go to the pool's slots in order; a request that begins as the c-th of its replica stays
// (0.6 + 0.05 c) of the mean service time at 8 slots, times a lognormal. 0.1 s steps, decisions each second.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/base/prng.h"
#include "core/policy/slo.h"

namespace tidegate {
namespace {

constexpr double step = 0.1;
constexpr double slots = 8;

struct Setup {
  double bin = 60;
  bool exact = false;
  std::vector<double> rates;
  double cold = 60;
  double burstiness = 1;
  double service = 2;
  double spread = 0.5;
  double bound = 2;
};

// The arrivals of each step: a Gamma renewal process in the integral of the rate.
class Arrivals {
 public:
  explicit Arrivals(const Setup& setup) : setup_(setup) { gap_ = draw(); }
  int next() {
    const double at = static_cast<double>(taken_++) * step;
    if (setup_.exact) {
      const auto i = static_cast<std::size_t>(at / setup_.bin + 1e-6);
      return i < setup_.rates.size() ? static_cast<int>(setup_.rates[i]) : 0;
    }
    gap_ -= rate(at) * step;
    int count = 0;
    while (gap_ <= 0) {
      gap_ += draw();
      ++count;
    }
    return count;
  }
  double rate(double at) const {
    const double position = std::max(at / setup_.bin - 0.5, 0.0);
    const auto i = std::min(static_cast<std::size_t>(position), setup_.rates.size() - 1);
    const auto j = std::min(i + 1, setup_.rates.size() - 1);
    return setup_.rates[i] + (setup_.rates[j] - setup_.rates[i]) * (position - std::floor(position));
  }

 private:
  double draw() { return setup_.burstiness > 0 ? prng_.gamma(1 / setup_.burstiness, setup_.burstiness) : 1.0; }
  const Setup& setup_;
  Prng prng_{7};
  std::size_t taken_ = 0;
  double gap_ = 0;
};

struct Seen {
  double arrivals = 0, completions = 0, in_flight = 0, queued = 0, within = 0, missed = 0;
  int ready = 0, warming = 0;
};

class Pool {
 public:
  Pool(const Setup& setup, int initial) : setup_(setup), ready_(initial) {}

  void tick(int arrivals) {
    for (int i = 0; i < arrivals; ++i) queue_.push_back(now_);
    seen_.arrivals += arrivals;
    const std::size_t slot = turn_ % calendar_.size();
    in_service_ -= calendar_[slot];
    seen_.completions += calendar_[slot];
    calendar_[slot] = 0;
    while (!starting_.empty() && starting_.begin()->first <= now_) {
      ready_ += starting_.begin()->second;
      starting_.erase(starting_.begin());
    }
    while (!queue_.empty() && in_service_ < ready_ * static_cast<int>(slots)) begin();
    billed += (ready_ + warming() + std::max(0.0, std::ceil(in_service_ / slots) - ready_)) * step;
    now_ += step;
    ++turn_;
  }
  Seen take() {
    Seen answer = seen_;
    answer.in_flight = in_service_;
    answer.queued = static_cast<double>(queue_.size());
    answer.ready = ready_;
    answer.warming = warming();
    seen_ = {};
    return answer;
  }
  void order(int wanted) {
    const int committed = ready_ + warming();
    if (wanted > committed) {
      starting_[now_ + setup_.cold * (0.8 + 0.4 * prng_.uniform())] += wanted - committed;
      ++raises;
    } else if (wanted < committed) {
      int excess = committed - wanted;
      ++lowers;
      while (excess > 0 && !starting_.empty()) {
        auto last = std::prev(starting_.end());
        const int gone = std::min(excess, last->second);
        last->second -= gone;
        excess -= gone;
        if (last->second == 0) starting_.erase(last);
      }
      ready_ -= excess;
    }
  }
  int warming() const {
    int sum = 0;
    for (const auto& [at, count] : starting_) sum += count;
    return sum;
  }

  double billed = 0, requests = 0, late = 0;
  int raises = 0, lowers = 0;

 private:
  void begin() {
    const double waited = now_ - queue_.front();
    queue_.pop_front();
    ++requests;
    const bool missed = waited > setup_.bound;
    late += missed;
    (missed ? seen_.missed : seen_.within) += 1;
    ++in_service_;
    const double each = std::min(in_service_ / std::max(ready_, 1) + 0.0, slots);
    const double mean = setup_.service * (0.6 + 0.05 * each);
    const double sigma = setup_.spread;
    const double stay = sigma > 0 ? prng_.lognormal(mean * std::exp(-sigma * sigma / 2), sigma) : mean;
    const auto steps = std::clamp<std::size_t>(static_cast<std::size_t>(stay / step + 0.5), 1, calendar_.size() - 1);
    ++calendar_[(turn_ + steps) % calendar_.size()];
  }
  const Setup& setup_;
  Prng prng_{11};
  double now_ = 0;
  std::size_t turn_ = 0;
  int ready_ = 0;
  double in_service_ = 0;
  std::deque<double> queue_;
  std::map<double, int> starting_;
  std::vector<int> calendar_ = std::vector<int>(20000);
  Seen seen_;
};

struct Outcome {
  double hours = 0, attained = 1, raises = 0, lowers = 0;
};

template <class Decide>
Outcome play(const Setup& setup, int initial, double warm_up, Decide decide) {
  Arrivals arrivals{setup};
  Pool pool{setup, initial};
  const double length = static_cast<double>(setup.rates.size()) * setup.bin;
  Outcome before;
  double requests = 0, late = 0, billed = 0;
  for (std::int64_t second = 0; static_cast<double>(second) < length; ++second) {
    for (int i = 0; i < 10; ++i) pool.tick(arrivals.next());
    pool.order(decide(static_cast<double>(second + 1), pool.take()));
    if (static_cast<double>(second) < warm_up) {
      requests = pool.requests, late = pool.late, billed = pool.billed;
      before.raises = pool.raises, before.lowers = pool.lowers;
    }
  }
  return {(pool.billed - billed) / 3600, 1 - (pool.late - late) / std::max(pool.requests - requests, 1.0),
          pool.raises - before.raises, pool.lowers - before.lowers};
}

class Ours {
 public:
  Ours(const Setup& setup, double quantile_of_slo) : setup_(setup) {
    spec_.name = "study";
    spec_.guardrails = {.replicas_min = Replicas{1}, .replicas_max = Replicas{1000}};
    const Percentile p = quantile_of_slo > 0.99 ? Percentile::p999 : Percentile::p99;
    spec_.slo.objectives = {{LatencyKind::queue_wait, p, from_seconds(setup.bound)}};
    reference_ = {.slots = slots,
                  .residence_base = setup.service * 0.6,
                  .residence_slope = setup.service * 0.05,
                  .basis = CapacityBasis::learned};
  }
  int operator()(double now, const Seen& counts) {
    const Instant at = instant_at(1'700'006'400 + now);
    observe(history_, at, 1s, counts.arrivals);
    seen_.now = at;
    seen_.arrivals = Reading::of(counts.arrivals);
    seen_.completions = Reading::of(counts.completions);
    seen_.in_flight = Reading::of(counts.in_flight);
    seen_.queued = Reading::of(counts.queued);
    seen_.within_slo = Reading::of(counts.within);
    seen_.missed_slo = Reading::of(counts.missed);
    smooth(now, counts);
    const Demand demand{.interval = 1s,
                        .arrivals = counts.arrivals,
                        .arrivals_known = true,
                        .in_flight = counts.in_flight,
                        .queued = counts.queued,
                        .concurrency_known = true,
                        .variability = variability_,
                        .residence = completions_ > 5 ? busy_ / completions_ : 0,
                        .has_evidence = true};
    const Duration lead = from_seconds(setup_.cold * 1.1);
    const Duration hold = lead + from_seconds(std::clamp(4 * setup_.cold, 60.0, 1800.0));
    const Forecast at_lead = forecast_at(history_, at, lead);
    const Forecast over_hold = forecast_peak(history_, at, hold);
    const Proposal proposal = propose({}, memory_,
                                      {.spec = spec_,
                                       .seen = seen_,
                                       .demand = demand,
                                       .at_lead = at_lead,
                                       .over_hold = over_hold,
                                       .reference = reference_,
                                       .history = history_,
                                       .lead_time = lead,
                                       .hold_time = hold,
                                       .ready = static_cast<double>(counts.ready),
                                       .warming = static_cast<double>(counts.warming)});
    const int committed = counts.ready + counts.warming;
    const int least = std::max(static_cast<int>(std::ceil(proposal.band.floor.value() - 1e-9)), 1);
    if (std::getenv("TRACE") && static_cast<std::int64_t>(now) % std::atoi(std::getenv("TRACE")) == 0) {
      std::printf("%7.0f ready %d+%d busy %.0f queue %.0f floor %.2f %s ceiling %.2f %s", now, counts.ready,
                  counts.warming, counts.in_flight, counts.queued, proposal.band.floor.value(),
                  std::string{to_text(proposal.band.floor_reason)}.c_str(), proposal.band.ceiling.value(),
                  std::string{proposal.note}.c_str());
      for (const Fact& fact : proposal.facts) std::printf(" %s=%.4g", std::string{fact.name}.c_str(), fact.value);
      std::printf("\n");
    }
    if (least > committed) return least;
    return std::min(committed, std::max(least, static_cast<int>(std::floor(proposal.band.ceiling.value() + 1e-9))));
  }

 private:
  void smooth(double now, const Seen& counts) {
    const double kept = std::exp(-1 / 60.0);
    busy_ = busy_ * kept + counts.in_flight;
    completions_ = completions_ * kept + counts.completions;
    // Index of dispersion of one-second counts around a smoothed mean, over ten minutes.
    const double share = std::max(1 / 600.0, 1 / now);
    mean_ += std::max(1 / 60.0, 1 / now) * (counts.arrivals - mean_);
    const double deviation = counts.arrivals - mean_;
    spread_ += share * (deviation * deviation - spread_);
    level_ += share * (counts.arrivals - level_);
    if (now > 60 && level_ > 0) variability_ = std::clamp(spread_ / level_, 0.5, 100.0);
  }
  const Setup& setup_;
  ServiceSpec spec_;
  Observation seen_;
  Capacity reference_;
  DemandHistory history_;
  SloMemory memory_;
  double busy_ = 0, completions_ = 0, mean_ = 0, spread_ = 0, level_ = 0, variability_ = 1;
};

// Mean in-flight and queue per replica over 15 s against a target, five minutes of stabilisation downwards.
class Ratio {
 public:
  explicit Ratio(double target) : target_(target) {}
  int operator()(double now, const Seen& counts) {
    const int committed = counts.ready + counts.warming;
    if (static_cast<std::int64_t>(now) % 15 != 0) return committed;
    int wanted = static_cast<int>(std::ceil((counts.in_flight + counts.queued) / target_));
    if (std::abs((counts.in_flight + counts.queued) / (target_ * std::max(counts.ready, 1)) - 1) <= 0.1)
      wanted = counts.ready;
    wanted = std::clamp(wanted, 1, std::max(2 * committed, committed + 4));
    recent_.push_back(wanted);
    if (recent_.size() > 20) recent_.pop_front();
    return std::max(wanted, std::min(committed, *std::max_element(recent_.begin(), recent_.end())));
  }

 private:
  double target_;
  std::deque<int> recent_;
};

void print(const std::string& name, const Outcome& outcome) {
  std::printf("  %-14s %8.1f h at %7.3f %%   raises %.0f lowers %.0f\n", name.c_str(), outcome.hours,
              100 * outcome.attained, outcome.raises, outcome.lowers);
  std::fflush(stdout);
}

void load(Setup& setup, const char* path, double peak_replicas) {
  std::ifstream file{path};
  file >> setup.bin;
  setup.exact = setup.bin < 0;
  setup.bin = std::abs(setup.bin);
  for (double rate = 0; file >> rate;) setup.rates.push_back(rate);
  if (peak_replicas <= 0 || setup.exact) return;
  const auto window = static_cast<std::size_t>(std::max(600 / setup.bin, 1.0));
  double sum = 0, highest = 0;
  for (std::size_t i = 0; i < setup.rates.size(); ++i) {
    sum += setup.rates[i] - (i >= window ? setup.rates[i - window] : 0);
    if (i + 1 >= window) highest = std::max(highest, sum / static_cast<double>(window));
  }
  for (double& rate : setup.rates) rate *= peak_replicas * slots / setup.service / highest;
}

int study(int count, char** arguments) {
  if (count < 4) {
    std::printf("usage: core_policy_study RATES PEAK_REPLICAS COLD_SECONDS [BURSTINESS] [SERVICE_SECONDS] [SPREAD]\n");
    return 2;
  }
  Setup setup;
  setup.cold = std::atof(arguments[3]);
  if (count > 4) setup.burstiness = std::atof(arguments[4]);
  if (count > 5) setup.service = std::atof(arguments[5]);
  if (count > 6) setup.spread = std::atof(arguments[6]);
  load(setup, arguments[1], std::atof(arguments[2]));
  const double length = static_cast<double>(setup.rates.size()) * setup.bin;
  const int initial = std::getenv("INITIAL") ? std::atoi(std::getenv("INITIAL")) : 1;
  const double warm_up = length > 2 * 86400 ? 86400 : 0;
  std::printf("%s peak %s cold %s s burstiness %.1f service %.1f\n", arguments[1], arguments[2], arguments[3],
              setup.burstiness, setup.service);
  print("slo", play(setup, initial, warm_up, Ours{setup, 0.99}));
  if (std::getenv("PEERS") == nullptr) return 0;
  for (const double target : {0.7, 0.9})
    print("hpa " + std::to_string(target).substr(0, 3), play(setup, initial, warm_up, Ratio{target * slots}));
  for (int size = 1; length < 7200 && size < 200; size += size < 10 ? 1 : size / 10) {
    const Outcome outcome = play(setup, size, warm_up, [size](double, const Seen&) { return size; });
    if (outcome.attained < 0.99) continue;
    print("static " + std::to_string(size), outcome);
    break;
  }
  return 0;
}

}  // namespace
}  // namespace tidegate

int main(int count, char** arguments) { return tidegate::study(count, arguments); }
