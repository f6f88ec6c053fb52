// Where the demo plays: a folder of its own with a configuration, and this very program as gateway, controller and
// replicas, each a process. Nothing of it outlives the stage: neither a process nor a file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/child_process.h"
#include "core/base/error.h"
#include "core/base/time.h"
#include "edge/net/http_client.h"

namespace tidegate {

// What the API says of the one service, as far as the story needs it.
struct StageView {
  double now = 0;
  int ready = 0;
  int warming = 0;
  int draining = 0;
  std::optional<double> queued;     // none: not measured now
  std::optional<double> in_flight;  // likewise
  [[nodiscard]] int committed() const { return ready + warming; }
};

struct StageDecision {
  std::int64_t id = 0;
  double now = 0;
  std::string verdict;
  std::string reason;
  int replicas = 0;
};

class DemoStage {
 public:
  // Starts everything and waits until the controller answers, for as long as `goes_on` says true.
  [[nodiscard]] static Result<std::unique_ptr<DemoStage>> open(const std::function<bool()>& goes_on);
  DemoStage(const DemoStage&) = delete;
  DemoStage& operator=(const DemoStage&) = delete;
  ~DemoStage();

  [[nodiscard]] std::string api_url() const { return "http://" + api_; }
  [[nodiscard]] std::string gateway_address() const { return gateway_; }

  [[nodiscard]] Result<StageView> look();
  // What was decided at `from` or later, oldest first; of a run of equal holds the first.
  [[nodiscard]] Result<std::vector<StageDecision>> decisions(double from);
  [[nodiscard]] Result<std::string> explanation(const StageDecision& decision);
  // As an operator would: at most so many replicas.
  [[nodiscard]] Result<void> set_ceiling(int replicas, std::string_view comment);

  // The gateway stands still: it measures nothing and answers nobody, and loses nothing.
  void freeze_gateway();
  void thaw_gateway();

  // Sends requests, one line "t_seconds,input_tokens,output_tokens" each; report() has its JSON once it has ended.
  [[nodiscard]] Result<ChildProcess> send(const std::string& requests);
  [[nodiscard]] std::string report() const;
  // The last lines of the controller's log, when it went wrong.
  [[nodiscard]] std::string log_tail() const;

 private:
  DemoStage(std::string folder, std::string gateway, std::string api);
  [[nodiscard]] Result<void> start(const std::function<bool()>& goes_on);
  [[nodiscard]] Result<void> wait_until_ready(const std::function<bool()>& goes_on);
  [[nodiscard]] Result<std::string> get(const std::string& path);
  [[nodiscard]] ChildOptions child(std::vector<std::string> words, const std::string& name) const;

  const std::string folder_;
  const std::string marker_;  // in the environment of all that we start
  const std::string gateway_;
  const std::string api_;
  HttpClient http_;
  std::vector<ChildProcess> processes_;  // gateway, controller
};

}  // namespace tidegate
