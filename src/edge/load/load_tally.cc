#include "edge/load/load_tally.h"

#include <algorithm>

namespace tidegate {
namespace {

// What the objective measures of a request that succeeded; none: it cannot be told.
std::optional<Duration> measured(LatencyKind kind, const LoadOutcome& outcome) {
  switch (kind) {
    case LatencyKind::ttft:
      return *outcome.first - outcome.due;
    case LatencyKind::latency:
      return outcome.ended - outcome.due;
    case LatencyKind::queue_wait:
      return outcome.queue;
    case LatencyKind::itl:
      if (outcome.tokens < 2) return std::nullopt;
      return (outcome.last - *outcome.first) / static_cast<std::int64_t>(outcome.tokens - 1);
  }
  return std::nullopt;
}

}  // namespace

LoadTally::LoadTally(Slo slo, Instant start) : start_(start), last_end_(start) {
  for (const auto& objective : slo.objectives) judged_.push_back({objective, {}, {}});
}

void LoadTally::first_token(Instant at) {
  if (!first_success_ || at < *first_success_) first_success_ = at;
}

void LoadTally::in_flight(std::uint64_t count) { report_.in_flight_most = std::max(report_.in_flight_most, count); }

void LoadTally::add(const LoadOutcome& outcome) {
  ++report_.requests;
  last_end_ = std::max(last_end_, outcome.ended);
  if (outcome.status != 0) ++report_.statuses[outcome.status];
  const Duration late = outcome.sent - outcome.due;
  if (late > late_after) ++report_.late_sends;
  report_.late_most = std::max(report_.late_most, late);
  report_.output_tokens += outcome.tokens;
  if (outcome.failure.empty()) {
    record(outcome);
  } else {
    ++report_.errors;
    ++report_.errors_by_kind[outcome.failure];
  }
  judge(outcome);
}

void LoadTally::record(const LoadOutcome& outcome) {
  report_.ttft.record(*outcome.first - outcome.due);
  report_.latency.record(outcome.ended - outcome.due);
  if (outcome.queue) report_.queue.record(*outcome.queue);
  if (const auto gap = measured(LatencyKind::itl, outcome)) report_.itl.record(*gap, outcome.tokens - 1);
}

void LoadTally::judge(const LoadOutcome& outcome) {
  const bool succeeded = outcome.failure.empty();
  const bool is_after_first = first_success_ && outcome.due >= *first_success_;
  bool within = succeeded;
  for (auto& one : judged_) {
    std::optional<Duration> took;
    if (succeeded) {
      took = measured(one.objective.kind, outcome);
      if (!took) continue;
    }
    const bool met = succeeded && *took <= one.objective.bound;
    within &= met;
    one.all.add(met);
    if (is_after_first) one.after_first.add(met);
  }
  all_.add(within);
  if (is_after_first) after_first_.add(within);
}

std::optional<double> LoadTally::attainment() const { return all_.value(); }

LoadReport LoadTally::report(bool interrupted) const {
  LoadReport report = report_;
  report.interrupted = interrupted;
  report.slo_attainment = all_.value();
  report.attainment_after_first = after_first_.value();
  if (first_success_) report.first_success = *first_success_ - start_;
  report.duration = last_end_ - start_;
  if (report.duration > Duration::zero())
    report.sent_rate = static_cast<double>(report.requests) / seconds(report.duration);
  for (const auto& one : judged_)
    report.objectives.push_back({one.objective, one.all.value(), one.after_first.value()});
  return report;
}

}  // namespace tidegate
