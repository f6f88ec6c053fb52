// What a model server's command line says of itself: whether it is vLLM, its model, its GPUs, its port. Nothing is
// run; a word that is not understood is simply not used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

struct ModelCommand {
  bool is_vllm = false;
  std::optional<std::string> model;   // as the server loads it: "meta-llama/Llama-3.1-8B"
  std::optional<std::string> served;  // as requests name it
  std::int32_t gpus = 0;              // 0: does not look like a GPU server
  std::optional<std::uint16_t> port;
};

[[nodiscard]] ModelCommand model_command(const std::vector<std::string>& command);

// "meta-llama/Llama-3.1-8B" -> "llama-3.1-8b": always a usable service name.
[[nodiscard]] std::string service_name_of(std::string_view model);

// "--api-key", "--hf-token", ...: options whose value must not be written down.
[[nodiscard]] bool is_secret_option(std::string_view option);

}  // namespace tidegate
