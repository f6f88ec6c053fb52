// Puts the texts of Secrets in the place of a spec's references to them. A ScaledModel names Secrets of its own
// namespace only. Texts are kept for `age_max`, so that a rotated Secret is noticed and 5,000 models with one Secret
// ask once. They are never logged and never written.
#pragma once

#include <map>
#include <string>

#include "core/model/service_spec.h"
#include "edge/kubernetes/api_client.h"

namespace tidegate {

class ModelSecrets {
 public:
  static constexpr Duration age_max = 1min;

  explicit ModelSecrets(Cluster& cluster)
      : client_(cluster, {.timeout = 5s, .deadline = 10s}), clock_(cluster.clock()) {}

  [[nodiscard]] static bool needs(const ServiceSpec& service);
  // Answers what could not be read and what to do; empty: nothing is missing. What is missing stays a reference.
  [[nodiscard]] std::string resolve(ServiceSpec& service, const std::string& space);
  // Whether any Secret was ever asked for.
  [[nodiscard]] bool are_in_use() const { return !known_.empty(); }

 private:
  struct Known {
    Instant read{};
    std::map<std::string, std::string> texts;  // by key
    std::string problem;
  };

  [[nodiscard]] const Known& read(const ObjectKey& secret);

  ApiClient client_;
  const Clock& clock_;
  std::map<ObjectKey, Known> known_;
};

}  // namespace tidegate
