#include "serve/external_metrics/metric_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "edge/kubernetes/rfc3339.h"
#include "serve/scale_metrics/scale_metric.h"

namespace tidegate {
namespace {

using Document = nlohmann::ordered_json;

constexpr double value_max = 9e15;  // beyond it, thousandths no longer fit into what Kubernetes reckons in

std::string text_of(const Document& document) {
  return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

std::string_view reason_of(int code) {
  switch (code) {
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    default:
      return "ServiceUnavailable";
  }
}

Document openapi_info() { return {{"title", "tidegate external metrics"}, {"version", metrics_version}}; }

}  // namespace

std::string quantity_text(double value) {
  const double bounded = std::clamp(value, 0.0, value_max);
  if (bounded == std::floor(bounded)) return fmt::format("{:.0f}", bounded);
  // A product such as 0.3 * 1000 may lie a hair above its true value.
  return fmt::format("{:.0f}m", std::ceil(bounded * 1000 - 1e-6));
}

std::string value_list(std::string_view metric, std::string_view service, double value, Instant measured) {
  return text_of({{"kind", "ExternalMetricValueList"},
                  {"apiVersion", fmt::format("{}/{}", metrics_group, metrics_version)},
                  {"metadata", Document::object()},
                  {"items",
                   {{{"metricName", metric},
                     {"metricLabels", {{"service", service}}},
                     {"timestamp", rfc3339(measured)},
                     {"value", quantity_text(value)}}}}});
}

std::string status_document(int code, std::string_view message) {
  return text_of({{"kind", "Status"},
                  {"apiVersion", "v1"},
                  {"metadata", Document::object()},
                  {"status", "Failure"},
                  {"message", message},
                  {"reason", reason_of(code)},
                  {"code", code}});
}

int status_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::denied:
      return 403;
    case ErrorKind::invalid:
      return 400;
    case ErrorKind::failed:
    case ErrorKind::unreachable:
    case ErrorKind::too_large:
      break;
  }
  return 503;
}

std::string discovery_document() {
  Document resources = Document::array();
  for (const auto& metric : scale_metrics())
    resources.push_back({{"name", fmt::format("{}{}", metric_prefix, metric.name())},
                         {"singularName", ""},
                         {"namespaced", true},
                         {"kind", "ExternalMetricValueList"},
                         {"verbs", {"get"}}});
  return text_of({{"kind", "APIResourceList"},
                  {"apiVersion", "v1"},
                  {"groupVersion", fmt::format("{}/{}", metrics_group, metrics_version)},
                  {"resources", std::move(resources)}});
}

std::string openapi_v2_document() {
  return text_of({{"swagger", "2.0"}, {"info", openapi_info()}, {"paths", Document::object()}});
}

std::string openapi_v3_index() {
  const auto own = std::string{metrics_path.substr(1)};
  return text_of({{"paths", {{own, {{"serverRelativeURL", fmt::format("/openapi/v3/{}", own)}}}}}});
}

std::string openapi_v3_document() {
  return text_of({{"openapi", "3.0.0"}, {"info", openapi_info()}, {"paths", Document::object()}});
}

}  // namespace tidegate
