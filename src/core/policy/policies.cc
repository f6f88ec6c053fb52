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

}  // namespace

Proposal propose(const PolicySpec& policy, PolicyMemory& memory, const PolicyInput& input) {
  struct Dispatch {
    PolicyMemory& memory;
    const PolicyInput& input;
    Proposal operator()(const SloPolicy& slo) const {
      auto proposal = propose(slo, memory_of<SloMemory>(memory), input);
      proposal.has_evidence = input.demand.has_evidence;
      proposal.quality = input.demand.quality;
      return proposal;
    }
    Proposal operator()(const TargetPolicy& target) const {
      return propose(target, memory_of<TargetMemory>(memory), input);
    }
    Proposal operator()(const SchedulePolicy& schedule) const {
      memory_of<ScheduleMemory>(memory);
      return propose(schedule, input);
    }
    Proposal operator()(const HpaPolicy& hpa) const { return propose(hpa, memory_of<HpaMemory>(memory), input); }
    Proposal operator()(const StaticPolicy& fixed) const {
      memory_of<StaticMemory>(memory);
      return propose(fixed, input);
    }
  };
  return std::visit(Dispatch{memory, input}, policy);
}

}  // namespace tidegate
