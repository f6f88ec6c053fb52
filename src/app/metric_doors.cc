#include "app/metric_doors.h"

#include <fmt/format.h>

#include <optional>

#include "edge/kubernetes/kubeconfig.h"
#include "serve/config/listen_address.h"

namespace tidegate {
namespace {

// Of an interface, as servers want it.
Result<ListenAddress> interface_of(const std::string& listen, std::string_view setting) {
  auto address = listen_address(listen);
  if (!address) return fail(ErrorKind::invalid, fmt::format("{} is no address: {}", setting, listen));
  if (address->host == "localhost") address->host = "127.0.0.1";
  if (address->host.empty()) address->host = "0.0.0.0";
  return *address;
}

std::string url_of(std::string_view scheme, const std::string& host, std::uint16_t port) {
  return fmt::format("{}://{}:{}", scheme, host.contains(':') ? "[" + host + "]" : host, port);
}

}  // namespace

Result<void> MetricDoors::open(const FleetSpec& spec, const std::optional<ClusterAccess>& access) {
  if (spec.keda)
    if (auto opened = open_keda(*spec.keda); !opened) return opened;
  if (!spec.external_metrics) return {};
  if (access) return open_external_metrics(*spec.external_metrics, *access);
  const auto given = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional{text}; };
  auto found = cluster_access(given(spec.kubernetes.kubeconfig), given(spec.kubernetes.context));
  if (!found)
    return fail(found.error().kind,
                fmt::format("external_metrics needs the cluster that says who callers are: {}", found.error().message));
  for (const auto& warning : found->warnings())
    log_.write({.level = LogLevel::warning, .event = "external_metrics", .message = warning});
  return open_external_metrics(*spec.external_metrics, std::move(*found));
}

Result<void> MetricDoors::open_keda(const KedaSpec& spec) {
  const auto address = interface_of(spec.listen, "keda.listen");
  if (!address) return std::unexpected(address.error());
  KedaScalerOptions options{.address = address->host, .port = address->port, .names = names_};
  if (spec.tls) options.tls = KedaTls{spec.tls->certificate, spec.tls->key, spec.tls->client_authorities};
  keda_ = std::make_unique<KedaScaler>(panel_, clock_, std::move(options));
  const auto port = keda_->start();
  if (!port) return fail(port.error().kind, fmt::format("{}; keda.listen says where", port.error().message));
  lines_.push_back("keda     " + url_of(spec.tls ? "grpcs" : "grpc", address->host, *port));
  return {};
}

Result<void> MetricDoors::open_external_metrics(const ExternalMetricsSpec& spec, ClusterAccess access) {
  const auto address = interface_of(spec.listen, "external_metrics.listen");
  if (!address) return std::unexpected(address.error());
  cluster_ = std::make_unique<Cluster>(std::move(access), clock_);
  ExternalMetricsOptions options{.address = address->host, .port = address->port, .names = names_};
  if (spec.tls) options.files = CertificateFiles{spec.tls->certificate, spec.tls->key};
  if (spec.fallback) options.fallback = OtherAdapter{spec.fallback->url, spec.fallback->authorities};
  external_metrics_ = std::make_unique<ExternalMetricsApi>(panel_, *cluster_, log_, std::move(options));
  const auto port = external_metrics_->start();
  if (!port)
    return fail(port.error().kind, fmt::format("{}; external_metrics.listen says where", port.error().message));
  lines_.push_back("metrics  " + url_of("https", address->host, *port));
  return {};
}

}  // namespace tidegate
