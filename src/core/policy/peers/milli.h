// Kubernetes' arithmetic: metric values are int64 thousandths, replicas int32. Where Go would overflow, these stay at
// the largest number: a value that large means "more than can be had", never a negative size.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace tidegate {

[[nodiscard]] inline std::int64_t add_saturated(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

[[nodiscard]] inline std::int64_t multiply_saturated(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a > 0) == (b > 0) ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

// Truncates toward zero; not a number becomes 0.
[[nodiscard]] inline std::int64_t saturated_int64(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 0x1p63) return std::numeric_limits<std::int64_t>::max();
  if (value < -0x1p63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

[[nodiscard]] inline std::int32_t saturated_int32(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 0x1p31) return std::numeric_limits<std::int32_t>::max();
  if (value < -0x1p31) return std::numeric_limits<std::int32_t>::min();
  return static_cast<std::int32_t>(value);
}

// As the metrics adapters write a value: truncated to thousandths.
[[nodiscard]] inline std::int64_t to_milli(double value) { return saturated_int64(value * 1000); }

}  // namespace tidegate
