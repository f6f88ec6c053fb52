#include <array>

#include "vectors.h"

namespace tidegate {

std::span<const Family> families() {
  static constexpr std::array all{Family{"hpa.jsonl", hpa_vectors}};
  return all;
}

}  // namespace tidegate
