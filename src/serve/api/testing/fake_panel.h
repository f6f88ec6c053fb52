// A control panel without a runtime, for tests of the API and the dashboard: four services whose load moves up and
// down, replicas that take their time to load and to drain, and a decision whenever the size changes. It is a picture
// of a fleet and decides nothing well; the same seed of time gives the same picture.
//
//   chat     two priced pools, derived arrivals, a peer beside us
//   code     shadow, on a Prometheus that has stopped answering
//   draft    paused by an operator, an override besides
//   embed    idle, at zero
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "serve/runtime/control_panel.h"

namespace tidegate {

class FakePanel : public ControlPanel {
 public:
  FakePanel();

  // One tick. Times go up.
  void advance(Instant now);

  [[nodiscard]] std::shared_ptr<const FleetView> view() const override;
  [[nodiscard]] RuntimeHealth health() const override;
  [[nodiscard]] std::shared_ptr<const FleetSpec> spec() const override { return spec_; }
  [[nodiscard]] Result<void> set_override(const std::string& service, std::optional<Override> manual) override;
  [[nodiscard]] Result<void> set_pause(const std::string& service, std::optional<Pause> pause) override;
  [[nodiscard]] Result<void> restart(const std::string& service) override;
  [[nodiscard]] Result<void> reload() override;
  [[nodiscard]] Result<WhatIf> what_if(const std::string& service, Replicas wanted) const override;
  [[nodiscard]] Result<Series> series(const std::string& service, Duration window) const override;
  [[nodiscard]] Result<std::vector<JournalDecision>> decisions(const std::string& service, Instant from, Instant to,
                                                               std::size_t limit) const override;
  [[nodiscard]] Result<JournalDecision> decision(std::int64_t id) const override;
  [[nodiscard]] Result<std::vector<JournalEvent>> events(const std::string& service, Instant from, Instant to,
                                                         std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<std::string>> log_tail(const std::string& replica, std::size_t lines) const override;
  void on_event(std::function<void(const FleetEvent&)> listener) override { listeners_.push_back(std::move(listener)); }

  [[nodiscard]] std::vector<std::string> restarted() const;

 private:
  struct Service {
    std::shared_ptr<const ServiceSpec> spec;
    std::vector<Replica> replicas;
    std::deque<std::pair<Instant, double>> needs;  // for the ceiling
    Steering steering;
    double queued = 0;
    int made = 0;
  };
  struct Row {
    double t;
    std::vector<double> values;  // in the order of the columns
  };

  [[nodiscard]] ServiceView look(Service& service, Instant now);
  void move_replicas(Service& service, Instant now);
  void resize(Service& service, Instant now, int wanted);
  void remember(const ServiceView& view, bool changed);

  mutable std::mutex mutex_;
  std::shared_ptr<const FleetSpec> spec_;
  std::vector<Service> services_;
  std::shared_ptr<const FleetView> view_;
  std::vector<JournalDecision> decisions_;  // oldest first
  std::vector<JournalEvent> events_;
  std::map<std::string, std::deque<Row>> rows_;
  std::vector<std::string> restarted_;
  std::vector<std::function<void(const FleetEvent&)>> listeners_;
  std::uint64_t tick_ = 0;
};

}  // namespace tidegate
