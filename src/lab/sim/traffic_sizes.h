// How many tokens a request has when the traffic file does not say: lognormal around a mean, or always the same.
//
// The defaults resemble the Azure LLM conversation trace of 2023 (means 1155 and 211; 129 output tokens at p50,
// 424 at p90). spread is the sigma of the logarithm; 0: always the mean. At least 1 token.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/error.h"
#include "core/base/prng.h"

namespace tidegate {

struct TokenSizes {
  double input_mean = 1155;
  double output_mean = 211;
  double input_spread = 0.75;
  double output_spread = 0.95;
  friend bool operator==(const TokenSizes&, const TokenSizes&) = default;
};

struct DrawnSize {
  std::int64_t input_tokens = 1;
  std::int64_t output_tokens = 1;
};
[[nodiscard]] DrawnSize draw_size(const TokenSizes& sizes, Prng& random);

// "IN,OUT": always these; "IN,OUT,SPREAD": lognormal with these means.
[[nodiscard]] Result<TokenSizes> read_token_sizes(std::string_view text);

}  // namespace tidegate
