#include "serve/external_metrics/metric_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/external_metrics/metric_documents.h"

namespace tidegate {
namespace {

constexpr std::size_t name_max = 253;
constexpr std::size_t selector_max = 4096;
constexpr std::string_view selector_help =
    "select one with matchLabels: scaledmodel or service, and pool if one is meant";

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

const std::string* find(const std::map<std::string, std::string>& labels, const std::string& key) {
  const auto found = labels.find(key);
  return found == labels.end() ? nullptr : &found->second;
}

}  // namespace

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= name_max && text != "." && text != ".." &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == ':' || c == '-';
         });
}

bool is_our_metric(std::string_view metric) { return metric.starts_with(metric_prefix); }

Result<std::map<std::string, std::string>> equal_labels(std::string_view selector) {
  std::map<std::string, std::string> labels;
  if (selector.size() > selector_max) return fail(ErrorKind::invalid, "the label selector is too long");
  while (!selector.empty()) {
    const auto comma = selector.find(',');
    const auto one = selector.substr(0, comma);
    selector.remove_prefix(comma == std::string_view::npos ? selector.size() : comma + 1);
    const auto equal = one.find('=');
    if (equal == std::string_view::npos || equal == 0 || one[equal - 1] == '!')
      return fail(ErrorKind::invalid, fmt::format("the label selector may only say KEY=VALUE; {}", selector_help));
    auto value = one.substr(equal + 1);
    if (value.starts_with('=')) value.remove_prefix(1);
    const auto key = trimmed(one.substr(0, equal));
    value = trimmed(value);
    if (!is_plain_name(key) || !is_plain_name(value) || !labels.emplace(key, value).second)
      return fail(ErrorKind::invalid,
                  fmt::format("the label selector has an empty, odd or repeated part; {}", selector_help));
  }
  return labels;
}

Result<MetricRequest> metric_request(std::string_view name_space, std::string_view metric, std::string_view selector,
                                     ServiceNames names) {
  const auto known =
      is_our_metric(metric) ? scale_metric(metric.substr(metric_prefix.size())) : std::optional<ScaleMetric>{};
  if (!known)
    return fail(ErrorKind::not_found,
                fmt::format("no metric of that name; after {} may stand {}", metric_prefix, scale_metric_names()));
  const auto labels = equal_labels(selector);
  if (!labels) return std::unexpected(labels.error());
  MetricRequest request{.name_space = std::string{name_space}, .names = names, .question = {.metric = *known}};
  for (const auto& [key, value] : *labels)
    if (key != "scaledmodel" && key != "service" && key != "pool")
      return fail(ErrorKind::invalid, fmt::format("the label `{}` is not known; {}", key, selector_help));
  const auto *model = find(*labels, "scaledmodel"), *service = find(*labels, "service");
  if ((model == nullptr) == (service == nullptr))
    return fail(ErrorKind::invalid, fmt::format("which service is not said; {}", selector_help));
  if (model) request.names = ServiceNames::namespaced;
  request.service = model ? *model : *service;
  if (const auto* pool = find(*labels, "pool")) request.question.pool = *pool;
  return request;
}

Result<NamedValue> answer_of(const MetricRequest& request, const FleetView& view) {
  ServiceChoice choice(request.service, request.name_space, request.names);
  const auto* service = choice.find(view);
  if (!service) return fail(ErrorKind::not_found, choice.missing());
  const auto value = scale_metric_value(*service, request.question);
  if (!value) return std::unexpected(value.error());
  return NamedValue{service->spec->name, *value};
}

}  // namespace tidegate
