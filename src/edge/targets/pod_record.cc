#include "edge/targets/pod_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "edge/kubernetes/rfc3339.h"

namespace tidegate {
namespace {

constexpr std::size_t message_max = 512;

std::string clipped(std::string_view text) {
  return std::string{text.substr(0, message_max)} + (text.size() > message_max ? "..." : "");
}

std::string joined(std::string_view reason, std::string_view message) {
  if (message.empty()) return std::string{reason};
  return clipped(reason.empty() ? std::string{message} : fmt::format("{}: {}", reason, message));
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What a container waits for when nothing is wrong.
bool is_on_its_way(std::string_view reason) {
  return reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing";
}

// "CrashLoopBackOff: back-off 40s restarting ...; it ended with OOMKilled (exit code 137)".
std::string trouble_of(JsonView container) {
  const auto reason = text_field(container, {"state", "waiting", "reason"});
  if (is_on_its_way(reason)) return "";
  std::string trouble = joined(reason, text_field(container, {"state", "waiting", "message"}));
  if (const auto code = integer_field(container, {"lastState", "terminated", "exitCode"}))
    trouble += fmt::format("; it ended with {} (exit code {})",
                           text_field(container, {"lastState", "terminated", "reason"}), *code);
  return trouble;
}

struct Containers {
  bool all_run = false;
  std::string trouble;
  std::int32_t restarts = 0;
};

Containers containers_of(JsonView pod) {
  Containers found;
  std::size_t listed = 0, running = 0;
  const auto take = [&](JsonView container, bool counts) {
    if (found.trouble.empty()) found.trouble = trouble_of(container);
    found.restarts += static_cast<std::int32_t>(integer_field(container, {"restartCount"}).value_or(0));
    if (!counts) return;
    ++listed;
    if (field(container, {"state", "running"})) ++running;
  };
  for_each_item(pod, {"status", "initContainerStatuses"}, [&](JsonView container) { take(container, false); });
  for_each_item(pod, {"status", "containerStatuses"}, [&](JsonView container) { take(container, true); });
  found.all_run = listed > 0 && running == listed;
  return found;
}

std::optional<JsonView> condition(JsonView pod, std::string_view type) {
  std::optional<JsonView> found;
  for_each_item(pod, {"status", "conditions"}, [&](JsonView one) {
    if (text_field(one, {"type"}) == type) found = one;
  });
  return found;
}

void read_controller(JsonView pod, PodRecord& record) {
  for_each_item(pod, {"metadata", "ownerReferences"}, [&](JsonView owner) {
    if (!truth_field(owner, {"controller"}).value_or(false)) return;
    record.owner_kind = text_field(owner, {"kind"});
    record.owner_name = text_field(owner, {"name"});
  });
}

// "nvidia.com/gpu", "amd.com/gpu", and slices such as "nvidia.com/mig-1g.10gb".
bool is_gpu(std::string_view resource) {
  return resource.ends_with("/gpu") || resource.ends_with("/gpu.shared") || resource.contains(".com/mig-");
}

void read_containers(JsonView pod, PodRecord& record) {
  for_each_item(pod, {"spec", "containers"}, [&](JsonView container) {
    for_each_item(container, {"ports"}, [&](JsonView port) {
      const auto number = integer_field(port, {"containerPort"}).value_or(0);
      if (number >= 1 && number <= 65535)
        record.ports.push_back({std::string{text_field(port, {"name"})}, static_cast<std::uint16_t>(number)});
    });
    for_each_field(container, {"resources", "limits"}, [&](std::string_view resource, JsonView amount) {
      std::string_view text;
      if (!is_gpu(resource) || amount.get_string().get(text)) return;
      record.gpus += number_of<std::int32_t>(text).value_or(0);
    });
  });
}

void read_progress(JsonView pod, PodRecord& record) {
  const auto phase = text_field(pod, {"status", "phase"});
  if (field(pod, {"metadata", "deletionTimestamp"})) {
    record.state = ReplicaState::draining;
    return;
  }
  if (phase == "Failed" || phase == "Succeeded") {
    record.state = ReplicaState::gone;
    record.trouble = joined(text_field(pod, {"status", "reason"}), text_field(pod, {"status", "message"}));
    return;
  }
  const auto containers = containers_of(pod);
  record.restarts = containers.restarts;
  const auto ready = condition(pod, "Ready");
  if (ready && text_field(*ready, {"status"}) == "True") {
    record.state = ReplicaState::ready;
  } else if (!containers.trouble.empty()) {
    record.state = ReplicaState::failed;
    record.trouble = containers.trouble;
  } else if (record.node.empty()) {
    const auto scheduled = condition(pod, "PodScheduled");
    if (scheduled && text_field(*scheduled, {"reason"}) == "Unschedulable")
      record.unschedulable = joined("", text_field(*scheduled, {"message"}));
  } else {
    record.state = containers.all_run ? ReplicaState::loading : ReplicaState::starting;
    // Why a pod that runs is not Ready, when its probe or a readiness gate says so.
    if (containers.all_run && ready) record.trouble = joined("", text_field(*ready, {"message"}));
  }
}

}  // namespace

PodRecord pod_record_of(JsonView pod) {
  PodRecord record{.uid = std::string{text_field(pod, {"metadata", "uid"})},
                   .node = std::string{text_field(pod, {"spec", "nodeName"})},
                   .ip = std::string{text_field(pod, {"status", "podIP"})},
                   .labels = labels_of(pod, {"metadata", "labels"})};
  record.created = parse_rfc3339(text_field(pod, {"metadata", "creationTimestamp"})).value_or(Instant{});
  if (const auto cost = field(pod, {"metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost"})) {
    std::string_view text;
    if (!cost->get_string().get(text)) record.deletion_cost = number_of<std::int32_t>(text);
  }
  read_controller(pod, record);
  read_containers(pod, record);
  read_progress(pod, record);
  return record;
}

std::optional<std::uint16_t> serving_port(const PodRecord& pod, const std::string& wanted) {
  if (wanted.empty()) return pod.ports.empty() ? std::nullopt : std::optional(pod.ports.front().number);
  if (const auto number = number_of<std::uint16_t>(wanted)) return number;
  const auto found = std::ranges::find(pod.ports, wanted, &ContainerPort::name);
  return found == pod.ports.end() ? std::nullopt : std::optional(found->number);
}

std::optional<std::int64_t> ordinal_of(const std::string& pod_name) {
  const auto dash = pod_name.rfind('-');
  if (dash == std::string::npos) return std::nullopt;
  return number_of<std::int64_t>(std::string_view{pod_name}.substr(dash + 1));
}

}  // namespace tidegate
