#include "app/journal_recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace tidegate {
namespace {

constexpr double not_seen = std::numeric_limits<double>::quiet_NaN();
constexpr Duration cell = 1s;
constexpr Duration tick_longest = 2min;

class JournalColumns {
 public:
  JournalColumns(RecordedLoad& load, const ServiceSpec& service) : load_(load) {
    load_.step = cell;
    for (const auto& pool : service.pools) load_.pools.push_back({.name = pool.name, .sizes = {}});
  }

  // False: there is more than can be kept.
  bool add(const Observation& seen) {
    if (!before_) {
      load_.start = std::chrono::floor<std::chrono::seconds>(seen.now);
    } else if (seen.now > *before_) {
      if (seen.now - load_.start > cell * static_cast<std::int64_t>(RecordedLoad::steps_most)) return false;
      const bool is_gap = seen.now - *before_ > tick_longest;
      grow(seen.now);
      if (!is_gap) {
        spread(seen.arrivals.fresh(), load_.rates, seen.now);
        spread(seen.within_slo.fresh(), load_.within, seen.now);
        const auto missed = seen.missed_slo.fresh(), within = seen.within_slo.fresh();
        spread(missed && within ? std::optional{*missed + *within} : std::nullopt, load_.ended, seen.now);
        set_levels(seen);
      }
    }
    for (const auto& start : seen.cold_starts) ++load_.cold_starts, load_.cold_starts_took += start.took;
    before_ = seen.now;
    return true;
  }

 private:
  [[nodiscard]] std::size_t cell_of(Instant at) const { return static_cast<std::size_t>((at - load_.start) / cell); }

  void grow(Instant now) {
    const std::size_t count = cell_of(now) + 1;
    for (auto* column : {&load_.rates, &load_.within, &load_.ended, &load_.ready, &load_.in_flight})
      column->resize(count, not_seen);
    for (auto& pool : load_.pools) pool.sizes.resize(count, not_seen);
  }

  // A count since the tick before, evenly.
  void spread(std::optional<double> count, std::vector<double>& column, Instant now) {
    if (!count) return;
    const double rate = *count / seconds(now - *before_);
    for (std::size_t i = cell_of(*before_); i <= cell_of(now); ++i) {
      const Instant begin = load_.start + cell * static_cast<std::int64_t>(i);
      const double share = seconds(std::min(now, begin + cell) - std::max(*before_, begin)) / seconds(cell);
      if (share <= 0) continue;
      column[i] = (std::isnan(column[i]) ? 0 : column[i]) + rate * share;
    }
  }

  void set_levels(const Observation& seen) {
    double ready = 0;
    for (const auto& pool : seen.pools) ready += pool.ready;
    for (std::size_t i = cell_of(*before_); i <= cell_of(seen.now); ++i) {
      load_.ready[i] = ready;
      load_.in_flight[i] = seen.in_flight.fresh().value_or(not_seen);
      for (auto& column : load_.pools) {
        const auto pool = std::ranges::find(seen.pools, column.name, &PoolObservation::pool);
        if (pool != seen.pools.end()) column.sizes[i] = pool->committed().value();
      }
    }
  }

  RecordedLoad& load_;
  std::optional<Instant> before_;
};

}  // namespace

Result<ServiceRecording> record_journal(const Journal& journal, ServiceSpec service, const JournalSpan& span) {
  ServiceRecording recording{.name = service.name, .service = std::move(service)};
  JournalColumns columns{recording.load, recording.service};
  bool is_full = false, is_known = false;
  const auto read = journal.replay(span.from, [&](Instant now, std::vector<Observation> seen) {
    if (now > span.until) return false;
    const auto own = std::ranges::find(seen, recording.service.name, &Observation::service);
    if (own == seen.end()) return true;
    is_known = true;
    is_full = !columns.add(*own);
    return !is_full;
  });
  if (!read) return std::unexpected(read.error());
  if (is_full)
    return fail(ErrorKind::too_large,
                fmt::format("the journal holds more than {} seconds of {}; take a part of it with "
                            "--since and --until",
                            RecordedLoad::steps_most, recording.name));
  if (!is_known)
    return fail(ErrorKind::not_found, fmt::format("the journal has no tick of {} in that time", recording.name));
  return recording;
}

}  // namespace tidegate
