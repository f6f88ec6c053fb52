// What a scenario is played against: something that answers observations with decisions and remembers between
// them. The product's is core_decider() (the one pure function); the runner's own tests bring worse ones.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/base/error.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"

namespace tidegate {

class Decider {
 public:
  virtual ~Decider() = default;
  [[nodiscard]] virtual Decision decide(const ServiceSpec& spec, const Observation& seen) = 0;
  // All that is remembered, and back: what a restart of the controller goes through.
  [[nodiscard]] virtual std::vector<std::byte> save() const = 0;
  [[nodiscard]] virtual Result<void> load(std::span<const std::byte> bytes) = 0;
};

using MakeDecider = std::function<std::unique_ptr<Decider>()>;

}  // namespace tidegate
