#include "serve/keda/scaler_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace tidegate {
namespace {

constexpr std::array own_keys{"service", "metric", "pool", "target"};
constexpr std::array connection_keys{"scalerAddress", "enableTLS",     "unsafeSsl",   "caCert",
                                     "tlsCertFile",   "tlsClientCert", "tlsClientKey"};
constexpr std::size_t value_shown = 80;

const std::string* find(const ScaledObject& object, std::string_view key) {
  const auto found = object.metadata.find(std::string{key});
  return found == object.metadata.end() ? nullptr : &found->second;
}

// A foreign text in a message: bounded, and without what a terminal would obey.
std::string shown(std::string_view text) {
  std::string kept{text.substr(0, value_shown)};
  std::ranges::replace_if(kept, [](char c) { return c < ' ' || c > '~'; }, '?');
  return kept;
}

bool needs_target(ScaleMetricKind kind) {
  return kind != ScaleMetricKind::desired_replicas && kind != ScaleMetricKind::floor &&
         kind != ScaleMetricKind::ceiling;
}

Result<double> read_target(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value <= 0)
    return fail(
        ErrorKind::invalid,
        fmt::format("metadata `target` wants a number above 0, such as \"8\" or \"0.5\", not '{}'", shown(text)));
  return value;
}

Result<void> refuse_unknown(const ScaledObject& object) {
  for (const auto& [key, value] : object.metadata) {
    if (std::ranges::find(own_keys, key) != own_keys.end()) continue;
    if (std::ranges::find(connection_keys, key) != connection_keys.end()) continue;
    return fail(ErrorKind::invalid,
                fmt::format("metadata `{}` is not known; known are service, metric, pool and target", shown(key)));
  }
  return {};
}

}  // namespace

Result<ScalerRequest> scaler_request(const ScaledObject& object) {
  if (auto known = refuse_unknown(object); !known) return std::unexpected(known.error());
  ScalerRequest request{.service = object.name, .name_space = object.name_space};
  if (const auto* service = find(object, "service")) request.service = *service;
  if (request.service.empty())
    return fail(ErrorKind::invalid, "metadata `service` is empty, and the ScaledObject has no name");
  if (const auto* name = find(object, "metric")) {
    const auto metric = scale_metric(*name);
    if (!metric)
      return fail(ErrorKind::invalid,
                  fmt::format("metadata `metric` knows no '{}'; known are {}", shown(*name), scale_metric_names()));
    request.question.metric = *metric;
  }
  const auto kind = request.question.metric.kind;
  if (const auto* pool = find(object, "pool")) {
    if (kind != ScaleMetricKind::desired_replicas)
      return fail(ErrorKind::invalid, "metadata `pool` goes with desired_replicas only");
    request.question.pool = *pool;
  }
  const auto* target = find(object, "target");
  if (!target && needs_target(kind))
    return fail(ErrorKind::invalid, fmt::format("metadata `target` is missing: how much {} one replica is worth",
                                                request.question.metric.name()));
  if (target) {
    const auto value = read_target(*target);
    if (!value) return std::unexpected(value.error());
    request.target = *value;
  }
  return request;
}

}  // namespace tidegate
