// What a workload's own manifest tells of its replicas: GPUs, and the models that its server answers to.
#include <algorithm>
#include <cmath>

#include "serve/config/model_command.h"
#include "serve/import/autoscalers.h"

namespace tidegate {
namespace {

const YamlNode* child(const YamlNode* node, std::string_view key) {
  return node && node->kind == YamlKind::map ? node->find(key) : nullptr;
}

// The pod template, wherever the kind has it.
const YamlNode* pod_of(const Manifest& manifest) {
  const auto* spec = child(&manifest.node, "spec");
  if (const auto* pod = child(child(spec, "template"), "spec")) return pod;
  return child(child(child(spec, "leaderWorkerTemplate"), "workerTemplate"), "spec");
}

void read_devices(const YamlNode& container, WorkloadFacts& facts) {
  const auto* resources = child(&container, "resources");
  for (const std::string_view which : {"limits", "requests"}) {
    const auto* given = child(resources, which);
    if (!given || given->kind != YamlKind::map) continue;
    for (std::size_t i = 0; i < given->keys.size(); ++i) {
      const auto& name = given->keys[i].text;
      const auto count = kubernetes_quantity(given->items[i].text);
      if (!count || *count <= 0) continue;
      if (name == "nvidia.com/gpu" || name == "amd.com/gpu")
        facts.gpus += static_cast<std::int32_t>(std::min(*count, 1024.0));
      else if (name.starts_with("nvidia.com/") || name.contains("gpu"))
        facts.devices = name;
    }
    return;  // requests repeat the limits
  }
}

void add_words(const YamlNode* list, std::vector<std::string>& words) {
  if (list && list->kind == YamlKind::list)
    for (const auto& item : list->items) words.push_back(item.text);
}

// Images of vLLM's server take its options alone.
bool is_vllm_image(const YamlNode& container) {
  const auto* image = child(&container, "image");
  return image && image->text.contains("vllm");
}

void read_command(const YamlNode& container, WorkloadFacts& facts) {
  std::vector<std::string> words;
  add_words(child(&container, "command"), words);
  if (words.empty() && is_vllm_image(container)) words = {"vllm", "serve"};
  add_words(child(&container, "args"), words);
  const auto said = model_command(words);
  if (!said.is_vllm && !is_vllm_image(container)) return;
  facts.is_vllm = true;
  if (said.served)
    facts.models.push_back(*said.served);
  else if (said.model)
    facts.models.push_back(*said.model);
}

}  // namespace

std::optional<WorkloadFacts> workload_facts(const Manifest& manifest) {
  const auto* pod = pod_of(manifest);
  if (!pod) return std::nullopt;
  WorkloadFacts facts{.kind = manifest.kind, .name_space = manifest.name_space, .name = manifest.name};
  const auto* containers = child(pod, "containers");
  if (!containers || containers->kind != YamlKind::list) return facts;
  for (const auto& container : containers->items) {
    read_devices(container, facts);
    read_command(container, facts);
  }
  return facts;
}

}  // namespace tidegate
