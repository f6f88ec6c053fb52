// A request for a metric, read and answered: namespace, name and label selector of the address. Pure.
//
//   scaledmodel=NAME   the ScaledModel of that name in the namespace
//   service=NAME       a service by its name (serve/scale_metrics/service_choice.h says which)
//   pool=NAME          besides: of tidegate_desired_replicas, one pool only
//
// One of the first two is wanted: without it an HPA would add up the sizes of different models.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "serve/scale_metrics/scale_metric_value.h"
#include "serve/scale_metrics/service_choice.h"

namespace tidegate {

struct MetricRequest {
  std::string service;
  std::string name_space;
  ServiceNames names = ServiceNames::plain;
  ScaleMetricQuestion question;
};

// Letters, digits, `.`, `_`, `:` and `-`, not too long: fit to go into a path and a question about permission.
[[nodiscard]] bool is_plain_name(std::string_view text);
[[nodiscard]] bool is_our_metric(std::string_view metric);

// "a=b,c==d" into a map. invalid: any other form, or a key twice.
[[nodiscard]] Result<std::map<std::string, std::string>> equal_labels(std::string_view selector);

// not_found: we have no such metric. invalid: the selector; it says what may stand there.
[[nodiscard]] Result<MetricRequest> metric_request(std::string_view name_space, std::string_view metric,
                                                   std::string_view selector, ServiceNames names);

struct NamedValue {
  std::string service;  // as it is called here
  ScaleMetricValue value;
};
[[nodiscard]] Result<NamedValue> answer_of(const MetricRequest& request, const FleetView& view);

}  // namespace tidegate
