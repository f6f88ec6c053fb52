// One target of a fleet whose pools have targets of several kinds: gives each pool to the target of its kind, and puts
// together what they see. A service may have pools of more than one kind. A kind is opened when a pool first needs it;
// where that fails, the services concerned are unseen and it is tried again with every reload.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "edge/ports/clock.h"
#include "edge/ports/target.h"

namespace tidegate {

struct TargetKind {
  std::string_view name;  // for messages: "Kubernetes"
  std::function<bool(const TargetSpec& spec)> takes;
  // The one target of this kind, which outlives the router; the same at every call. Called from configure() alone.
  std::function<Result<Target*>()> open;
};

class TargetRouter final : public Target {
 public:
  TargetRouter(std::vector<TargetKind> kinds, const Clock& clock);

  void configure(const std::vector<ServiceSpec>& services) override;
  void order(const std::string& service, const std::vector<Order>& pools) override;
  void in_flight(const std::map<std::string, std::int64_t>& by_replica) override;
  void resume(const std::string& service) override;
  [[nodiscard]] Result<void> restart(const std::string& service) override;
  [[nodiscard]] TargetView look() override;

 private:
  struct Branch {
    TargetKind kind;
    Target* target = nullptr;                                    // none: not opened
    std::string problem = {};                                    // why it could not be
    std::map<std::string, std::vector<std::string>> pools = {};  // by service
  };
  [[nodiscard]] std::vector<Target*> targets_of(const std::string& service) const;
  static void give(Branch& branch, const std::vector<ServiceSpec>& services);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Branch> branches_;
  std::vector<TargetEvent> events_;  // of its own
};

}  // namespace tidegate
