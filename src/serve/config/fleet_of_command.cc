#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "serve/config/configuration.h"

namespace tidegate {
namespace {

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The value of "--name VALUE" or "--name=VALUE".
std::optional<std::string> option_of(const std::vector<std::string>& command, std::string_view name) {
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::string_view word = command[i];
    if (word == name && i + 1 < command.size()) return command[i + 1];
    if (word.starts_with(name) && word.substr(name.size()).starts_with('='))
      return std::string{word.substr(name.size() + 1)};
  }
  return std::nullopt;
}

std::int32_t count_of(const std::vector<std::string>& command, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    const auto text = option_of(command, name);
    std::int32_t count = 0;
    if (text && std::from_chars(text->data(), text->data() + text->size(), count).ec == std::errc{} && count > 0)
      return count;
  }
  return 1;
}

bool is_vllm(const std::vector<std::string>& command) {
  return std::any_of(command.begin(), std::min(command.end(), command.begin() + 4), [](const std::string& word) {
    return last_part(word) == "vllm" || word.starts_with("vllm.entrypoints");
  });
}

bool needs_gpu(const std::vector<std::string>& command) {
  return is_vllm(command) ||
         std::any_of(command.begin(), std::min(command.end(), command.begin() + 4), [](const auto& word) {
           return last_part(word) == "text-generation-launcher" || word.starts_with("sglang");
         });
}

std::optional<std::string> model_of(const std::vector<std::string>& command) {
  for (std::size_t i = 0; i + 2 < command.size(); ++i)
    if (last_part(command[i]) == "vllm" && command[i + 1] == "serve" && !command[i + 2].starts_with('-'))
      return command[i + 2];
  for (const auto name : {"--model", "--model-path", "--model-id"})
    if (auto model = option_of(command, name)) return model;
  // python's own -m names a module, not a model.
  if (!last_part(command[0]).starts_with("python")) return option_of(command, "-m");
  return std::nullopt;
}

// "meta-llama/Llama-3.1-8B" -> "llama-3.1-8b"
std::string service_name(std::string_view model) {
  std::string name;
  for (const char c : last_part(model)) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (c >= 'A' && c <= 'Z')
      name += static_cast<char>(c - 'A' + 'a');
    else
      name += fits ? c : '-';
  }
  const auto start = name.find_first_not_of(".-");
  name = start == std::string::npos ? "" : name.substr(start, 63);
  return name.empty() ? "service" : name;
}

}  // namespace

Result<FleetSpec> fleet_of_command(const std::vector<std::string>& command) {
  if (command.empty() || command[0].empty())
    return fail(ErrorKind::invalid,
                "no command is given; write it after `--`, as in `tidegate run -- vllm serve M --port {port}`");
  const bool has_port =
      std::any_of(command.begin(), command.end(), [](const auto& word) { return word.contains("{port}"); });
  if (!has_port)
    return fail(
        ErrorKind::invalid,
        "the command does not hold {port}, so every replica would use the same port; add for example `--port {port}`");
  const auto model = model_of(command);
  ServiceSpec service;
  service.name = service_name(model.value_or(command[0]));
  service.guardrails.replicas_min = Replicas{1};
  service.guardrails.replicas_max = replicas_max_default;
  service.match.models = {service.name};
  const auto served = option_of(command, "--served-model-name").value_or(model.value_or(service.name));
  if (served != service.name) service.match.models.push_back(served);
  if (is_vllm(command)) service.signals.preset = PresetSpec{};
  PoolSpec pool;
  if (needs_gpu(command))
    pool.gpus = count_of(command, {"--tensor-parallel-size", "-tp", "--tp-size", "--tp", "--num-shard"}) *
                count_of(command, {"--pipeline-parallel-size", "-pp"});
  pool.target = ProcessTargetSpec{.command = command};
  service.pools.push_back(std::move(pool));
  FleetSpec fleet;
  fleet.services.push_back(std::move(service));
  return fleet;
}

}  // namespace tidegate
