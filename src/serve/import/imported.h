// What an import makes of one foreign autoscaler: a service in shadow mode, with the autoscaler itself beside it as a
// peer that has its real settings, and what could not be carried over.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/model/service_spec.h"
#include "serve/import/foreign_map.h"

namespace tidegate {

struct ImportOptions {
  std::optional<std::string> prometheus;  // address of the server that has the metrics which manifests only name
};

// A workload's own manifest, where it stood beside the autoscaler's.
struct WorkloadFacts {
  std::string kind, name_space, name;
  std::int32_t gpus = 0;            // of one pod
  std::vector<std::string> models;  // that its server answers to
  bool is_vllm = false;
  std::optional<std::string> devices;  // a GPU resource that is not whole GPUs: "nvidia.com/mig-1g.10gb"
};

struct ImportContext {
  const ImportOptions& options;
  const std::vector<WorkloadFacts>& workloads;
  ImportLog& log;
};

struct ImportedService {
  std::string origin;  // "HorizontalPodAutoscaler prod/chat"
  std::string owner;   // who writes the replicas until it is deleted: "HorizontalPodAutoscaler"
  std::string name, name_space;
  Replicas replicas_min{1};
  Replicas replicas_max{1};
  SignalsSpec signals;
  std::vector<ScheduleEntry> schedule;  // floors that hold whatever the load
  std::string timezone = "UTC";
  std::optional<PolicySpec> peer;
  std::optional<KubernetesTargetSpec> target;
  std::int32_t gpus = 0;
  std::optional<double> gpu_share;
  std::vector<std::string> models;
  std::vector<Note> notes;
};

}  // namespace tidegate
