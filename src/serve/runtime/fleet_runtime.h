// The running controller: the control loop on a thread of its own, and the panel through which the API and the
// commands see and steer it.
//
// A tick is due every `control.tick`. A wake (a request that nothing can take, a steering, a reload) brings one
// at once, at most ten in the time of one tick; the grid of due ticks stays. While replicas are on their way the
// gateway's table is looked after ten times a second.
//
// One thread decides; every other thread only waits for the end of a tick, or for the journal's file.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serve/runtime/control_loop.h"
#include "serve/runtime/control_panel.h"
#include "serve/runtime/reload.h"

namespace tidegate {

// What the runtime gets done by others, who know more of the world than it does.
// A fleet and the words it came from, which the journal keeps.
struct SourcedFleet {
  FleetSpec spec;
  ConfigurationText source;
};

struct RuntimeServices {
  // The configuration as it is now on the disk; empty: there is none, and reloading is refused.
  std::function<Result<SourcedFleet>()> load;
  std::function<Sources()> make_sources;  // they are told the services afterwards
  std::function<Result<std::vector<std::string>>(const std::string& replica, std::size_t lines)> log_tail;
  std::function<bool()> leads = {};   // whether this one of several writes; empty: it stands alone
  SteeringStore* steering = nullptr;  // none: overrides and pauses are kept in the journal
  DecideFleet decide = decide_fleet;
};

class FleetRuntime final : public ControlPanel {
 public:
  FleetRuntime(SourcedFleet fleet, RuntimePorts ports, RuntimeServices services);
  ~FleetRuntime() override;

  // Reads the journal and adopts what is there. Fails when the sources cannot be made or the fleet cannot be run.
  [[nodiscard]] Result<void> begin(const RestoreLimits& limits = {});
  // The first tick, so that the gateway has a table when this returns; the thread does the others.
  void start();
  void stop();  // no tick runs any more; every state is in the journal. Idempotent.
  // One tick in the calling thread, for those who bring a clock of their own.
  void tick();
  void wake();
  // Replicas that were there before us, as begin() found them.
  [[nodiscard]] std::size_t adopted() const { return adopted_; }
  // After stop(): tells the gateway that nothing new may go to any replica.
  void close_routes();

  [[nodiscard]] std::shared_ptr<const FleetView> view() const override;
  [[nodiscard]] RuntimeHealth health() const override;
  [[nodiscard]] std::shared_ptr<const FleetSpec> spec() const override;
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
  void on_event(std::function<void(const FleetEvent&)> listener) override;

 private:
  enum class Next : std::uint8_t { tick, routes, end };
  void run();
  [[nodiscard]] Next wait(Instant due);
  void watch_journal();
  void watch_link(bool connected);
  [[nodiscard]] Result<void> refuse(Error error);
  [[nodiscard]] Result<void> steer(const std::string& service, const std::function<void(Steering&)>& change);
  [[nodiscard]] Result<void> known(const std::string& service) const;

  RuntimePorts ports_;
  RuntimeServices services_;
  JournalSteering journal_steering_;
  SteeringStore& steering_;
  std::vector<std::function<void(const FleetEvent&)>> listeners_;

  mutable std::mutex loop_mutex_;  // held during a tick
  ControlLoop loop_;
  SourcedFleet first_;  // until begin()

  std::mutex reload_mutex_, steer_mutex_;  // one of each at a time

  // What may ring after we are gone: a gateway's link calls from its own thread.
  struct Bell {
    std::mutex mutex;
    std::condition_variable rung;
    bool woken = false;
    bool stopping = false;
    void ring();
  };
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const FleetView> view_;
  std::shared_ptr<const FleetSpec> spec_;
  RuntimeHealth health_;

  std::size_t adopted_ = 0;
  Instant ticked_{};  // of the control thread
  bool journal_well_ = true;
  std::optional<bool> link_connected_;
  std::thread thread_;
};

}  // namespace tidegate
