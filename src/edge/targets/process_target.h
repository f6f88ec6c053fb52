// The process target: replicas are processes on this machine. Orders are taken at once; one background thread starts,
// probes, watches, drains and stops, as edge/targets/process_plan.h decides.
//
// Replicas outlive the controller: nothing ties them to it, and a record per replica in the state directory lets the
// next controller adopt them as they are (edge/targets/replica_record.h). Closing a ProcessTarget leaves them running;
// `stop_all` is for those who want none to stay.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/model/fleet_spec.h"
#include "edge/machine/state_directory.h"
#include "edge/ports/clock.h"
#include "edge/ports/target.h"

namespace tidegate {

class ProcessTarget final : public Target {
 public:
  // Adopts what an earlier controller left, and starts the background thread. `clock` and `state` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<ProcessTarget>> open(const StateDirectory& state,
                                                                   const MachineSpec& machine, const Clock& clock);
  ~ProcessTarget() override;

  void configure(const std::vector<ServiceSpec>& services) override;
  void order(const std::string& service, const std::vector<Order>& pools) override;
  void in_flight(const std::map<std::string, std::int64_t>& by_replica) override;
  [[nodiscard]] Result<void> restart(const std::string& service) override;
  [[nodiscard]] TargetView look() override;

  // The last lines a replica wrote, also after it is gone as long as its log is kept. Thread-safe.
  [[nodiscard]] Result<std::vector<std::string>> log_tail(const std::string& replica, std::size_t lines) const;

  // Drains and stops every replica; true when none is left at the deadline.
  [[nodiscard]] bool stop_all(Duration within);

 private:
  class Loop;
  explicit ProcessTarget(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace tidegate
