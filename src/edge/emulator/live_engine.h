// The batching engine in real time: one step after the other, each ending when the model says, on the thread of an
// event loop. A kernel timer (not the loop's coarse wheel) ends the steps; idle there is none. When the loop comes
// late the steps catch up, up to a quarter of a second; the tokens of all steps due are handed over in one pass.
#pragma once

#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "edge/net/event_loop.h"
#include "lab/sim/engine.h"

namespace tidegate {

class EngineListener {
 public:
  virtual ~EngineListener() = default;
  virtual void on_step_begins(Instant at) = 0;
  virtual void on_begun(EngineRequestId id, Instant at) = 0;
  virtual void on_token(const EngineEvent& token, Instant at) = 0;
  virtual void on_step_ended() = 0;
  virtual void on_pass_ended() = 0;  // everything due has been handed over
};

class LiveEngine final : public EventHandler {
 public:
  LiveEngine(EventLoop& loop, EngineProfile profile, EngineListener& listener);
  ~LiveEngine() override;

  [[nodiscard]] Result<void> open();
  [[nodiscard]] EngineAnswer add(const EngineRequest& request);
  void cancel(EngineRequestId id) { engine_.cancel(id); }
  // Steps that begin from now on take that many times as long.
  void set_slowness(double factor) { slowness_ = factor; }
  // Nothing goes on until it is lifted.
  void set_hung(bool hung);

  [[nodiscard]] EngineLoad load() const { return engine_.load(); }
  [[nodiscard]] const EngineProfile& profile() const { return engine_.profile(); }

  void on_events(std::uint32_t events) override;

 private:
  void begin_step(Instant at);
  void end_step();

  EventLoop& loop_;
  EngineListener& listener_;
  Engine engine_;
  int timer_ = -1;
  bool stepping_ = false;
  bool hung_ = false;
  double slowness_ = 1;
  Instant due_{};
  std::vector<EngineEvent> step_;  // what the step under way yields
};

}  // namespace tidegate
