#include "core/policy/testing/study_plant.h"

#include <algorithm>
#include <deque>

namespace tidegate::study {
namespace {

class Arrivals {
 public:
  explicit Arrivals(const Setup& setup) : setup_(setup), prng_(7 + 1000 * setup.seed) { gap_ = draw(); }
  int next() {
    const double at = static_cast<double>(taken_++) * step;
    if (setup_.exact) {
      const auto i = static_cast<std::size_t>(at / setup_.bin + 1e-6);
      return i < setup_.rates.size() ? static_cast<int>(setup_.rates[i]) : 0;
    }
    if (taken_ % 10 == 1) rate_ = setup_.rate(at + 0.5);
    gap_ -= rate_ * step;
    int count = 0;
    while (gap_ <= 0) {
      gap_ += draw();
      ++count;
    }
    return count;
  }

 private:
  double draw() {
    if (setup_.burstiness == 1) return prng_.exponential(1);
    return setup_.burstiness > 0 ? prng_.gamma(1 / setup_.burstiness, setup_.burstiness) : 1.0;
  }
  const Setup& setup_;
  Prng prng_;
  std::int64_t taken_ = 0;
  double rate_ = 0;
  double gap_ = 0;
};

class Pool {
 public:
  Pool(const Setup& setup, int initial) : setup_(setup), prng_(11 + 1000 * setup.seed), ready_(initial) {}

  void tick(int arrivals) {
    for (int i = 0; i < arrivals; ++i) queue_.push_back(now_);
    seen_.arrivals += arrivals;
    int& ending = calendar_[turn_ % calendar_.size()];
    in_service_ -= ending;
    seen_.completions += ending;
    ending = 0;
    while (!starting_.empty() && starting_.begin()->first <= now_) {
      ready_ += starting_.begin()->second;
      warming_ -= starting_.begin()->second;
      starting_.erase(starting_.begin());
    }
    while (!queue_.empty() && in_service_ < ready_ * static_cast<int>(slots)) begin();
    billed += (warming_ + std::max<double>(ready_, std::ceil(in_service_ / slots))) * step;
    now_ += step;
    ++turn_;
  }
  Seen take() {
    Seen answer = seen_;
    answer.in_flight = in_service_;
    answer.queued = static_cast<double>(queue_.size());
    answer.ready = ready_;
    answer.warming = warming_;
    seen_ = {};
    return answer;
  }
  void order(int wanted) {
    const int committed = ready_ + warming_;
    if (wanted > committed) {
      starting_[now_ + setup_.cold * (0.8 + 0.4 * prng_.uniform())] += wanted - committed;
      warming_ += wanted - committed;
      ++raises;
    } else if (wanted < committed) {
      lower(committed - wanted);
      ++lowers;
    }
  }

  double billed = 0, requests = 0, late = 0;
  int raises = 0, lowers = 0;

 private:
  // What starts last goes first.
  void lower(int excess) {
    while (excess > 0 && !starting_.empty()) {
      const auto last = std::prev(starting_.end());
      const int gone = std::min(excess, last->second);
      last->second -= gone;
      warming_ -= gone;
      excess -= gone;
      if (last->second == 0) starting_.erase(last);
    }
    ready_ -= excess;
  }
  void begin() {
    const double waited = now_ - queue_.front();
    queue_.pop_front();
    ++requests;
    const bool missed = waited > setup_.bound;
    late += missed;
    (missed ? seen_.missed : seen_.within) += 1;
    ++in_service_;
    const double each = std::min(in_service_ / std::max(ready_, 1), slots);
    const double mean = setup_.service * (0.6 + 0.05 * each);
    const double sigma = setup_.spread;
    const double stay = sigma > 0 ? prng_.lognormal(mean * std::exp(-sigma * sigma / 2), sigma) : mean;
    const auto steps = std::clamp<std::size_t>(static_cast<std::size_t>(stay / step + 0.5), 1, calendar_.size() - 1);
    ++calendar_[(turn_ + steps) % calendar_.size()];
  }
  const Setup& setup_;
  Prng prng_;
  double now_ = 0;
  std::size_t turn_ = 0;
  int ready_ = 0;
  int warming_ = 0;
  double in_service_ = 0;
  std::deque<double> queue_;
  std::map<double, int> starting_;
  std::vector<int> calendar_ = std::vector<int>(20000);
  Seen seen_;
};

}  // namespace

// A straight line from each edge of a bin to its middle, so that its mean is kept, as lab/sim/traffic_bins.h has it: a
// line from middle to middle smooths away a third of what changes from bin to bin by chance.
double Setup::rate(double at) const {
  const auto last = static_cast<std::int64_t>(rates.size()) - 1;
  const auto i = std::min(static_cast<std::int64_t>(std::max(at / bin, 0.0)), last);
  const auto mean = [&](std::int64_t k) { return rates[static_cast<std::size_t>(k)]; };
  const auto edge = [&](std::int64_t left, std::int64_t right) {
    if (left < 0 || right > last) return mean(i);
    return std::min({(mean(left) + mean(right)) / 2, 2 * mean(left), 2 * mean(right)});
  };
  const double from = edge(i - 1, i), to = edge(i, i + 1);
  const double middle = 2 * mean(i) - (from + to) / 2;
  const double part = std::clamp(at / bin - static_cast<double>(i), 0.0, 1.0);
  return part < 0.5 ? from + (middle - from) * 2 * part : middle + (to - middle) * (2 * part - 1);
}

void scale_to_peak(Setup& setup, double replicas) {
  if (setup.rates.empty() || replicas <= 0 || setup.exact) return;
  const auto window = static_cast<std::size_t>(std::max(600 / setup.bin, 1.0));
  double sum = 0;
  double highest = 0;
  for (std::size_t i = 0; i < setup.rates.size(); ++i) {
    sum += setup.rates[i] - (i >= window ? setup.rates[i - window] : 0);
    if (i + 1 >= window) highest = std::max(highest, sum / static_cast<double>(window));
  }
  for (double& rate : setup.rates) rate *= replicas * slots / setup.service / highest;
}

Outcome play(const Setup& setup, int initial, double warm_up, const Rule& rule) {
  Arrivals arrivals{setup};
  Pool pool{setup, initial};
  Outcome before;
  double requests = 0, late = 0, billed = 0;
  for (std::int64_t second = 0; static_cast<double>(second) < setup.length(); ++second) {
    for (int i = 0; i < 10; ++i) pool.tick(arrivals.next());
    pool.order(rule(static_cast<double>(second + 1), pool.take()));
    if (static_cast<double>(second) < warm_up) {
      requests = pool.requests, late = pool.late, billed = pool.billed;
      before.raises = pool.raises, before.lowers = pool.lowers;
    }
  }
  return {.hours = (pool.billed - billed) / 3600,
          .attained = 1 - (pool.late - late) / std::max(pool.requests - requests, 1.0),
          .raises = pool.raises - before.raises,
          .lowers = pool.lowers - before.lowers};
}

}  // namespace tidegate::study
