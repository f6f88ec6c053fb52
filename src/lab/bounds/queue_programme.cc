#include "lab/bounds/queue_programme.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr std::size_t memory_most = 160'000'000;  // bytes of decisions
constexpr double queue_price_most = 1e6;
constexpr double price_least = 1e-2;
constexpr std::size_t parts = 4096;

// Points about a tenth of the largest allowed backlog apart near zero, growing beyond it to what is given up.
std::vector<double> default_backlogs(double sizes, double wait_steps, double hold_steps) {
  std::vector<double> points{0};
  const double end = std::max(sizes, 1.0) * hold_steps;
  const double even = std::max(wait_steps, 0.25);
  for (double at = 0.5 * even; at < end; at += std::max(0.5 * even, at * 0.5)) points.push_back(at);
  points.push_back(end);
  return points;
}

class Programme {
 public:
  Programme(const NeedSeries& needs, const BoundTerms& terms, const QueueTerms& queue, PriceOfLate price,
            const QueueGrid& grid);
  [[nodiscard]] ReplicaSchedule solve();

 private:
  void stay(std::span<const float> loads);
  void change(std::uint8_t* choices);
  [[nodiscard]] double later(std::size_t size, double backlog) const;
  [[nodiscard]] double replicas(std::size_t size) const {
    return static_cast<double>(least_ + static_cast<std::int32_t>(size) * unit_);
  }
  [[nodiscard]] std::size_t point_below(double backlog) const;
  [[nodiscard]] ReplicaSchedule play(const std::vector<std::uint8_t>& choices) const;

  const NeedSeries& needs_;
  const BoundTerms& terms_;
  double wait_, hold_, boot_, price_;
  std::size_t stride_;
  std::int32_t least_ = 0, unit_ = 1;
  std::size_t sizes_ = 1;
  std::vector<double> points_;
  std::vector<std::uint8_t> below_;  // by equal parts of the grid's range: the point at or below the part's start
  double part_ = 1;
  std::vector<double> value_, stayed_;  // V and Q by size and grid point
};

