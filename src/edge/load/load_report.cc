#include "edge/load/load_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

constexpr Percentile reported[] = {Percentile::p50, Percentile::p90, Percentile::p95, Percentile::p99};

std::string number(std::optional<double> value) { return value ? fmt::format("{:.6g}", *value) : "null"; }
std::string number(std::optional<Duration> value) {
  return number(value ? std::optional{seconds(*value)} : std::nullopt);
}

std::string percentiles_json(const LatencyHistogram& of) {
  if (of.count() == 0) return "null";
  std::string text = "{";
  for (const auto percentile : reported)
    text += fmt::format(R"({}"{}":{:.4g})", text.size() > 1 ? "," : "", to_text(percentile),
                        seconds(*of.quantile(fraction(percentile))));
  return text + "}";
}

template <class Key>
std::string counts_json(const std::map<Key, std::uint64_t>& counts) {
  std::string text = "{";
  for (const auto& [key, count] : counts) text += fmt::format(R"({}"{}":{})", text.size() > 1 ? "," : "", key, count);
  return text + "}";
}

std::string objectives_json(const LoadReport& report) {
  std::string text = "[";
  for (const auto& one : report.objectives)
    text += fmt::format(R"({}{{"objective":"{}","bound_seconds":{},"attained":{},"attained_after_first":{},"met":{}}})",
                        text.size() > 1 ? "," : "", one.objective.name(), number(std::optional{one.objective.bound}),
                        number(one.attained), number(one.attained_after_first), one.is_met());
  return text + "]";
}

std::string percentiles_line(std::string_view name, const LatencyHistogram& of, std::string_view if_none) {
  std::string text = fmt::format("  {:<12}", name);
  if (of.count() == 0) return text + fmt::format("{}\n", if_none);
  for (const auto percentile : reported)
    text += fmt::format("{} {:<10}", to_text(percentile), to_text(*of.quantile(fraction(percentile))));
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string share(std::optional<double> value) { return value ? fmt::format("{:.2f} %", *value * 100) : "-"; }

}  // namespace

bool LoadReport::is_met() const {
  return std::ranges::all_of(objectives, [](const ObjectiveResult& one) { return one.is_met(); });
}

std::string to_json(const LoadReport& report) {
  std::string text = fmt::format(R"({{"requests":{},"errors":{},"slo_attainment":{},)", report.requests, report.errors,
                                 number(report.slo_attainment));
  text += fmt::format(R"("ttft_seconds":{},"latency_seconds":{},"queue_seconds":{},"itl_seconds":{},)",
                      percentiles_json(report.ttft), percentiles_json(report.latency), percentiles_json(report.queue),
                      percentiles_json(report.itl));
  text += fmt::format(R"("objectives":{},"attainment_after_first":{},"first_success_seconds":{},)",
                      objectives_json(report), number(report.attainment_after_first), number(report.first_success));
  text += fmt::format(R"("errors_by_kind":{},"statuses":{},"cancelled":{},)", counts_json(report.errors_by_kind),
                      counts_json(report.statuses), report.cancelled);
  text += fmt::format(R"("output_tokens":{},"duration_seconds":{},"sent_rate":{},)", report.output_tokens,
                      number(std::optional{report.duration}), number(std::optional{report.sent_rate}));
  text += fmt::format(R"("late_sends":{},"late_seconds_max":{},"in_flight_max":{},)", report.late_sends,
                      number(std::optional{report.late_most}), report.in_flight_most);
  text += fmt::format(R"("connections":{},"sent_again":{},"interrupted":{}}})", report.connections, report.sent_again,
                      report.interrupted);
  return text;
}

std::string to_text(const LoadReport& report) {
  std::string text =
      fmt::format("{} requests in {} ({:.2f} per second), {} errors{}\n", report.requests, to_text(report.duration),
                  report.sent_rate, report.errors,
                  report.interrupted ? fmt::format(", {} cancelled: interrupted", report.cancelled) : "");
  for (const auto& [kind, count] : report.errors_by_kind) text += fmt::format("  {:<20}{}\n", kind, count);
  for (const auto& one : report.objectives)
    text += fmt::format("  {:<12}{:<8}{} of requests within {} (after the first success {})\n", one.objective.name(),
                        one.is_met() ? "met" : "missed", share(one.attained), to_text(one.objective.bound),
                        share(one.attained_after_first));
  text += percentiles_line("ttft", report.ttft, "none: no request succeeded");
  text += percentiles_line("itl", report.itl, "none: no stream had two tokens");
  text += percentiles_line("latency", report.latency, "none: no request succeeded");
  text += percentiles_line("queue", report.queue, "unknown: the server does not say it (Server-Timing: queue)");
  if (report.first_success) text += fmt::format("  first token {} after the start\n", to_text(*report.first_success));
  text += fmt::format("  {} output tokens, at most {} in flight, {} connections", report.output_tokens,
                      report.in_flight_most, report.connections);
  if (report.sent_again > 0) text += fmt::format(", {} sent again on a new one", report.sent_again);
  text += "\n";
  if (report.late_sends > 0)
    text += fmt::format("  {} requests were sent late, at most by {}: this client was short of time or connections\n",
                        report.late_sends, to_text(report.late_most));
  return text;
}

}  // namespace tidegate
