// ScaledModels and ticks of them, for tests.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#include "edge/kubernetes/json_fields.h"
#include "serve/runtime/control_panel.h"

namespace tidegate {

// A tick of the service "chat.prod": so many replicas ready, so many wanted.
inline ServiceView some_view(Instant now, std::int32_t ready, std::int32_t wanted) {
  ServiceSpec spec{.name = "chat.prod"};
  spec.guardrails.replicas_max = Replicas{8};
  spec.pools = {PoolSpec{.target = KubernetesTargetSpec{.name = "chat", .name_space = "prod"}}};
  return {.spec = std::make_shared<const ServiceSpec>(spec),
          .seen = {.now = now, .service = spec.name, .pools = {{.pool = "default", .ready = ready}}},
          .decision = {.now = now,
                       .service = spec.name,
                       .verdict = wanted > ready   ? Verdict::raise
                                  : wanted < ready ? Verdict::lower
                                                   : Verdict::hold,
                       .reason = wanted > ready ? Reason::load_rise : Reason::steady,
                       .pools = {{.pool = "default", .replicas = Replicas{wanted}}},
                       .band = {.floor = WeightedReplicas{2.41}, .ceiling = WeightedReplicas{3.6}}}};
}

// As the API server hands it out. `more`: further fields of metadata, each followed by a comma.
inline std::string model_text(const std::string& name, const std::string& deployment, std::int64_t generation = 1,
                              const std::string& more = "", const std::string& spec = "") {
  return fmt::format(
      R"({{"apiVersion": "tidegate.dev/v1alpha1", "kind": "ScaledModel", "metadata": {{{} "name": "{}", )"
      R"("namespace": "prod", "uid": "uid-{}", "generation": {}, "creationTimestamp": "2026-03-01T12:00:00Z"}}, )"
      R"("spec": {{{} "slo": {{"ttft_p99": "2s"}}, "replicas": {{"min": 1, "max": 8}}, )"
      R"("target": {{"kubernetes": {{"deployment": "{}"}}}}}}}})",
      more, name, name, generation, spec, deployment);
}
inline Json model_json(const std::string& name, const std::string& deployment) {
  return Json::parse(model_text(name, deployment));
}

}  // namespace tidegate
