#include "differences.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tidegate {

void Differences::json(std::string_view what, const Json& got, const Json& want) {
  if (got != want) say(fmt::format("{}: {} where {} is wanted", what, got.dump(), want.dump()));
}

void Differences::integer(std::string_view what, std::int64_t got, const Json& want) { json(what, got, want); }

void Differences::number(std::string_view what, double got, const Json& want, double absolute) {
  const bool same = want.is_number() &&
                    (got == want.get<double>() ||
                     std::abs(got - want.get<double>()) <= std::max(absolute, 1e-9 * std::abs(want.get<double>())));
  if (!same) say(fmt::format("{}: {} where {} is wanted", what, got, want.dump()));
}

void Differences::text(std::string_view what, std::string_view got, const Json& want) { json(what, got, want); }

void Differences::truth(std::string_view what, bool got, const Json& want) { json(what, got, want); }

}  // namespace tidegate
