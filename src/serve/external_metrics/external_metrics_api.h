// The API external.metrics.k8s.io/v1beta1 as an aggregated API server: an HPA reads the sizes and loads of services as
// external metrics. Reads only. Who may ask is for the API server to say (serve/external_metrics/gatekeeper.h); metrics
// that are not ours are another adapter's (serve/external_metrics/other_adapter.h).
//
// What is not known is an error, never a 0 and never an empty list: an HPA then keeps its size. Health is open to all;
// everything else wants a caller.
//
// Requests wait for the API server on a few threads of their own; more than a bounded number of them waiting is
// refused.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "edge/kubernetes/cluster.h"
#include "edge/net/server_tls.h"
#include "serve/external_metrics/other_adapter.h"
#include "serve/runtime/control_panel.h"
#include "serve/runtime/log.h"
#include "serve/scale_metrics/service_choice.h"

namespace tidegate {

struct ExternalMetricsOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;                      // 0: any free one
  std::optional<CertificateFiles> files = {};  // none: it signs a certificate itself
  ServiceNames names = ServiceNames::plain;
  std::optional<OtherAdapter> fallback = {};
};

class ExternalMetricsApi {
 public:
  // The cluster is asked who callers are; it should be of this API alone, as strangers can make it ask.
  ExternalMetricsApi(const ControlPanel& panel, Cluster& cluster, Log& log, ExternalMetricsOptions options);
  ~ExternalMetricsApi();
  ExternalMetricsApi(const ExternalMetricsApi&) = delete;
  ExternalMetricsApi& operator=(const ExternalMetricsApi&) = delete;

  // Listens and serves. The port it got, or why not.
  [[nodiscard]] Result<std::uint16_t> start();

 private:
  class Desk;
  const ExternalMetricsOptions options_;
  Log& log_;
  std::unique_ptr<Desk> desk_;
  std::unique_ptr<HttpServer> server_;  // goes first: its requests go to the desk
};

}  // namespace tidegate
