#include <array>

#include "vectors.h"

namespace tidegate {

std::span<const Family> families() {
  static constexpr std::array all{Family{"hpa.jsonl", hpa_vectors}, Family{"kpa.jsonl", kpa_vectors},
                                  Family{"nomad.jsonl", nomad_vectors}, Family{"rayserve.jsonl", ray_serve_vectors}};
  return all;
}

}  // namespace tidegate
