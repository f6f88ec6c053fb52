#include "serve/config/model_command.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

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

}  // namespace

ModelCommand model_command(const std::vector<std::string>& command) {
  ModelCommand found;
  if (command.empty()) return found;
  found.is_vllm = is_vllm(command);
  found.model = model_of(command);
  found.served = option_of(command, "--served-model-name");
  if (!found.served) found.served = found.model;
  if (needs_gpu(command))
    found.gpus = count_of(command, {"--tensor-parallel-size", "-tp", "--tp-size", "--tp", "--num-shard"}) *
                 count_of(command, {"--pipeline-parallel-size", "-pp"});
  if (const auto port = option_of(command, "--port")) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port->data(), port->data() + port->size(), number);
    if (error == std::errc{} && end == port->data() + port->size() && number > 0) found.port = number;
  }
  return found;
}

std::string service_name_of(std::string_view model) {
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

bool is_secret_option(std::string_view option) {
  constexpr std::string_view secrets[] = {"--api-key",  "--hf-token",     "--token",     "--auth-token",
                                          "--password", "--access-token", "--secret-key"};
  return std::find(std::begin(secrets), std::end(secrets), option) != std::end(secrets);
}

}  // namespace tidegate
