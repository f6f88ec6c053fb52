#include "serve/journal/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <ranges>
#include <set>
#include <utility>

namespace tidegate {
namespace {

constexpr Duration window = 10min;  // of decisions read at once
constexpr Duration run_lag = 2min;  // how far the end of a run may lag behind
constexpr std::size_t rows_max = 10'000;

// The decisions of one service as they were kept, read a window at a time.
class KeptDecisions {
 public:
  KeptDecisions(const Journal& journal, std::string service) : journal_(journal), service_(std::move(service)) {}

  // The row that stands for the decision of that tick; null when none was kept. `now` never goes back.
  Result<const JournalDecision*> at(Instant now) {
    if (!has_read_ || now > read_to_) {
      const auto from = has_read_ ? read_to_ + 1ns : now - run_lag;
      const auto to = now + window;
      auto rows = journal_.decisions(service_, from, to, rows_max);
      if (!rows) return std::unexpected(rows.error());
      for (auto& row : *rows | std::views::reverse)
        if (rows_.empty() || row.id > rows_.back().id) rows_.push_back(std::move(row));
      read_to_ = to;
      has_read_ = true;
    }
    // A run is written once a minute, so that its row may end before its last tick; it goes on until the next row.
    while (rows_.size() > 1 && rows_[1].decision.now <= now) rows_.pop_front();
    return !rows_.empty() && rows_.front().decision.now <= now ? &rows_.front() : nullptr;
  }

 private:
  const Journal& journal_;
  const std::string service_;
  std::deque<JournalDecision> rows_;
  bool has_read_ = false;
  Instant read_to_{};
};

std::string what_differs(const StoredDecision& then, const StoredDecision& again, bool whole) {
  if (then.verdict != again.verdict) return "the verdict";
  if (then.reason != again.reason) return "the reason";
  if (then.pools != again.pools) return "the pools";
  if (!whole) return {};
  if (then.band != again.band) return "the band";
  if (then.stages != again.stages) return "the trace";
  return then == again ? "" : "the expectations";
}

class Execution {
 public:
  Execution(const Journal& journal, const FleetSpec& spec) : spec_(spec), part_(spec) {
    for (const auto& service : spec.services) {
      kept_.emplace_back(journal, service.name);
      states_.emplace_back();
      found_.push_back({.service = service.name});
    }
  }

  // From which tick on each service can be repeated; the earliest of them.
  Result<Instant> prepare(const Journal& journal) {
    const Instant before_all{Duration{-1}};
    if (journal.is_whole()) return before_all;
    auto checkpoints = journal.checkpoints();
    if (!checkpoints) return std::unexpected(checkpoints.error());
    auto earliest = Instant::max();
    known_from_.resize(found_.size(), Instant::max());
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const auto checkpoint = checkpoints->find(found_[i].service);
      if (checkpoint == checkpoints->end()) continue;
      auto state = state_from_bytes(checkpoint->second.state);
      if (!state)
        return fail(ErrorKind::failed,
                    fmt::format("the checkpoint of {} cannot be read: {}", found_[i].service, state.error().message));
      states_[i] = std::move(*state);
      found_[i].from_checkpoint = true;
      known_from_[i] = checkpoint->second.at;
      earliest = std::min(earliest, checkpoint->second.at);
    }
    return earliest;
  }

  Result<void> tick(std::vector<Observation> seen) {
    std::vector<std::pair<std::size_t, Observation*>> taking_part;
    for (auto& one : seen) {
      const auto found = std::ranges::find(spec_.services, one.service, &ServiceSpec::name);
      if (found == spec_.services.end()) {
        unknown_.insert(one.service);
        continue;
      }
      const auto place = static_cast<std::size_t>(found - spec_.services.begin());
      if (known_from_.empty() || one.now > known_from_[place]) taking_part.emplace_back(place, &one);
    }
    if (taking_part.empty()) return {};
    std::ranges::sort(taking_part, {}, &std::pair<std::size_t, Observation*>::first);
    choose(taking_part);
    FleetObservation fleet{.now = taking_part.front().second->now, .services = {}};
    FleetState state;
    for (const auto& [place, one] : taking_part) {
      state.services.push_back(std::move(states_[place]));
      fleet.services.push_back(std::move(*one));
    }
    auto step = decide_fleet(part_, std::move(state), fleet);
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      states_[chosen_[i]] = std::move(step.next.services[i]);
      if (auto compared = compare(chosen_[i], step.decisions[i]); !compared) return compared;
    }
    return {};
  }

  Verification finish() {
    Verification all{.services = {}, .unknown = {unknown_.begin(), unknown_.end()}};
    for (auto& one : found_)
      if (one.to != Instant{}) all.services.push_back(std::move(one));
    return all;
  }

 private:
  // The services of a tick as a fleet, since they share a budget. It changes only when a checkpoint is passed.
  void choose(const std::vector<std::pair<std::size_t, Observation*>>& taking_part) {
    std::vector<std::size_t> places;
    for (const auto& [place, one] : taking_part) places.push_back(place);
    if (places == chosen_) return;
    part_.services.clear();
    for (const auto place : places) part_.services.push_back(spec_.services[place]);
    chosen_ = std::move(places);
  }

  Result<void> compare(std::size_t place, const Decision& decision) {
    auto& found = found_[place];
    if (found.to == Instant{}) found.from = decision.now;
    found.to = decision.now;
    const auto kept = kept_[place].at(decision.now);
    if (!kept) return std::unexpected(kept.error());
    if (*kept == nullptr) return {};
    ++found.compared;
    const auto& then = (*kept)->decision;
    auto again = stored(decision);
    const auto what = what_differs(then, again, then.now == decision.now);
    if (what.empty()) return {};
    ++found.differing;
    if (found.differences.size() < differences_kept) found.differences.push_back({what, then, std::move(again)});
    return {};
  }

  const FleetSpec& spec_;
  std::vector<KeptDecisions> kept_;
  std::vector<ServiceState> states_;
  std::vector<Instant> known_from_;  // empty: from the first tick on
  std::vector<ServiceVerification> found_;
  std::set<std::string> unknown_;
  FleetSpec part_;
  std::vector<std::size_t> chosen_;
};

}  // namespace

std::int64_t Verification::differing() const {
  std::int64_t sum = 0;
  for (const auto& service : services) sum += service.differing;
  return sum;
}

Result<Verification> verify(const Journal& journal, const FleetSpec& spec) {
  Execution execution{journal, spec};
  const auto from = execution.prepare(journal);
  if (!from) return std::unexpected(from.error());
  Result<void> executed;
  const auto read = journal.replay(*from, [&](Instant, std::vector<Observation> seen) {
    executed = execution.tick(std::move(seen));
    return executed.has_value();
  });
  if (!read) return std::unexpected(read.error());
  if (!executed) return std::unexpected(executed.error());
  return execution.finish();
}

}  // namespace tidegate
