// Asks the running controller, and reads its answers into plain structs: what commands show. The raw answer goes along
// for `-o json`. A controller that does not answer is an error of kind unreachable that says how to start one.
//
// Where: --server (or TIDEGATE_SERVER), else the `api` block of --config, with its token. A token for --server comes
// from the file named by TIDEGATE_TOKEN_FILE.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "core/base/error.h"
#include "edge/net/http_client.h"

namespace tidegate {

struct PoolStatus {
  std::string name;
  int desired = 0, requested = 0, starting = 0, loading = 0, ready = 0, draining = 0, failed = 0;
};
struct ObjectiveStatus {
  std::string name;
  double bound = 0;
  std::optional<double> measured;
};
struct ReplicaStatus {
  std::string id, pool, state, endpoint, detail;
  double since = 0;
  std::vector<int> gpus;
  std::int64_t pid = 0;
};
struct SignalStatus {
  std::string name, quality;
  std::optional<double> value, age;
  int reported = 0, expected = 0;
};
struct SteeringStatus {
  std::string what;  // "paused", "floor 3"
  std::string author, comment;
  std::optional<double> expires;
};
struct ProblemStatus {
  std::string pool, reason, message;
};
struct ServiceStatus {
  std::string name, mode, verdict, reason;
  double floor = 0, ceiling = 0;
  std::optional<double> rate, queued, in_flight, attainment, cost_per_hour;
  double gpus = 0;
  bool rollout = false;
  double lead_time = 0;
  std::vector<ObjectiveStatus> slo;
  std::vector<PoolStatus> pools;
  std::vector<SteeringStatus> steering;
  std::vector<ReplicaStatus> replicas;
  std::vector<SignalStatus> signals;
  std::vector<ProblemStatus> problems;
};
struct FleetStatus {
  double now = 0;
  std::vector<ServiceStatus> services;
  std::string json;
};
struct DecisionRow {
  std::int64_t id = 0, ticks = 1;
  double now = 0, until = 0, floor = 0, ceiling = 0;
  std::string verdict, reason, size, json;
};
struct NoticeRow {
  double at = 0;
  std::string replica, reason, message, json;
};
struct HealthStatus {
  double now = 0, started = 0, tick_seconds = 0;
  std::int64_t ticks = 0, ticks_late = 0, journal_dropped = 0;
  bool reload_ok = true, gateway_connected = false;
  std::string version, reload_problem, journal_problem;
};
struct TextAnswer {
  std::string text, json;
};

struct SteeringWords {
  std::string author, comment;
  std::optional<double> for_seconds = {};
  std::string kind = {};  // of an override
  std::optional<std::int64_t> replicas = {};
};

class ControllerClient {
 public:
  // Reads --config when it is given.
  [[nodiscard]] static Result<ControllerClient> connect(const Arguments& given, const Terminal& terminal);
  ControllerClient(std::string server, std::optional<std::string> token)
      : server_(std::move(server)), token_(std::move(token)) {}

  [[nodiscard]] Result<FleetStatus> fleet();
  [[nodiscard]] Result<ServiceStatus> service(const std::string& name);  // with the raw answer in `last_body`
  [[nodiscard]] Result<HealthStatus> health();
  [[nodiscard]] Result<std::vector<DecisionRow>> decisions(const std::string& name, double from, double to);
  [[nodiscard]] Result<std::vector<NoticeRow>> notices(const std::string& name, double from, double to);
  [[nodiscard]] Result<TextAnswer> explain(const std::string& name, const std::string& query);
  [[nodiscard]] Result<std::vector<std::string>> log(const std::string& replica, int lines);
  // POST …/ACTION with the words; DELETE when `action` is "override" and there is no kind.
  [[nodiscard]] Result<void> steer(const std::string& name, const std::string& action, const SteeringWords& words);

  [[nodiscard]] const std::string& last_body() const { return last_body_; }
  [[nodiscard]] const std::string& server() const { return server_; }

 private:
  [[nodiscard]] Result<std::string> ask(const std::string& method, const std::string& path,
                                        const std::string& body = "");

  std::string server_;
  std::optional<std::string> token_;
  std::unique_ptr<HttpClient> client_ = std::make_unique<HttpClient>();
  std::string last_body_;
};

// The option every command that asks the controller takes.
[[nodiscard]] Option config_option();

}  // namespace tidegate
