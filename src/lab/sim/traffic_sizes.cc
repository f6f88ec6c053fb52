#include "lab/sim/traffic_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lab/sim/traffic_fields.h"

namespace tidegate {
namespace {

std::int64_t draw(double mean, double spread, Prng& random) {
  // The median that gives this mean.
  const double tokens = spread > 0 ? random.lognormal(mean * std::exp(-spread * spread / 2), spread) : mean;
  return std::clamp<std::int64_t>(std::llround(std::min(tokens, 1e7)), 1, 10'000'000);
}

}  // namespace

DrawnSize draw_size(const TokenSizes& sizes, Prng& random) {
  const auto input = draw(sizes.input_mean, sizes.input_spread, random);
  return {input, draw(sizes.output_mean, sizes.output_spread, random)};
}

Result<TokenSizes> read_token_sizes(std::string_view text) {
  std::array<double, 3> numbers{0, 0, 0};
  std::size_t count = 0;
  for (std::string_view rest = text; count < numbers.size();) {
    const std::size_t comma = rest.find(',');
    const auto number = read_amount(rest.substr(0, comma));
    const double most = count == 2 ? 3 : 1e6;
    if (!number || *number > most || (count < 2 && *number < 1)) break;
    numbers[count++] = *number;
    if (comma != std::string_view::npos) {
      rest.remove_prefix(comma + 1);
      continue;
    }
    if (count < 2) break;
    return TokenSizes{numbers[0], numbers[1], numbers[2], numbers[2]};
  }
  return fail(ErrorKind::invalid,
              fmt::format("the sizes are IN,OUT or IN,OUT,SPREAD: tokens from 1 to 1e6 and a spread "
                          "from 0 to 3, not '{}'",
                          text));
}

}  // namespace tidegate
