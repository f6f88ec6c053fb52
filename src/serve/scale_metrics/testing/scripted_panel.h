// A control panel for tests whose views a test writes: one tick for each. What asks or steers otherwise is refused.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "serve/runtime/control_panel.h"

namespace tidegate {

// A service of one pool for which so many replicas are wanted, with nothing measured.
inline ServiceView service_view(const std::string& name, int replicas) {
  ServiceSpec spec;
  spec.name = name;
  ServiceView view{.spec = std::make_shared<const ServiceSpec>(spec)};
  view.decision.pools = {{.pool = "default", .replicas = Replicas{replicas}}};
  return view;
}

class ScriptedPanel final : public ControlPanel {
 public:
  // The next tick.
  void put(Instant now, std::vector<ServiceView> services) {
    FleetEvent event;
    {
      const std::lock_guard lock(mutex_);
      for (auto& service : services) service.seen.now = service.decision.now = now;
      view_ = std::make_shared<FleetView>(FleetView{now, view_->tick + 1, std::move(services)});
      event.view = view_;
    }
    for (const auto& listener : listeners_) listener(event);
  }

  [[nodiscard]] std::shared_ptr<const FleetView> view() const override {
    const std::lock_guard lock(mutex_);
    return view_;
  }
  [[nodiscard]] RuntimeHealth health() const override { return {}; }
  [[nodiscard]] std::shared_ptr<const FleetSpec> spec() const override { return spec_; }
  [[nodiscard]] Result<void> set_override(const std::string&, std::optional<Override>) override { return refused(); }
  [[nodiscard]] Result<void> set_pause(const std::string&, std::optional<Pause>) override { return refused(); }
  [[nodiscard]] Result<void> restart(const std::string&) override { return refused(); }
  [[nodiscard]] Result<void> reload() override { return refused(); }
  [[nodiscard]] Result<WhatIf> what_if(const std::string&, Replicas) const override { return refused(); }
  [[nodiscard]] Result<Series> series(const std::string&, Duration) const override { return refused(); }
  [[nodiscard]] Result<std::vector<JournalDecision>> decisions(const std::string&, Instant, Instant,
                                                               std::size_t) const override {
    return refused();
  }
  [[nodiscard]] Result<JournalDecision> decision(std::int64_t) const override { return refused(); }
  [[nodiscard]] Result<std::vector<JournalEvent>> events(const std::string&, Instant, Instant,
                                                         std::size_t) const override {
    return refused();
  }
  [[nodiscard]] Result<std::vector<std::string>> log_tail(const std::string&, std::size_t) const override {
    return refused();
  }
  void on_event(std::function<void(const FleetEvent&)> listener) override { listeners_.push_back(std::move(listener)); }

 private:
  static std::unexpected<Error> refused() { return fail(ErrorKind::failed, "this panel only shows"); }

  mutable std::mutex mutex_;
  std::shared_ptr<const FleetView> view_ = std::make_shared<FleetView>();
  const std::shared_ptr<const FleetSpec> spec_ = std::make_shared<FleetSpec>();
  std::vector<std::function<void(const FleetEvent&)>> listeners_;
};

}  // namespace tidegate
