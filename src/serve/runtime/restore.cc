#include "serve/runtime/restore.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

// One service on its way back.
struct Returning {
  ServiceState state;
  Instant from{Duration{-1}};  // observations after this are decided again
  bool has_checkpoint = false;
};

// Decides one tick again for the services in it. The budget is shared, so they are decided together; the spec of those
// that take part changes only a few times, when another service's checkpoint is passed.
class Replay {
 public:
  Replay(const FleetSpec& spec, std::vector<Returning>& returning, const DecideFleet& decide)
      : spec_(spec), returning_(returning), decide_(decide) {
    for (std::size_t i = 0; i < spec.services.size(); ++i) index_.emplace(spec.services[i].name, i);
    part_ = spec;
    part_.services.clear();
  }

  void tick(Instant now, std::vector<Observation> observations, const ReplaySink& again) {
    std::vector<std::pair<std::size_t, Observation*>> taking_part;
    for (auto& seen : observations) {
      const auto found = index_.find(seen.service);
      if (found == index_.end()) continue;
      const auto& service = returning_[found->second];
      if (seen.now > service.from && seen.now > service.state.now) taking_part.emplace_back(found->second, &seen);
    }
    if (taking_part.empty()) return;
    std::ranges::sort(taking_part, {}, &std::pair<std::size_t, Observation*>::first);
    choose(taking_part);
    FleetState state;
    FleetObservation seen{.now = now, .services = {}};
    for (const auto& [index, observation] : taking_part) {
      state.services.push_back(std::move(returning_[index].state));
      seen.services.push_back(std::move(*observation));
    }
    FleetStep step = decide_(part_, std::move(state), seen);
    for (std::size_t i = 0; i < taking_part.size(); ++i) {
      returning_[taking_part[i].first].state = std::move(step.next.services[i]);
      again(seen.services[i], step.decisions[i]);
    }
  }

 private:
  void choose(const std::vector<std::pair<std::size_t, Observation*>>& taking_part) {
    std::vector<std::size_t> indices;
    for (const auto& [index, observation] : taking_part) indices.push_back(index);
    if (indices == chosen_) return;
    part_.services.clear();
    for (const auto index : indices) part_.services.push_back(spec_.services[index]);
    chosen_ = std::move(indices);
  }

  const FleetSpec& spec_;
  std::vector<Returning>& returning_;
  const DecideFleet& decide_;
  std::map<std::string, std::size_t, std::less<>> index_;
  FleetSpec part_;
  std::vector<std::size_t> chosen_;
};

// The state to go on from: the checkpoint's, else what was learned, else an empty one.
Returning begin(const std::string& service, const std::map<std::string, Checkpoint>& checkpoints,
                const Journal& journal, RestoredFleet& restored) {
  Returning returning;
  const auto found = checkpoints.find(service);
  if (found != checkpoints.end()) {
    restored.known.insert(service);
    auto state = state_from_bytes(found->second.state);
    if (state) {
      returning.state = std::move(*state);
      returning.from = found->second.at;
      returning.has_checkpoint = true;
      restored.checkpointed[service] = found->second.at;
      return returning;
    }
    restored.problems.push_back(
        fmt::format("the state of {} cannot be read and starts anew, without what it had "
                    "learned of its traffic: {}",
                    service, state.error().message));
  }
  const auto learned = journal.load_learned(service);
  if (!learned || learned->empty()) return returning;
  restored.known.insert(service);
  if (auto state = state_from_learned(*learned))
    returning.state = std::move(*state);
  else
    restored.problems.push_back(
        fmt::format("what was learned of {} cannot be read and is learned again: {}", service, state.error().message));
  return returning;
}

}  // namespace

RestoredFleet restore_fleet(const FleetSpec& spec, const Journal& journal, const DecideFleet& decide,
                            const Clock& clock, const ReplaySink& again, const RestoreLimits& limits) {
  RestoredFleet restored;
  const Instant begun = clock.now();
  auto checkpoints = journal.checkpoints();
  if (!checkpoints) {
    restored.problems.push_back(checkpoints.error().message);
    checkpoints = std::map<std::string, Checkpoint>{};
  }
  std::vector<Returning> returning;
  // A service without a checkpoint has at most one period of observations behind it that could matter.
  Instant from = begun;
  for (const auto& service : spec.services) {
    returning.push_back(begin(service.name, *checkpoints, journal, restored));
    auto& newest = returning.back();
    if (!newest.has_checkpoint) newest.from = begun - checkpoint_period;
    from = std::min(from, newest.from);
  }
  // Older observations than two periods only tell of a stop that long: the state is not fresh either way.
  from = std::max(from, begun - 2 * checkpoint_period);
  Replay replay(spec, returning, decide);
  bool in_time = true;
  const auto read = journal.replay(from, [&](Instant at, std::vector<Observation> observations) {
    for (const auto& seen : observations) restored.known.insert(seen.service);
    replay.tick(at, std::move(observations), again);
    ++restored.ticks;
    return in_time = clock.now() - begun < limits.time_max;
  });
  if (!read) restored.problems.push_back(read.error().message);
  if (!in_time)
    restored.problems.push_back(
        fmt::format("the journal could not be gone through again within {}; the services hold "
                    "until they know enough",
                    to_text(limits.time_max)));
  const Instant now = clock.now();
  for (std::size_t i = 0; i < spec.services.size(); ++i) {
    auto& state = returning[i].state;
    if (!state.started || now - state.now > limits.fresh_max) restored.restarted.insert(spec.services[i].name);
    restored.state.services.push_back(std::move(state));
  }
  return restored;
}

}  // namespace tidegate
