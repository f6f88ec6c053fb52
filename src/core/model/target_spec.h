// Where the replicas of a pool live and how they are started: data for edge/targets, meaningless to the core.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/time.h"
#include "core/model/secret.h"

namespace tidegate {

// A replica is ready when GET path answers `status`, the body lists `model` (if given), and not before.
struct ReadinessSpec {
  std::string path = "/health";
  int status = 200;
  std::optional<std::string> model;          // must be listed by GET /v1/models
  std::optional<std::string> body_contains;  // must occur in the body of `path`
  std::map<std::string, Value> headers;
  Duration period = 500ms;
  Duration deadline = 30min;  // large models need it (facts: 20 to 60 min)

  friend bool operator==(const ReadinessSpec&, const ReadinessSpec&) = default;
};

struct ProcessTargetSpec {
  std::vector<std::string> command;  // argv; {port}, {gpu}, {weights} are replaced, no shell
  std::map<std::string, Value> environment;
  std::string working_directory;  // empty: ours
  std::string log_directory;      // empty: state directory
  std::string weights;            // what {weights} stands for
  ReadinessSpec ready;
  Duration drain_deadline = 5min;  // after it in-flight requests are cut
  Duration kill_after = 10s;       // SIGTERM to SIGKILL

  friend bool operator==(const ProcessTargetSpec&, const ProcessTargetSpec&) = default;
};

// What to do when somebody else writes the size of our workload.
enum class SecondOwner : std::uint8_t {
  yield,     // leave it alone while they write, take over again after a quiet time
  reassert,  // write our size again, at a bounded rate
  pause,     // leave it alone until the service is resumed or its target changes
};
template <>
inline constexpr auto enum_texts<SecondOwner> = std::to_array<EnumText<SecondOwner>>(
    {{SecondOwner::yield, "yield"}, {SecondOwner::reassert, "reassert"}, {SecondOwner::pause, "pause"}});

// A Kubernetes object with a scale subresource.
struct KubernetesTargetSpec {
  std::string api_version = "apps/v1";
  std::string kind = "Deployment";
  std::string name;
  std::string name_space;  // empty: the ScaledModel's own; in a file, that of the kubeconfig's context
  std::string port;        // number or name of the container port that the pods serve on; empty: the first one
  SecondOwner second_owner = SecondOwner::yield;

  friend bool operator==(const KubernetesTargetSpec&, const KubernetesTargetSpec&) = default;
};

// Without a target a service can be simulated and decided, not run.
using TargetSpec = std::variant<std::monostate, ProcessTargetSpec, KubernetesTargetSpec>;

}  // namespace tidegate
