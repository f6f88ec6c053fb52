// Carries out one write of the Kubernetes target. Asks right before each request whether it may.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "edge/targets/kubernetes_write.h"

namespace tidegate {

struct DeedOptions {
  std::function<bool()> may_write;  // empty: always
  std::string field_manager = "tidegate";
};

// `type`: of the write's workload. After a conflict the scale is read again, never written again.
[[nodiscard]] ClusterAnswer carry_out(ApiClient& client, const ResourceType& type, const ClusterWrite& write,
                                      const DeedOptions& options, const std::stop_token& stop);

}  // namespace tidegate
