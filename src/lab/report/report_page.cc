#include "lab/report/report_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "lab/report/svg_chart.h"

namespace tidegate {
namespace {

constexpr std::string_view style = R"(<style>
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#6a737d;--grid:#e3e6ea;--page:#fff;
--c0:#1f6feb;--c1:#d9480f;--c2:#2b8a3e;--c3:#862e9c;--c4:#0b7285;--c5:#a61e4d;--c6:#5c940d;--c7:#495057}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--dim:#9aa4af;--grid:#2b3138;--page:#12161b;
--c0:#6ea8fe;--c1:#ff922b;--c2:#69db7c;--c3:#da77f2;--c4:#3bc9db;--c5:#f783ac;--c6:#a9e34b;--c7:#adb5bd}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:960px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}svg{width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{text-align:right;padding:.2rem .6rem;border-bottom:1px solid var(--grid)}th:first-child,td:first-child{text-align:left}
.miss{color:var(--c1)}.dim,.tick{color:var(--dim);fill:var(--dim);font-size:12px}.title{fill:var(--ink);font-weight:600;font-size:13px}
.grid{stroke:var(--grid)}.line{fill:none;stroke-width:1.5}.band{opacity:.22;stroke:none}
.c0{stroke:var(--c0);fill:var(--c0)}.c1{stroke:var(--c1);fill:var(--c1)}.c2{stroke:var(--c2);fill:var(--c2)}.c3{stroke:var(--c3);fill:var(--c3)}
.c4{stroke:var(--c4);fill:var(--c4)}.c5{stroke:var(--c5);fill:var(--c5)}.c6{stroke:var(--c6);fill:var(--c6)}.c7{stroke:var(--c7);fill:var(--c7)}
path.line{fill:none}text,circle,rect{stroke:none}
</style>)";

std::string page(std::string_view title, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>{0}</title>\n{1}</head><body>\n<h1>{0}</h1>\n{2}</body></html>\n",
      html_text(title), style, body);
}

std::string percent(double share) { return fmt::format("{:.3f} %", share * 100); }

// The samples of a run as the columns of charts.
struct Columns {
  std::vector<double> at, ready, committed, floor, ceiling, need, queued, attained;
};
Columns columns_of(const SimulationSeries& series) {
  Columns columns;
  const double width = seconds(series.width());
  for (std::size_t i = 0; i < series.samples().size(); ++i) {
    const auto& sample = series.samples()[i];
    columns.at.push_back(static_cast<double>(i) * width);
    columns.ready.push_back(sample.ready);
    columns.committed.push_back(sample.ready + sample.warming);
    columns.floor.push_back(sample.floor);
    columns.ceiling.push_back(sample.ceiling);
    columns.need.push_back(sample.need);
    columns.queued.push_back(sample.queued);
    columns.attained.push_back(sample.ended > 0 ? sample.attainment() : std::numeric_limits<double>::quiet_NaN());
  }
  return columns;
}

Chart replicas_chart(const SimulationSeries& series, std::string title) {
  Columns columns = columns_of(series);
  // A band far above what is there would flatten everything else.
  const double most = columns.committed.empty() ? 1 : *std::ranges::max_element(columns.committed) * 1.5 + 1;
  for (double& edge : columns.ceiling) edge = std::min(edge, most);
  for (double& edge : columns.floor) edge = std::min(edge, most);
  Chart chart{.title = std::move(title),
              .x = {.label = "time", .kind = AxisKind::hours},
              .y = {.label = "replicas", .from_zero = true}};
  chart.series = {{.label = "band",
                   .kind = MarkKind::band,
                   .x = columns.at,
                   .y = columns.ceiling,
                   .y_low = columns.floor,
                   .color = 2},
                  {.label = "committed", .kind = MarkKind::steps, .x = columns.at, .y = columns.committed, .color = 7},
                  {.label = "ready", .kind = MarkKind::steps, .x = columns.at, .y = columns.ready, .color = 0},
                  {.label = "need", .x = columns.at, .y = columns.need, .color = 1}};
  return chart;
}

std::string figures(const SimulationResult& result) {
  const auto row = [](std::string_view name, const std::string& value) {
    return fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", name, value);
  };
  std::string rows = row("requests", fmt::format("{}", result.requests));
  rows += row("within the SLO", percent(result.attainment()));
  rows += row("dropped or cut", fmt::format("{}", result.dropped + result.cut));
  rows += row("replica-hours", fmt::format("{:.2f}", result.replica_hours));
  if (result.gpu_hours > 0) rows += row("GPU-hours", fmt::format("{:.2f}", result.gpu_hours));
  if (result.cost > 0) rows += row("cost", fmt::format("${:.2f}", result.cost));
  rows += row("TTFT p50, p99", to_text(result.ttft.p50) + ", " + to_text(result.ttft.p99));
  rows += row("latency p50, p99", to_text(result.latency.p50) + ", " + to_text(result.latency.p99));
  rows += row("wait p50, p99", to_text(result.queue.p50) + ", " + to_text(result.queue.p99));
  rows += row("scale events, reversals", fmt::format("{}, {}", result.scale_events, result.reversals));
  rows +=
      row("cold starts, requests that met one", fmt::format("{}, {}", result.cold_starts, result.cold_start_exposed));
  return "<table>" + rows + "</table>\n";
}

std::string knobs_text(const Contestant& contestant) {
  std::string text;
  for (const auto& knob : contestant.knobs)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", knob.name, knob.value);
  return text;
}

