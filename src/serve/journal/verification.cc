#include "serve/journal/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <ranges>
#include <set>
#include <utility>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr Duration window = 10min;  // of decisions read at once
constexpr Duration run_lag = 2min;  // how far the end of a run may lag behind
constexpr std::size_t window_rows_max = 10'000;

// The decisions of one service as they were kept, read a window at a time.
class KeptDecisions {
 public:
  KeptDecisions(const Journal& journal, std::string service) : journal_(journal), service_(std::move(service)) {}

  // The row that stands for the decision of that tick; null when none was kept. `now` never goes back.
  Result<const JournalDecision*> at(Instant now) {
    if (!has_read_ || now > read_to_) {
      const auto from = has_read_ ? read_to_ + 1ns : now - run_lag;
      const auto to = now + window;
      auto rows = journal_.decisions(service_, from, to, window_rows_max);
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

// One service on its way through the journal.
struct Retold {
  explicit Retold(const Journal& journal, const std::string& service) : kept(journal, service) {
    found.service = service;
  }
  KeptDecisions kept;
  ServiceState state;
  Instant known_from{Duration{-1}};  // ticks after this can be repeated
  ServiceVerification found;
};

class Execution {
 public:
  Execution(const Journal& journal, const std::vector<SpecSince>& specs) : journal_(journal), specs_(specs) { adopt(); }

  // From which tick on each service can be repeated; the earliest of them.
  Result<Instant> prepare() {
    is_whole_ = journal_.is_whole();
    if (is_whole_) return Instant{Duration{-1}};
    auto checkpoints = journal_.checkpoints();
    if (!checkpoints) return std::unexpected(checkpoints.error());
    auto earliest = Instant::max();
    for (const auto& [service, checkpoint] : *checkpoints) {
      auto state = state_from_bytes(checkpoint.state);
      if (!state)
        return fail(ErrorKind::failed,
                    fmt::format("the checkpoint of {} cannot be read: {}", service, state.error().message));
      auto& one = retold(service);
      one.state = std::move(*state);
      one.found.from_checkpoint = true;
      one.known_from = checkpoint.at;
      earliest = std::min(earliest, checkpoint.at);
    }
    return earliest;
  }

  Result<void> tick(std::vector<Observation> seen) {
    if (seen.empty()) return {};
    while (spec_ + 1 < specs_.size() && specs_[spec_ + 1].since <= seen.front().now) {
      ++spec_;
      adopt();
    }
    const auto& services = specs_[spec_].fleet.services;
    std::vector<std::pair<std::size_t, Observation*>> taking_part;
    for (auto& one : seen) {
      const auto found = std::ranges::find(services, one.service, &ServiceSpec::name);
      if (found == services.end())
        unknown_.insert(one.service);
      else if (can_repeat(one))
        taking_part.emplace_back(static_cast<std::size_t>(found - services.begin()), &one);
    }
    if (taking_part.empty()) return {};
    std::ranges::sort(taking_part, {}, &std::pair<std::size_t, Observation*>::first);
    choose(taking_part);
    FleetObservation fleet{.now = taking_part.front().second->now, .services = {}};
    FleetState state;
    for (const auto& [place, one] : taking_part) {
      state.services.push_back(std::move(retold(one->service).state));
      fleet.services.push_back(std::move(*one));
    }
    auto step = decide_fleet(part_, std::move(state), fleet);
    for (std::size_t i = 0; i < step.decisions.size(); ++i) {
      auto& one = retold(step.decisions[i].service);
      one.state = std::move(step.next.services[i]);
      if (auto compared = compare(one, step.decisions[i]); !compared) return compared;
    }
    return {};
  }

  Verification finish() {
    Verification all{.services = {}, .unknown = {unknown_.begin(), unknown_.end()}};
    for (const auto& name : order_)
      if (auto& found = retold(name).found; found.to != Instant{}) all.services.push_back(std::move(found));
    return all;
  }

 private:
  Retold& retold(const std::string& service) { return retold_.try_emplace(service, journal_, service).first->second; }

  // In a journal without its beginning a service that has no checkpoint yet cannot be repeated.
  bool can_repeat(const Observation& seen) {
    const auto& one = retold(seen.service);
    return is_whole_ || (one.found.from_checkpoint && seen.now > one.known_from);
  }

  // As the control loop takes a changed configuration: who stays keeps his memory.
  void adopt() {
    const auto& services = specs_[spec_].fleet.services;
    for (auto& [name, one] : retold_)
      // A checkpoint of later is of the service when it had come again.
      if (std::ranges::find(services, name, &ServiceSpec::name) == services.end() &&
          one.known_from < specs_[spec_].since)
        one.state = {};
    for (const auto& service : services)
      if (std::ranges::find(order_, service.name) == order_.end()) order_.push_back(service.name);
    part_ = specs_[spec_].fleet;
    chosen_.clear();
  }

  // The services of a tick as a fleet, since they share a budget.
  void choose(const std::vector<std::pair<std::size_t, Observation*>>& taking_part) {
    std::vector<std::size_t> places;
    for (const auto& [place, one] : taking_part) places.push_back(place);
    if (places == chosen_) return;
    part_.services.clear();
    for (const auto place : places) part_.services.push_back(specs_[spec_].fleet.services[place]);
    chosen_ = std::move(places);
  }

  static Result<void> compare(Retold& one, const Decision& decision) {
    auto& found = one.found;
    if (found.to == Instant{}) found.from = decision.now;
    found.to = decision.now;
    const auto kept = one.kept.at(decision.now);
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

  const Journal& journal_;
  const std::vector<SpecSince>& specs_;
  std::size_t spec_ = 0;
  bool is_whole_ = true;
  std::map<std::string, Retold> retold_;
  std::vector<std::string> order_;  // of the services, as the specifications name them first
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

Result<Verification> verify(const Journal& journal, const std::vector<SpecSince>& specs) {
  CHECK(!specs.empty());
  Execution execution{journal, specs};
  const auto from = execution.prepare();
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
