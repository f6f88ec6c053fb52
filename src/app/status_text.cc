#include "app/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/text_table.h"
#include "core/base/time.h"
#include "serve/api/fact_text.h"

namespace tidegate {
namespace {

constexpr std::string_view unknown = "-";  // not measured, which is not zero

std::string or_unknown(std::optional<double> value, std::string_view unit = "") {
  return value ? number_text(*value) + std::string{unit} : std::string{unknown};
}

std::string length_text(std::optional<double> length) {
  return length ? to_text(from_seconds(*length)) : std::string{unknown};
}

// "5", "5 +2 starting", "5/6"
std::string replicas_text(const ServiceStatus& service) {
  int ready = 0, warming = 0, draining = 0, failed = 0;
  for (const auto& pool : service.pools) {
    ready += pool.ready;
    warming += pool.requested + pool.starting + pool.loading;
    draining += pool.draining;
    failed += pool.failed;
  }
  auto text = fmt::format("{} ready", ready);
  if (warming > 0) text += fmt::format(" +{} warming", warming);
  if (draining > 0) text += fmt::format(" -{} draining", draining);
  if (failed > 0) text += fmt::format(" {} failed", failed);
  return text;
}

// The objective nearest to (or farthest beyond) its bound.
const ObjectiveStatus* worst(const ServiceStatus& service) {
  const ObjectiveStatus* found = nullptr;
  for (const auto& one : service.slo) {
    if (found == nullptr ||
        (one.measured && (!found->measured || *one.measured / one.bound > *found->measured / found->bound)))
      found = &one;
  }
  return found;
}

std::string latency_text(const ServiceStatus& service, const Terminal& terminal) {
  const auto* one = worst(service);
  if (one == nullptr) return std::string{unknown};
  const auto text = fmt::format("{} of {}", length_text(one->measured), length_text(one->bound));
  return one->measured && *one->measured > one->bound ? terminal.paint(Tone::bad, text) : text;
}

std::string cost_text(const ServiceStatus& service) {
  return service.cost_per_hour ? fmt::format("${:.2f}/h", *service.cost_per_hour)
                               : fmt::format("{:.4g} GPU{}", service.gpus, service.gpus == 1 ? "" : "s");
}

std::string remarks(const ServiceStatus& service) {
  std::string text;
  const auto add = [&](std::string_view word) { text += (text.empty() ? " [" : ", ") + std::string{word}; };
  if (service.mode == "shadow") add("shadow");
  for (const auto& one : service.steering) add(one.what);
  if (service.rollout) add("rollout");
  return text.empty() ? text : text + "]";
}

Tone verdict_tone(std::string_view verdict) {
  if (verdict == "raise") return Tone::good;
  return verdict == "lower" || verdict == "move" ? Tone::accent : Tone::dim;
}

}  // namespace

std::string trend_text(const std::vector<double>& values) {
  static constexpr std::string_view blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double most = 0;
  for (const double value : values)
    if (std::isfinite(value)) most = std::max(most, value);
  std::string text;
  for (const double value : values) {
    if (!std::isfinite(value))
      text += ' ';
    else
      text += blocks[most <= 0 ? 0 : std::clamp(static_cast<int>(value / most * 7.999), 0, 7)];
  }
  return text;
}

std::string fleet_text(const FleetStatus& fleet, const Terminal& terminal,
                       const std::map<std::string, std::vector<double>>* trends) {
  std::vector<std::string> headings{"SERVICE",  "REPLICAS", ">BAND", ">DEMAND",      ">QUEUED",
                                    ">LATENCY", ">SLO MET", ">COST", "LAST DECISION"};
  if (trends != nullptr) headings.emplace_back("DEMAND OF LATE");
  TextTable table(headings);
  for (const auto& one : fleet.services) {
    std::vector<std::string> cells{
        one.name + terminal.paint(Tone::warning, remarks(one)),
        replicas_text(one),
        fmt::format("{}..{}", number_text(one.floor), number_text(one.ceiling)),
        or_unknown(one.rate, "/s"),
        or_unknown(one.queued),
        latency_text(one, terminal),
        one.attainment ? fmt::format("{:.2f}%", *one.attainment * 100) : std::string{unknown},
        cost_text(one),
        fmt::format("{} {}", terminal.paint(verdict_tone(one.verdict), one.verdict), one.reason)};
    if (trends != nullptr) {
      const auto trend = trends->find(one.name);
      cells.push_back(trend == trends->end() ? "" : trend_text(trend->second));
    }
    table.row(std::move(cells));
  }
  return table.text();
}

std::string service_text(const ServiceStatus& service, double now, const Terminal& terminal) {
  FleetStatus alone{.now = now, .services = {service}, .json = {}};
  std::string text = fleet_text(alone, terminal);
  for (const auto& one : service.steering)
    text += fmt::format("\n{} by {}{}: {}\n", one.what, one.author,
                        one.expires ? " until " + near_time_text(instant_at(*one.expires), instant_at(now)) : "",
                        one.comment);
  for (const auto& one : service.problems)
    text += fmt::format("\n{} in pool {}: {}\n", terminal.paint(Tone::bad, one.reason), one.pool, one.message);
  text += '\n';
  if (service.replicas.empty()) {
    text += "no replica runs\n";
  } else {
    TextTable table({"REPLICA", "POOL", "STATE", ">FOR", "AT", "GPUS", "REMARK"});
    for (const auto& one : service.replicas)
      table.row({one.id, one.pool, one.state, to_text(from_seconds(std::round(std::max(0.0, now - one.since)))),
                 one.endpoint, fmt::format("{}", fmt::join(one.gpus, ",")), one.detail});
    text += table.text();
  }
  TextTable signals({"SIGNAL", "QUALITY", ">VALUE", ">AGE", "REPORTING"});
  for (const auto& one : service.signals)
    signals.row(
        {one.name,
         one.quality == "fresh" || one.quality == "absent" ? one.quality : terminal.paint(Tone::bad, one.quality),
         or_unknown(one.value), length_text(one.age),
         one.expected > 0 ? fmt::format("{} of {}", one.reported, one.expected) : ""});
  return text + "\n" + signals.text();
}

}  // namespace tidegate
