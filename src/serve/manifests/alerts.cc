#include "serve/manifests/alerts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "serve/config/yaml_writer.h"

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;

// More than half of a service's decisions within a window give one of these reasons.
std::string mostly(std::string_view reasons, std::string_view window) {
  return fmt::format(
      "sum by (service) (increase(tidegate_decisions_total{{reason=~\"{0}\"}}[{1}]))\n"
      "  > 0.5 * sum by (service) (increase(tidegate_decisions_total[{1}]))\n",
      reasons, window);
}

struct AlertText {
  std::string_view name, severity, wait, summary, description;
};

Json alert(const AlertText& text, const std::string& expression) {
  Json json{{"alert", text.name}, {"expr", expression}};
  if (!text.wait.empty()) json["for"] = text.wait;
  json["labels"] = {{"severity", text.severity}};
  json["annotations"] = {{"summary", text.summary}, {"description", text.description}};
  return json;
}

Json groups() {
  const Json rules{
      alert({.name = "TidegateSloUnreachable",
             .severity = "warning",
             .wait = "10m",
             .summary = "{{ $labels.service }}: no pool can meet the SLO",
             .description = "Even the fastest pool cannot keep the promise at this load, and no more is bought than "
                            "helps. Relax the objective or add a faster pool; `tidegate why {{ $labels.service }}` has "
                            "the numbers."},
            mostly("slo_unreachable", "10m")),
      alert({.name = "TidegateSignalsStale",
             .severity = "critical",
             .wait = "5m",
             .summary = "{{ $labels.service }}: the load is not known",
             .description = "Measurements are missing, too old, or errors, so the size is kept as it is. `tidegate "
                            "doctor` names the source that does not answer and what to do."},
            mostly("no_data|signals_stale|signals_error|signals_partial", "5m")),
      alert({.name = "TidegateAtMax",
             .severity = "warning",
             .wait = "10m",
             .summary = "{{ $labels.service }}: more replicas are needed than are allowed",
             .description = "A bound keeps the service from the size it needs: `replicas.max`, a pool's "
                            "`replicas_max`, the budget, or the cluster's own room. Raise it, or expect the SLO to be "
                            "missed; `tidegate why {{ $labels.service }}` says which."},
            mostly("at_max|pool_at_max|budget_cap|capacity_unavailable", "10m")),
      alert({.name = "TidegateConflict",
             .severity = "critical",
             .wait = "",
             .summary = "{{ $labels.service }}: somebody else writes its replicas",
             .description = "Another autoscaler, or what applies the manifest, changes the size too. Let one own it: "
                            "`tidegate history {{ $labels.service }}` names the other writer."},
            "sum by (service) (increase(tidegate_notices_total{reason=\"conflict\"}[15m])) > 0\n")};
  return {{"groups", Json::array({{{"name", "tidegate"}, {"rules", rules}}})}};
}

}  // namespace

std::string alert_rules() { return "# Written by `tidegate export alerts`.\n" + yaml_text(groups()); }

std::string prometheus_rule() {
  const Json rule{
      {"apiVersion", "monitoring.coreos.com/v1"},
      {"kind", "PrometheusRule"},
      {"metadata",
       {{"name", "tidegate"}, {"labels", {{"app.kubernetes.io/name", "tidegate"}, {"release", "prometheus"}}}}},
      {"spec", groups()}};
  return "# Written by `tidegate export alerts --as prometheusrule`.\n" + yaml_text(rule);
}

}  // namespace tidegate
