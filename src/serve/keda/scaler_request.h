// What a ScaledObject asks for: the metadata of its trigger, read. Pure; knows nothing of gRPC.
//
//   service   whose numbers; default: the ScaledObject's own name
//   metric    which number (serve/scale_metrics/scale_metric.h); default: desired_replicas
//   pool      of desired_replicas: one pool only
//   target    what one replica is worth of it; default 1 for desired_replicas, floor and ceiling, else required
//
// KEDA passes its own keys of the connection along, which mean nothing here. Any other key is a mistake, and refused.
#pragma once

#include <map>
#include <string>

#include "core/base/error.h"
#include "serve/scale_metrics/scale_metric_value.h"

namespace tidegate {

struct ScaledObject {
  std::string name;
  std::string name_space;
  std::map<std::string, std::string> metadata;
};

struct ScalerRequest {
  std::string service;
  std::string name_space;
  ScaleMetricQuestion question;
  double target = 1;  // above 0
};

// `invalid` names the key, and what may stand there.
[[nodiscard]] Result<ScalerRequest> scaler_request(const ScaledObject& object);

}  // namespace tidegate
