// Where overrides and pauses are kept, so that they outlive the controller: the journal of this machine, or whatever
// several controllers share. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "core/base/error.h"
#include "serve/journal/journal.h"

namespace tidegate {

using SteeringByService = std::map<std::string, Steering>;

class SteeringStore {
 public:
  SteeringStore() = default;
  SteeringStore(const SteeringStore&) = delete;
  SteeringStore& operator=(const SteeringStore&) = delete;
  virtual ~SteeringStore() = default;

  // Of every service that is steered; returns at once.
  [[nodiscard]] virtual SteeringByService all() const = 0;
  // Durable when it returns.
  [[nodiscard]] virtual Result<void> set(const std::string& service, const Steering& steering) = 0;
};

class JournalSteering final : public SteeringStore {
 public:
  explicit JournalSteering(Journal& journal) : journal_(journal) {}

  // Reads what the journal holds. Once.
  [[nodiscard]] Result<void> load();
  [[nodiscard]] SteeringByService all() const override;
  [[nodiscard]] Result<void> set(const std::string& service, const Steering& steering) override;

 private:
  Journal& journal_;
  mutable std::mutex mutex_;
  SteeringByService steering_;
};

}  // namespace tidegate
