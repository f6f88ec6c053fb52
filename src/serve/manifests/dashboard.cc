#include "serve/manifests/dashboard.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;

constexpr int grid_columns = 24, panel_width = 8, panel_height = 8;

struct Query {
  std::string_view expression, legend;
};

struct Panel {
  std::string_view title, unit, about;
  std::vector<Query> queries;
  bool stacks = false;
};

Json source() { return {{"type", "prometheus"}, {"uid", "${datasource}"}}; }

Json panel_json(const Panel& panel, int id, int x, int y) {
  Json targets = Json::array();
  char letter = 'A';
  for (const auto& query : panel.queries)
    targets.push_back({{"datasource", source()},
                       {"refId", std::string(1, letter++)},
                       {"expr", query.expression},
                       {"legendFormat", query.legend}});
  Json custom{{"fillOpacity", panel.stacks ? 30 : 0}, {"lineWidth", 1}, {"showPoints", "never"}, {"spanNulls", false}};
  if (panel.stacks) custom["stacking"] = {{"mode", "normal"}, {"group", "A"}};
  return {{"id", id},
          {"type", "timeseries"},
          {"title", panel.title},
          {"description", panel.about},
          {"datasource", source()},
          {"gridPos", {{"h", panel_height}, {"w", panel_width}, {"x", x}, {"y", y}}},
          {"fieldConfig",
           {{"defaults", {{"unit", panel.unit}, {"min", 0}, {"custom", custom}}}, {"overrides", Json::array()}}},
          {"options",
           {{"legend", {{"displayMode", "list"}, {"placement", "bottom"}, {"showLegend", true}}},
            {"tooltip", {{"mode", "multi"}, {"sort", "desc"}}}}},
          {"targets", std::move(targets)}};
}

std::vector<Panel> service_panels() {
  return {
      {.title = "Replicas and the band",
       .unit = "short",
       .about = "Between floor and ceiling nothing need change.",
       .queries = {{R"(sum by (service) (tidegate_ready_replicas{service=~"$service"}))", "{{service}} ready"},
                   {R"(sum by (service) (tidegate_desired_replicas{service=~"$service"}))", "{{service}} desired"},
                   {R"(max by (service) (tidegate_floor_replicas{service=~"$service"}))", "{{service}} floor"},
                   {R"(max by (service) (tidegate_ceiling_replicas{service=~"$service"}))", "{{service}} ceiling"}}},
      {.title = "Demand",
       .unit = "reqps",
       .about = "Requests arriving, and expected when a replica ordered now would be ready.",
       .queries = {{R"(max by (service) (tidegate_demand_requests_per_second{service=~"$service"}))", "{{service}}"},
                   {R"(max by (service) (tidegate_demand_expected_requests_per_second{service=~"$service"}))",
                    "{{service}} expected"}}},
      {.title = "Requests served and waiting",
       .unit = "short",
       .about = "In the replicas, and before them.",
       .queries = {{R"(max by (service) (tidegate_in_flight_requests{service=~"$service"}))", "{{service}} in flight"},
                   {R"(max by (service) (tidegate_queued_requests{service=~"$service"}))", "{{service}} queued"}}},
      {.title = "Latency against the SLO",
       .unit = "s",
       .about = "What was measured over the last minute, and what is promised.",
       .queries = {{R"(max by (service, objective) (tidegate_slo_measured_seconds{service=~"$service"}))",
                    "{{service}} {{objective}}"},
                   {R"(max by (service, objective) (tidegate_slo_bound_seconds{service=~"$service"}))",
                    "{{service}} {{objective}} promised"}}},
      {.title = "Requests within the SLO",
       .unit = "percentunit",
       .about = "Over the last hour.",
       .queries = {{R"(max by (service) (tidegate_slo_attainment_ratio{service=~"$service"}))", "{{service}}"}}},
      {.title = "Cost",
       .unit = "currencyUSD",
       .about = "Of the replicas that exist, per hour. Services without a price are left out.",
       .queries = {{R"(max by (service) (tidegate_cost_dollars_per_hour{service=~"$service"}))", "{{service}}"}},
       .stacks = true},
      {.title = "GPUs",
       .unit = "short",
       .about = "Taken by replicas.",
       .queries = {{R"(max by (service) (tidegate_gpus{service=~"$service"}))", "{{service}}"}},
       .stacks = true},
      {.title = "Replicas by state",
       .unit = "short",
       .about = "From requested to draining.",
       .queries = {{R"(sum by (state) (tidegate_replicas{service=~"$service"}))", "{{state}}"}},
       .stacks = true},
      {.title = "Cold starts",
       .unit = "s",
       .about = "From request to ready, and the lead time decisions reckon with.",
       .queries = {
           {R"(histogram_quantile(0.9, sum by (le, service) (rate(tidegate_cold_start_seconds_bucket{service=~"$service"}[1h])))",
            "{{service}} p90"},
           {R"(max by (service) (tidegate_lead_time_seconds{service=~"$service"}))", "{{service}} lead time"}}}};
}

