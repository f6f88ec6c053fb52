// Which ScaledModels become services of the fleet, and why the others do not. Pure.
//
//   a spec that is refused        the last valid one of the same object goes on, if we saw one; nothing is lost by a
//   typo two models, one workload      the older one has it (then the first by name); the other is refused and says
//   whose it is a model that is gone          its service goes; what it scaled stays as it is
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/model/service_spec.h"
#include "serve/operator/model_record.h"

namespace tidegate {

struct RosterEntry {
  std::shared_ptr<const ServiceSpec> service;  // none: nothing is decided for it
  std::string refusal;                         // why the newest generation is not carried out
  std::string refusal_reason;                  // one word
};

class ModelRoster {
 public:
  // Completes a service of a model from elsewhere (its Secrets); answers what is missing, else nothing.
  using Complete = std::function<std::string(ServiceSpec& service, const ObjectKey& model)>;

  // All models there are, by key. `complete` is called for those that `needs` it.
  void take(const std::vector<std::shared_ptr<const ModelRecord>>& models,
            const std::function<bool(const ServiceSpec&)>& needs = {}, const Complete& complete = {});

  [[nodiscard]] const std::map<ObjectKey, RosterEntry>& entries() const { return entries_; }
  [[nodiscard]] std::vector<ServiceSpec> services() const;

 private:
  struct LastValid {
    std::string uid;
    std::int64_t generation = 0;
    std::shared_ptr<const ServiceSpec> service;
  };

  [[nodiscard]] RosterEntry entry_of(const ModelRecord& model);
  void share_out_workloads(const std::vector<std::shared_ptr<const ModelRecord>>& models);

  std::map<ObjectKey, LastValid> valid_;
  std::map<ObjectKey, RosterEntry> entries_;
};

}  // namespace tidegate