Programme::Programme(const NeedSeries& needs, const BoundTerms& terms, const QueueTerms& queue, PriceOfLate price,
                     const QueueGrid& grid)
    : needs_(needs),
      terms_(terms),
      wait_(seconds(queue.wait) / seconds(needs.step)),
      hold_(seconds(queue.hold) / seconds(needs.step)),
      boot_(terms.boot_steps(needs)),
      price_(price.replica_steps),
      stride_(static_cast<std::size_t>(grid.stride)),
      least_(terms.replicas_min),
      points_(grid.backlogs) {
  CHECK(grid.stride >= 1 && grid.sizes_most >= 2 && grid.sizes_most <= 250);
  const auto useful = static_cast<std::int32_t>(std::min(std::ceil(needs.load_max()) + 1, 30'000.0));
  const std::int32_t most = std::clamp(std::max(useful, terms.replicas_initial), least_, terms.replicas_max);
  unit_ = std::max(1, (most - least_ + grid.sizes_most - 1) / grid.sizes_most);
  sizes_ = static_cast<std::size_t>((most - least_ + unit_ - 1) / unit_) + 1;
  if (points_.empty()) points_ = default_backlogs(most, wait_, hold_);
  CHECK(points_.size() >= 2 && points_.size() <= 250 && points_.front() == 0);
  part_ = points_.back() / parts;
  for (std::size_t i = 0, p = 0; i <= parts; ++i) {
    while (p + 2 < points_.size() && points_[p + 1] <= static_cast<double>(i) * part_) ++p;
    below_.push_back(static_cast<std::uint8_t>(p));
  }
  while (needs.load.size() / stride_ * sizes_ * points_.size() > memory_most) ++stride_;
  value_.assign(sizes_ * points_.size(), 0);
  stayed_ = value_;
}

std::size_t Programme::point_below(double backlog) const {
  std::size_t p = below_[std::min(static_cast<std::size_t>(backlog / part_), parts)];
  while (p + 2 < points_.size() && points_[p + 1] <= backlog) ++p;
  return p;
}

double Programme::later(std::size_t size, double backlog) const {
  const double* values = &value_[size * points_.size()];
  if (backlog <= 0) return values[0];
  const std::size_t i = point_below(backlog);
  const double share = std::min((backlog - points_[i]) / (points_[i + 1] - points_[i]), 1.0);
  return values[i] + (values[i + 1] - values[i]) * share;
}

// Q from V: the steps of one stride at each size, from each backlog.
void Programme::stay(std::span<const float> loads) {
  for (std::size_t size = 0; size < sizes_; ++size) {
    const double ready = replicas(size);
    double* row = &stayed_[size * points_.size()];
    for (std::size_t p = 0; p < points_.size(); ++p) {
      double backlog = points_[p], late = 0;
      for (const float load : loads) {
        const FluidStep step = fluid_step(backlog, load, ready, wait_, hold_);
        backlog = step.backlog, late += step.late;
      }
      row[p] = ready * static_cast<double>(loads.size()) + price_ * late + later(size, backlog);
    }
  }
}

// V from Q: the best size to go to from each, and which it is.
void Programme::change(std::uint8_t* choices) {
  const std::size_t points = points_.size();
  for (std::size_t p = 0; p < points; ++p) {
    // Downwards to the cheapest smaller or equal size is free; upwards each replica costs a boot.
    double best = std::numeric_limits<double>::infinity();
    std::size_t which = 0;
    for (std::size_t x = 0; x < sizes_; ++x) {
      if (stayed_[x * points + p] < best) best = stayed_[x * points + p], which = x;
      value_[x * points + p] = best;
      choices[x * points + p] = static_cast<std::uint8_t>(which);
    }
    double raised = std::numeric_limits<double>::infinity();
    for (std::size_t x = sizes_; x-- > 0;) {
      raised += boot_ * unit_;
      if (raised < value_[x * points + p]) {
        value_[x * points + p] = raised;
        choices[x * points + p] = static_cast<std::uint8_t>(which);
      }
      if (stayed_[x * points + p] <= raised) raised = stayed_[x * points + p], which = x;
    }
  }
}

ReplicaSchedule Programme::play(const std::vector<std::uint8_t>& choices) const {
  ReplicaSchedule schedule;
  schedule.reserve(needs_.load.size());
  const double from = static_cast<double>(terms_.replicas_initial - least_) / unit_;
  auto size = static_cast<std::size_t>(std::clamp(from, 0.0, static_cast<double>(sizes_ - 1)));
  double backlog = 0;
  for (std::size_t at = 0, turn = 0; at < needs_.load.size(); at += stride_, ++turn) {
    std::size_t p = point_below(backlog);
    if (p + 1 < points_.size() && backlog - points_[p] > points_[p + 1] - backlog) ++p;
    size = choices[(turn * sizes_ + size) * points_.size() + p];
    const double ready = replicas(size);
    for (std::size_t i = at; i < std::min(at + stride_, needs_.load.size()); ++i) {
      backlog = fluid_step(backlog, needs_.load[i], ready, wait_, hold_).backlog;
      schedule.push_back(static_cast<std::int32_t>(ready));
    }
  }
  return schedule;
}

ReplicaSchedule Programme::solve() {
  const std::size_t steps = needs_.load.size();
  const std::size_t turns = (steps + stride_ - 1) / stride_;
  std::vector<std::uint8_t> choices(turns * sizes_ * points_.size());
  for (std::size_t turn = turns; turn-- > 0;) {
    const std::size_t at = turn * stride_;
    stay(std::span{needs_.load}.subspan(at, std::min(stride_, steps - at)));
    change(&choices[turn * sizes_ * points_.size()]);
  }
  return play(choices);
}

}  // namespace

ReplicaSchedule queue_schedule(const NeedSeries& needs, const BoundTerms& terms, const QueueTerms& queue,
                               PriceOfLate price, const QueueGrid& grid) {
  return Programme{needs, terms, queue, price, grid}.solve();
}

QueueClairvoyant queue_clairvoyant_at(const NeedSeries& needs, const BoundTerms& terms, const QueueTerms& queue,
                                      PriceOfLate price, const QueueGrid& grid) {
  QueueClairvoyant found{.schedule = queue_schedule(needs, terms, queue, price, grid), .price = price};
  found.hours = replica_hours(found.schedule, needs, terms);
  found.late = late_share(found.schedule, needs, terms, queue);
  return found;
}

QueueClairvoyant queue_clairvoyant(const NeedSeries& needs, const BoundTerms& terms, const QueueTerms& queue,
                                   double late_allowed, const QueueGrid& grid) {
  const auto at = [&](double price) { return queue_clairvoyant_at(needs, terms, queue, {price}, grid); };
  const auto fits = [&](const QueueClairvoyant& one) { return one.late <= late_allowed; };
  QueueClairvoyant best = at(2), worse = best;  // within what is allowed; not
  for (; !fits(best) && best.price.replica_steps < queue_price_most; best = at(worse.price.replica_steps * 4))
    worse = best;
  for (; fits(worse) && worse.price.replica_steps > price_least; worse = at(best.price.replica_steps / 4)) best = worse;
  while (fits(best) && !fits(worse) && best.late < late_allowed * 0.9 &&
         best.price.replica_steps / worse.price.replica_steps > 1.02) {
    // Straight in the logarithms, and never too near an end.
    const double low = std::log(worse.price.replica_steps), high = std::log(best.price.replica_steps);
    const double above = std::log(worse.late), below = std::log(std::max(best.late, 1e-7));
    const double share = (above - std::log(late_allowed * 0.95)) / (above - below);
    QueueClairvoyant tried = at(std::exp(low + (high - low) * std::clamp(share, 0.15, 0.85)));
    (fits(tried) ? best : worse) = std::move(tried);
  }
  return best;
}

}  // namespace tidegate
