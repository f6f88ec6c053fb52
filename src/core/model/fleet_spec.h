// Everything one configuration file says: services, the machine, the doors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/service_spec.h"

namespace tidegate {

struct GpuSpec {
  std::int32_t index = 0;
  std::optional<Bytes> memory;  // when NVML cannot tell
  friend bool operator==(const GpuSpec&, const GpuSpec&) = default;
};

struct MachineSpec {
  std::optional<std::vector<GpuSpec>> gpus;  // none: all that NVML lists
  std::int32_t port_first = 20000;           // replicas get ports from here
  std::int32_t port_last = 29999;
  std::string state_directory;  // empty: $XDG_STATE_HOME/tidegate
  friend bool operator==(const MachineSpec&, const MachineSpec&) = default;
};

struct GatewaySpec {
  std::string listen = "127.0.0.1:8080";
  std::string link;  // Unix socket of a gateway apart; empty: in this process
  std::int32_t connections_max = 10'000;
  Duration idle_timeout = 75s;
  Duration header_timeout = 10s;
  Bytes body_max{64LL << 20};
  bool trust_forwarded = false;
  friend bool operator==(const GatewaySpec&, const GatewaySpec&) = default;
};

struct ApiSpec {
  std::string listen = "127.0.0.1:7070";
  bool insecure = false;  // needed to listen beyond loopback without a token
  std::optional<Value> token;
  friend bool operator==(const ApiSpec&, const ApiSpec&) = default;
};

// Files in PEM.
struct KedaTlsSpec {
  std::string certificate;
  std::string key;
  std::string client_authorities;  // clients must show a certificate of these; empty: they need none
  friend bool operator==(const KedaTlsSpec&, const KedaTlsSpec&) = default;
};

// The external scaler that KEDA asks.
struct KedaSpec {
  std::string listen = "0.0.0.0:6000";
  std::optional<KedaTlsSpec> tls;
  friend bool operator==(const KedaSpec&, const KedaSpec&) = default;
};

struct CertificateSpec {
  std::string certificate;
  std::string key;
  friend bool operator==(const CertificateSpec&, const CertificateSpec&) = default;
};

// Where metrics are that are not ours.
struct MetricsFallbackSpec {
  std::string url;
  std::string authorities;  // a file in PEM; empty: the system's
  friend bool operator==(const MetricsFallbackSpec&, const MetricsFallbackSpec&) = default;
};

// The API that an HPA reads external metrics from. The cluster says who may.
struct ExternalMetricsSpec {
  std::string listen = "0.0.0.0:6443";
  std::optional<CertificateSpec> tls;  // none: it signs one itself
  std::optional<MetricsFallbackSpec> fallback;
  friend bool operator==(const ExternalMetricsSpec&, const ExternalMetricsSpec&) = default;
};

struct ControlSpec {
  Duration tick = 1s;                              // 100 ms or more
  Duration history = std::chrono::hours{24 * 14};  // journal retention
  friend bool operator==(const ControlSpec&, const ControlSpec&) = default;
};

struct BudgetSpec {
  std::optional<MicroUsdPerHour> price_max;  // shared by all services
  std::optional<std::int32_t> gpus_max;
  friend bool operator==(const BudgetSpec&, const BudgetSpec&) = default;
};

// How the cluster of Kubernetes targets is reached. Both empty: $KUBECONFIG or ~/.kube/config where there is one, else
// as the pod we run in.
struct KubernetesSpec {
  std::string kubeconfig;  // path
  std::string context;
  friend bool operator==(const KubernetesSpec&, const KubernetesSpec&) = default;
};

struct FleetSpec {
  std::vector<ServiceSpec> services;
  MachineSpec machine;
  GatewaySpec gateway;
  ApiSpec api;
  std::optional<KedaSpec> keda;                         // none: not served
  std::optional<ExternalMetricsSpec> external_metrics;  // none: not served
  ControlSpec control;
  BudgetSpec budget;
  KubernetesSpec kubernetes;
  friend bool operator==(const FleetSpec&, const FleetSpec&) = default;
};

}  // namespace tidegate
