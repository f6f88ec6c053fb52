#include "serve/lines/brain.h"

#include <utility>

#include "serve/lines/decision_line.h"

namespace tidegate {

Brain::Brain(FleetSpec fleet) : fleet_(std::move(fleet)), reader_(fleet_), states_(fleet_.services.size()) {}

std::string Brain::answer(std::string_view line) {
  ++lines_;
  const auto observed = reader_.read(line);
  if (!observed) return error_line(observed.error(), lines_);
  auto& state = states_[observed->service];
  auto step = decide(fleet_.services[observed->service], std::move(state), observed->seen);
  state = std::move(step.next);
  reader_.order(observed->service, step.decision);
  return decision_line(step.decision);
}

}  // namespace tidegate
