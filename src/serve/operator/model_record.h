// A ScaledModel as the operator keeps it: what was read of its spec, and its status as it stands in the cluster.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/time.h"
#include "edge/kubernetes/json_fields.h"
#include "edge/kubernetes/resource.h"
#include "serve/config/configuration.h"
#include "serve/journal/journal.h"
#include "serve/operator/model_status.h"
#include "serve/resource/scaled_model.h"

namespace tidegate {

inline const ResourceType scaled_models{.group = std::string{resource_group},
                                        .version = std::string{resource_version},
                                        .plural = "scaledmodels",
                                        .kind = std::string{resource_kind}};

// A spec that was read: the service, or why it is none.
struct ReadSpec {
  std::optional<ServiceSpec> service;  // named "chat.prod"
  std::string refusal;                 // the problems, with what to do
};

struct ModelRecord {
  ObjectKey key;
  std::string uid;
  std::int64_t generation = 0;
  Instant created{};
  std::shared_ptr<const ReadSpec> spec;
  Steering steering;             // what its annotations say (serve/operator/model_steering.h)
  std::string steering_problem;  // an annotation that cannot be read
  ModelStatus status;
};

// The name of a model's service: "chat.prod". A namespace has no dot in its name, so no two models share one.
[[nodiscard]] std::string service_name(const ObjectKey& key);
// The model of such a service; none: it is no such name.
[[nodiscard]] std::optional<ObjectKey> model_of_service(const std::string& service);

// Reads objects from the API server. Specs that did not change (uid and generation) are read once. Used by one thread.
class ModelReader {
 public:
  explicit ModelReader(Resolvers resolvers) : resolvers_(std::move(resolvers)) {}
  [[nodiscard]] std::optional<ModelRecord> read(JsonView object);

 private:
  struct Known {
    std::string uid;
    std::int64_t generation = 0;
    std::shared_ptr<const ReadSpec> spec;
  };

  Resolvers resolvers_;
  std::map<ObjectKey, Known> known_;
};

// The spec of one object, as text of the API server's.
[[nodiscard]] ReadSpec read_spec_of(const std::string& object, const ObjectKey& key, const Resolvers& resolvers);

}  // namespace tidegate
