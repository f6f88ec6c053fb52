// What the API external.metrics.k8s.io/v1beta1 says, as JSON: values, refusals, and the documents that the API server
// wants of an aggregated one. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

inline constexpr std::string_view metrics_group = "external.metrics.k8s.io";
inline constexpr std::string_view metrics_version = "v1beta1";
inline constexpr std::string_view metrics_path = "/apis/external.metrics.k8s.io/v1beta1";
// Before each of our names, so that another adapter's stay apart.
inline constexpr std::string_view metric_prefix = "tidegate_";

// "20", "1500m": to the thousandth, which is what an autoscaler reckons in; what is more is rounded up, so that little
// is never nothing. Of a finite number from 0 on.
[[nodiscard]] std::string quantity_text(double value);

// An ExternalMetricValueList of one.
[[nodiscard]] std::string value_list(std::string_view metric, std::string_view service, double value, Instant measured);

// A Status: what kubectl prints and the HPA's condition quotes.
[[nodiscard]] std::string status_document(int code, std::string_view message);
// not_found 404, denied 403, invalid 400, anything else 503.
[[nodiscard]] int status_code(ErrorKind kind);

// The APIResourceList: one resource for each of our metrics.
[[nodiscard]] std::string discovery_document();
[[nodiscard]] std::string openapi_v2_document();
[[nodiscard]] std::string openapi_v3_index();
[[nodiscard]] std::string openapi_v3_document();

}  // namespace tidegate
