#include "serve/runtime/steering_store.h"

namespace tidegate {

Result<void> JournalSteering::load() {
  auto kept = journal_.steering();
  if (!kept) return std::unexpected(kept.error());
  const std::lock_guard lock(mutex_);
  steering_ = std::move(*kept);
  return {};
}

SteeringByService JournalSteering::all() const {
  const std::lock_guard lock(mutex_);
  return steering_;
}

Result<void> JournalSteering::set(const std::string& service, const Steering& steering) {
  if (auto written = journal_.steer(service, steering); !written) return written;
  const std::lock_guard lock(mutex_);
  steering_[service] = steering;
  return {};
}

}  // namespace tidegate