Chart frontier_chart(const Comparison& comparison, std::size_t trace) {
  Chart chart{.title = "cost against attainment: " + comparison.traces[trace],
              .x = {.label = "replica-hours"},
              .y = {.label = "requests within the SLO", .kind = AxisKind::missed},
              .height = 360};
  if (const auto* bounds = comparison.bounds_of(trace)) {
    ChartSeries series{.label = "clairvoyant", .color = 7};
    for (const auto& point : bounds->clairvoyant.frontier())
      series.x.push_back(point.cost), series.y.push_back(point.attainment);
    chart.series.push_back(std::move(series));
  }
  std::map<std::string, std::size_t> colors;
  for (const auto& point : policy_frontiers(comparison)) {
    if (point.trace != trace) continue;
    const std::size_t color = colors.try_emplace(point.policy, colors.size()).first->second;
    auto found = std::ranges::find(chart.series, point.policy, &ChartSeries::label);
    if (found == chart.series.end()) {
      chart.series.push_back({.label = point.policy, .kind = MarkKind::points, .color = color});
      found = std::prev(chart.series.end());
    }
    found->x.push_back(point.replica_hours), found->y.push_back(point.attainment);
    found->names.push_back(fmt::format("{} {}: {:.1f} h at {}", point.policy,
                                       knobs_text(comparison.contestants[point.contestant]), point.replica_hours,
                                       percent(point.attainment)));
  }
  return chart;
}

std::string cells(std::string_view policy, std::string_view knobs, const SimulationResult& result, double asked,
                  std::optional<double> relative) {
  return fmt::format(
      "<tr><td>{} <span class=\"dim\">{}</span></td><td>{}</td><td{}>{}</td><td>{:.2f}</td><td>{}</td>"
      "<td>{:.2f} s</td><td>{}</td></tr>\n",
      html_text(policy), html_text(knobs), result.seed, result.attainment() >= asked ? "" : " class=\"miss\"",
      percent(result.attainment()), result.replica_hours, relative ? fmt::format("{:.3f}", *relative) : "",
      seconds(result.ttft.p99), result.scale_events);
}

std::string runs_table(const Comparison& comparison, std::size_t trace) {
  std::string table =
      "<table><tr><th>policy</th><th>seed</th><th>within SLO</th><th>replica-hours</th><th>× clairvoyant</th>"
      "<th>TTFT p99</th><th>scale events</th></tr>\n";
  if (const auto* bounds = comparison.bounds_of(trace)) {
    table += cells("clairvoyant", "", bounds->clairvoyant.best().result, comparison.attainment, 1);
    table += cells("rate oracle", "", bounds->rate_oracle.best().result, comparison.attainment, std::nullopt);
  }
  for (const auto& run : comparison.runs)
    if (run.job.trace == trace) {
      const auto& contestant = comparison.contestants[run.job.contestant];
      table += cells(contestant.name, knobs_text(contestant), run.result, comparison.attainment, run.relative);
    }
  return table + "</table>\n";
}

// Of each policy, the cheapest run that met the attainment; else the one that attained most.
std::vector<const ComparedRun*> best_runs(const Comparison& comparison, std::size_t trace) {
  std::map<std::string, const ComparedRun*> best;
  const auto rank = [&](const ComparedRun& run) {
    const bool meets = run.result.attainment() >= comparison.attainment;
    return std::pair(!meets, meets ? run.result.replica_hours : -run.result.attainment());
  };
  for (const auto& run : comparison.runs) {
    if (run.job.trace != trace) continue;
    auto& kept = best[comparison.contestants[run.job.contestant].name];
    if (kept == nullptr || rank(run) < rank(*kept)) kept = &run;
  }
  std::vector<const ComparedRun*> runs;
  for (const auto& [name, run] : best) runs.push_back(run);
  return runs;
}

}  // namespace

std::string simulation_page(const SimulationResult& result) {
  const Columns columns = columns_of(result.series);
  std::string body = figures(result);
  body += to_svg(replicas_chart(result.series, "replicas and band"));
  Chart queue{.title = "requests waiting",
              .x = {.label = "time", .kind = AxisKind::hours},
              .y = {.label = "requests", .from_zero = true},
              .height = 180};
  queue.series = {{.x = columns.at, .y = columns.queued, .color = 1}};
  body += to_svg(queue);
  Chart attained{.title = "within the SLO",
                 .x = {.label = "time", .kind = AxisKind::hours},
                 .y = {.label = "share", .kind = AxisKind::missed},
                 .height = 180};
  attained.series = {{.x = columns.at, .y = columns.attained, .color = 0}};
  body += to_svg(attained);
  return page(fmt::format("{} on {}, seed {}", result.policy, result.trace, result.seed), body);
}

std::string comparison_page(const Comparison& comparison) {
  std::string body;
  for (std::size_t trace = 0; trace < comparison.traces.size(); ++trace) {
    body += fmt::format("<h2>{}</h2>\n", html_text(comparison.traces[trace]));
    body += to_svg(frontier_chart(comparison, trace));
    body += runs_table(comparison, trace);
    for (const auto* run : best_runs(comparison, trace)) {
      const auto& contestant = comparison.contestants[run->job.contestant];
      body += to_svg(replicas_chart(run->result.series, contestant.name + " " + knobs_text(contestant)));
    }
  }
  return page("policies compared", body);
}

}  // namespace tidegate
