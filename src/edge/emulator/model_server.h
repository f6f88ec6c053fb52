// An OpenAI-compatible model server that generates nothing: an HTTP face on lab/sim/engine in real time.
//
//   POST /v1/completions, /v1/chat/completions · GET /v1/models, /health, /metrics, /version
//
// Its life: starting -> loading (weights) -> warming up -> ready -> draining -> ended. Until ready, /health and
// requests are answered 503. Draining, running requests finish and new ones are answered 503; it ends with the last
// one. Start-up takes `startup` in all: a tenth until the weights are read, which takes as long as it takes for a real
// file or half of it otherwise, the rest warming up; a file that takes longer makes the whole longer. One thread:
// run(). drain(), stop() and the counts may be called from others.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/prng.h"
#include "edge/emulator/fault.h"
#include "edge/emulator/generation_reply.h"
#include "edge/emulator/generation_request.h"
#include "edge/emulator/live_engine.h"
#include "edge/emulator/prefix_cache.h"
#include "edge/emulator/server_connection.h"
#include "edge/emulator/server_metrics.h"
#include "edge/net/event_loop.h"
#include "edge/net/listener.h"
#include "edge/ports/clock.h"

namespace tidegate {

enum class ServerPhase : std::uint8_t { starting, loading, warming_up, ready, draining };
template <>
inline constexpr auto enum_texts<ServerPhase> = std::to_array<EnumText<ServerPhase>>({
    {ServerPhase::starting, "starting"},
    {ServerPhase::loading, "loading"},
    {ServerPhase::warming_up, "warming_up"},
    {ServerPhase::ready, "ready"},
    {ServerPhase::draining, "draining"},
});

struct ModelServerOptions {
  EngineProfile engine;
  std::vector<std::string> models;  // names served; the first one labels the metrics
  bool any_model = false;           // requests may name others
  std::string listen = "127.0.0.1:0";
  Duration startup{};
  std::string weights;  // a file to read; empty: none
  std::vector<ServerFault> faults;
  bool prefix_cache = false;  // prompts skip what an earlier one began with
  std::int32_t connections_max = 20'000;
  std::uint64_t seed = 1;  // of the lengths of answers nobody asked a length for
};

// Called on the server's thread.
struct ModelServerEvents {
  std::function<void(ServerPhase, std::string_view note)> phase;
  // The crash fault, and weights that cannot be read: must end the process. Left out, the server stops at once.
  std::function<void()> crash;
  std::function<void(const Error&)> failed;
};

class ModelServer final : private EngineListener, private EventHandler {
 public:
  ModelServer(ModelServerOptions options, const Clock& clock, ModelServerEvents events = {});
  ~ModelServer() override;

  // Opens the port; run() serves until drained or stopped.
  [[nodiscard]] Result<void> start();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void run();
  void drain();
  // Ends now, with whatever is under way.
  void stop();
  // Requests that a stop cut off.
  [[nodiscard]] std::size_t cut() const { return cut_.load(); }

  // For its connections.
  void serve(ServerConnection& connection, std::string body, const ServerCall& call);
  void connection_closed(ServerConnection& connection);
  void connection_flushed() { end_if_drained(); }
  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] HeadParser& head_parser() { return head_parser_; }

 private:
  class Door;  // the listening socket's handler

  // A request in the engine. Its id there holds the slot and the slot's use, so that an id is never met again.
  struct Generation {
    ServerConnection* connection = nullptr;
    std::unique_ptr<GenerationReply> reply;
    GenerationRecord record;
    std::uint32_t use = 0;
  };

  void on_events(std::uint32_t) override {}
  void on_timer() override;
  void on_step_begins(Instant at) override;
  void on_begun(EngineRequestId id, Instant at) override;
  void on_token(const EngineEvent& token, Instant at) override;
  void on_step_ended() override;
  void on_pass_ended() override;

  void accept();
  void enter(ServerPhase phase, std::string_view note = {});
  void advance_startup(Instant now);
  void read_weights();
  void apply_faults();
  void arm_timer();
  void end_if_drained();
  [[nodiscard]] bool is_up() const { return phase_ == ServerPhase::ready || phase_ == ServerPhase::draining; }
  [[nodiscard]] Duration age() const { return loop_.now() - started_; }

  void answer_health(ServerConnection& connection);
  void answer_models(ServerConnection& connection);
  void answer_metrics(ServerConnection& connection);
  void generate(ServerConnection& connection, GenerationKind kind, const std::string& body, const ServerCall& call);
  [[nodiscard]] bool serves(std::string_view model) const;
  [[nodiscard]] std::int32_t cached_tokens(const GenerationRequest& request);
  [[nodiscard]] std::string metrics_page(bool is_nan) const;
  [[nodiscard]] Generation* find(EngineRequestId id);
  EngineRequestId open_generation(ServerConnection& connection, const GenerationRequest& request);
  void close_generation(EngineRequestId id, FinishReason reason);

  ModelServerOptions options_;
  ModelServerEvents events_;
  EventLoop loop_;
  LiveEngine engine_;
  FaultSchedule faults_;
  PrefixCache prefixes_;
  ServerMetrics metrics_;
  GenerationParser parser_;
  HeadParser head_parser_;
  Listener listener_;
  std::unique_ptr<Door> door_;
  Timer timer_;
  Prng random_;
  std::uint16_t port_ = 0;
  Instant started_{};
  ServerPhase phase_ = ServerPhase::starting;
  bool weights_read_ = false;
  Instant weights_read_at_{};
  bool is_crashed_ = false;
  std::thread weights_thread_;
  std::atomic<bool> weights_stop_{false};
  std::vector<std::unique_ptr<ServerConnection>> connections_;
  std::vector<ServerConnection*> to_flush_;
  std::vector<Generation> generations_;
  std::vector<std::uint32_t> unused_;
  std::size_t open_ = 0;  // generations under way
  std::uint64_t requests_ = 0;
  std::string stale_page_;
  std::atomic<std::size_t> cut_{0};
};

}  // namespace tidegate
