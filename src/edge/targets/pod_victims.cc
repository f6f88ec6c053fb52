#include "edge/targets/pod_victims.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace tidegate {
namespace {

constexpr auto unknown_work = std::numeric_limits<std::int64_t>::max();

int readiness_rank(ReplicaState state) {
  switch (state) {
    case ReplicaState::failed:
      return 0;
    case ReplicaState::requested:
      return 1;
    case ReplicaState::starting:
      return 2;
    case ReplicaState::loading:
      return 3;
    default:
      return 4;
  }
}

// Smaller goes first.
auto going_rank(const PodCandidate& pod) {
  const std::int64_t ordinal = pod.ordinal ? -*pod.ordinal : 1;
  const auto work = pod.state == ReplicaState::ready ? pod.in_flight.value_or(unknown_work) : 0;
  return std::tuple(ordinal, readiness_rank(pod.state), !pod.is_old_revision, work, -pod.created.time_since_epoch(),
                    pod.id);
}

struct EmptyableNode {
  std::int64_t work = 0;
  std::vector<std::string> pods;
};

// Whole nodes, the idlest by pod first, as many as fit into `count`.
std::vector<std::string> whole_nodes(const std::vector<PodCandidate>& candidates, std::size_t count,
                                     const OthersByNode& others) {
  std::map<std::string, EmptyableNode> nodes;
  for (const auto& pod : candidates) {
    if (pod.node.empty() || others.contains(pod.node)) continue;
    auto& node = nodes[pod.node];
    const auto work = pod.in_flight.value_or(unknown_work);
    node.work = work > unknown_work - node.work ? unknown_work : node.work + work;
    node.pods.push_back(pod.id);
  }
  std::vector<EmptyableNode> order;
  for (auto& [name, node] : nodes) order.push_back(std::move(node));
  std::ranges::sort(order, {}, [](const EmptyableNode& node) {
    return std::tuple{node.work / static_cast<std::int64_t>(node.pods.size()), node.pods.size(), node.pods.front()};
  });
  std::vector<std::string> victims;
  for (const auto& node : order)
    if (victims.size() + node.pods.size() <= count) victims.insert(victims.end(), node.pods.begin(), node.pods.end());
  return victims;
}

}  // namespace

std::vector<std::string> choose_pod_victims(std::vector<PodCandidate> candidates, std::size_t count,
                                            const OthersByNode* others) {
  std::ranges::sort(candidates, {}, going_rank);
  std::vector<std::string> victims;
  const auto take = [&](const std::string& id) {
    if (victims.size() < count && std::ranges::find(victims, id) == victims.end()) victims.push_back(id);
  };
  const auto first_ready = std::ranges::find_if(
      candidates, [](const PodCandidate& pod) { return pod.ordinal || pod.state == ReplicaState::ready; });
  for (auto pod = candidates.begin(); pod != first_ready; ++pod) take(pod->id);
  const bool is_numbered = first_ready != candidates.end() && first_ready->ordinal;
  if (others != nullptr && !is_numbered && victims.size() < count) {
    // Those that are not Ready all go already.
    const std::vector<PodCandidate> ready(first_ready, candidates.end());
    for (const auto& id : whole_nodes(ready, count - victims.size(), *others)) take(id);
  }
  for (auto pod = first_ready; pod != candidates.end(); ++pod) take(pod->id);
  return victims;
}

}  // namespace tidegate
