#include "lab/scenario/core_decider.h"

#include <utility>

#include "core/decide/decide.h"

namespace tidegate {
namespace {

class CoreDecider : public Decider {
 public:
  Decision decide(const ServiceSpec& spec, const Observation& seen) override {
    auto step = tidegate::decide(spec, std::move(state_), seen);
    state_ = std::move(step.next);
    return std::move(step.decision);
  }
  std::vector<std::byte> save() const override { return state_bytes(state_); }
  Result<void> load(std::span<const std::byte> bytes) override {
    auto state = state_from_bytes(bytes);
    if (!state) return std::unexpected(state.error());
    state_ = std::move(*state);
    return {};
  }

 private:
  ServiceState state_;
};

}  // namespace

std::unique_ptr<Decider> core_decider() { return std::make_unique<CoreDecider>(); }

}  // namespace tidegate
