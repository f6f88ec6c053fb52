#include "edge/kubernetes/cluster.h"

#include <condition_variable>

namespace tidegate {
namespace {
constexpr std::size_t groups_max = 500;
}

Cluster::Cluster(ClusterAccess access, const Clock& clock, ClusterOptions options)
    : clock_(clock),
      credentials_(std::move(access), clock),
      bucket_(options.requests_per_second, options.requests_burst) {}

bool Cluster::wait_for_turn(Duration wait_max, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto wait = bucket_.take(clock_.now(), wait_max);
  lock.unlock();
  return wait && sleep_unless_stopped(*wait, stop);
}

std::optional<std::vector<ServedType>> Cluster::known_types(const std::string& api_version, Duration age_max) const {
  const std::lock_guard lock(mutex_);
  const auto found = learned_.find(api_version);
  if (found == learned_.end() || clock_.now() - found->second.at > age_max) return std::nullopt;
  return found->second.types;
}

void Cluster::learn_types(const std::string& api_version, std::vector<ServedType> types) {
  const std::lock_guard lock(mutex_);
  if (learned_.size() >= groups_max) learned_.clear();
  learned_[api_version] = {.types = std::move(types), .at = clock_.now()};
}

bool sleep_unless_stopped(Duration length, const std::stop_token& stop) {
  if (length <= Duration{}) return !stop.stop_requested();
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, length, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace tidegate
