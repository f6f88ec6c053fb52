// A vLLM V1 metrics page as its Python client writes it: 595 lines with 457 samples, names, labels and buckets of the
// server, the client's own process metrics and `_created` series among them.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate {

struct VllmLoad {
  double running = 3;
  double waiting = 1;
  double kv_usage = 0.25;
  double finished = 1000;  // requests; every histogram has seen as many
  double start_time = 1.7e9;
  std::string model = "meta-llama/Llama-3.1-8B-Instruct";
};

inline constexpr std::size_t vllm_page_lines = 595;
inline constexpr std::size_t vllm_page_samples = 457;

[[nodiscard]] std::string vllm_page(const VllmLoad& load);

}  // namespace tidegate
