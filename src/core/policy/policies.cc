#include "core/policy/policies.h"

#include "core/policy/peers/fixed.h"
#include "core/policy/schedule.h"

namespace tidegate {
namespace {

template <class Memory>
Memory& memory_of(PolicyMemory& memory) {
  auto* found = std::get_if<Memory>(&memory);
  return found != nullptr ? *found : memory.emplace<Memory>();
}

// The memory that stands where the policy stands in PolicySpec.
template <class Policy, std::size_t I = 0>
constexpr std::size_t place_of() {
  if constexpr (std::is_same_v<Policy, std::variant_alternative_t<I, PolicySpec>>)
    return I;
  else
    return place_of<Policy, I + 1>();
}
template <class Policy>
using MemoryOf = std::variant_alternative_t<place_of<Policy>(), PolicyMemory>;

struct Dispatch {
  PolicyMemory& memory;
  const PolicyInput& input;
  Proposal operator()(const SloPolicy& slo) const {
    auto proposal = tidegate::propose(slo, memory_of<SloMemory>(memory), input);
    proposal.has_evidence = input.demand.has_evidence;
    proposal.quality = input.demand.quality;
    return proposal;
  }
  Proposal operator()(const SchedulePolicy& schedule) const {
    memory_of<ScheduleMemory>(memory);
    return propose(schedule, input);
  }
  template <class Policy>
  Proposal operator()(const Policy& other) const {
    return propose(other, memory_of<MemoryOf<Policy>>(memory), input);
  }
  Proposal operator()(const StaticPolicy& fixed) const {
    memory_of<StaticMemory>(memory);
    return propose(fixed, input);
  }
};

}  // namespace

Proposal propose(const PolicySpec& policy, PolicyMemory& memory, const PolicyInput& input) {
  return std::visit(Dispatch{memory, input}, policy);
}

}  // namespace tidegate
