// The tables of the doors for other autoscalers.
#include <array>

#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;

constexpr std::array keda_settings{
    Setting{"listen", text, literal("0.0.0.0:6000"), "address and port for KEDA's operator"},
    Setting{"tls", section, otherwise("no TLS"), "the certificate to show", {.section = &keda_tls_section}}};
constexpr std::array keda_tls_settings{
    Setting{"certificate", text, required(), "file with our certificate and its chain, read again when it changes"},
    Setting{"key", text, required(), "file with its key"},
    Setting{"client_authorities", text, otherwise("clients need no certificate"),
            "file with authorities of which clients must show a certificate"}};
constexpr std::array external_metrics_settings{
    Setting{"listen", text, literal("0.0.0.0:6443"), "address and port for the API server, which must reach us there"},
    Setting{"tls",
            section,
            otherwise("a certificate signed by itself"),
            "the certificate to show",
            {.section = &certificate_section}},
    Setting{"fallback",
            section,
            otherwise("other metrics are not found"),
            "the adapter that serves the metrics of others",
            {.section = &metrics_fallback_section}}};
constexpr std::array certificate_settings{
    Setting{"certificate", text, required(), "file with our certificate and its chain, read again when it changes"},
    Setting{"key", text, required(), "file with its key"}};
constexpr std::array metrics_fallback_settings{
    Setting{"url", text, required(), "its address, such as `https://keda-operator-metrics-apiserver.keda:443`"},
    Setting{"authorities", text, otherwise("the system's"), "file with the authorities of its certificate"}};

}  // namespace

constexpr Section keda_section{"keda",        "keda", "The external scaler that KEDA follows (docs/kubernetes.md).",
                               keda_settings, {},     {}};
constexpr Section keda_tls_section{"keda tls", "keda.tls", "The scaler's TLS.", keda_tls_settings, {}, {}};
constexpr Section external_metrics_section{"external metrics",
                                           "external_metrics",
                                           "The API external.metrics.k8s.io that an HPA follows (docs/kubernetes.md).",
                                           external_metrics_settings,
                                           {},
                                           {}};
constexpr Section certificate_section{
    "certificate", "external_metrics.tls", "The certificate of an API.", certificate_settings, {}, {}};
constexpr Section metrics_fallback_section{"metrics fallback",
                                           "external_metrics.fallback",
                                           "A cluster has one place for external metrics. What is not ours is asked of "
                                           "the adapter that was there, in the caller's name.",
                                           metrics_fallback_settings,
                                           {},
                                           {}};

}  // namespace tidegate