std::vector<Panel> own_panels() {
  return {
      {.title = "Decisions by reason",
       .unit = "short",
       .about = "Of every five minutes; docs/reference/reasons.md explains them.",
       .queries = {{R"(sum by (reason) (increase(tidegate_decisions_total{service=~"$service"}[5m])))", "{{reason}}"}},
       .stacks = true},
      {.title = "Age of signals",
       .unit = "s",
       .about = "Since the newest sample.",
       .queries = {{R"(max by (service, signal) (tidegate_signal_age_seconds{service=~"$service"}))",
                    "{{service}} {{signal}}"}}},
      {.title = "Errors and conflicts",
       .unit = "short",
       .about = "Of every five minutes.",
       .queries = {{R"(sum by (service, signal) (increase(tidegate_signal_errors_total{service=~"$service"}[5m])))",
                    "{{service}} {{signal}}"},
                   {R"(sum by (service, reason) (increase(tidegate_notices_total{service=~"$service"}[5m])))",
                    "{{service}} {{reason}}"}}},
      {.title = "A round",
       .unit = "s",
       .about = "How long looking, deciding and acting take.",
       .queries = {{"max by (instance) (tidegate_reconcile_duration_seconds)", "{{instance}} round"},
                   {"max by (instance) (tidegate_decide_duration_seconds)", "{{instance}} deciding"}}},
      {.title = "Late rounds",
       .unit = "short",
       .about = "Of every five minutes.",
       .queries = {{"sum by (instance) (increase(tidegate_ticks_late_total[5m]))", "{{instance}}"}}},
      {.title = "Health",
       .unit = "short",
       .about = "1 is well.",
       .queries = {{"min by (instance) (tidegate_journal_healthy)", "{{instance}} journal"},
                   {"min by (instance) (tidegate_gateway_connected)", "{{instance}} gateway"},
                   {"min by (instance) (tidegate_config_last_reload_successful)", "{{instance}} configuration"}}}};
}

Json variables() {
  const Json datasource{
      {"name", "datasource"}, {"label", "Prometheus"}, {"type", "datasource"}, {"query", "prometheus"}};
  const Json service{{"name", "service"},
                     {"label", "Service"},
                     {"type", "query"},
                     {"datasource", source()},
                     {"query", {{"query", "label_values(tidegate_service_info, service)"}, {"refId", "services"}}},
                     {"refresh", 2},
                     {"sort", 1},
                     {"multi", true},
                     {"includeAll", true},
                     {"current", {{"text", "All"}, {"value", "$__all"}}}};
  return Json::array({datasource, service});
}

void add_row(std::string_view title, const std::vector<Panel>& panels, int& id, int& y, Json& all) {
  all.push_back({{"id", id++},
                 {"type", "row"},
                 {"title", title},
                 {"collapsed", false},
                 {"panels", Json::array()},
                 {"gridPos", {{"h", 1}, {"w", grid_columns}, {"x", 0}, {"y", y++}}}});
  int x = 0;
  for (const auto& panel : panels) {
    all.push_back(panel_json(panel, id++, x, y));
    x += panel_width;
    if (x < grid_columns) continue;
    x = 0;
    y += panel_height;
  }
  if (x > 0) y += panel_height;
}

}  // namespace

std::string grafana_dashboard() {
  Json panels = Json::array();
  int id = 1, y = 0;
  add_row("Services", service_panels(), id, y, panels);
  add_row("tidegate", own_panels(), id, y, panels);
  const Json dashboard{{"uid", "tidegate"},
                       {"title", "tidegate"},
                       {"description", "Written by `tidegate export grafana`."},
                       {"tags", {"tidegate"}},
                       {"schemaVersion", 39},
                       {"editable", true},
                       {"refresh", "30s"},
                       {"time", {{"from", "now-6h"}, {"to", "now"}}},
                       {"templating", {{"list", variables()}}},
                       {"panels", std::move(panels)}};
  return dashboard.dump(2) + "\n";
}

}  // namespace tidegate
