#include "core/base/prng.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace tidegate {
namespace {

std::uint64_t splitmix(std::uint64_t& x) {
  std::uint64_t z = (x += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Prng::Prng(std::uint64_t seed) {
  for (auto& word : state_) word = splitmix(seed);
}

std::uint64_t Prng::next() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Prng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t Prng::below(std::uint64_t bound) {
  // Rejection keeps every value equally likely.
  const std::uint64_t limit = bound * (UINT64_MAX / bound);
  for (;;) {
    const std::uint64_t x = next();
    if (x < limit || limit == 0) return x % bound;
  }
}

double Prng::exponential(double mean) { return -mean * std::log1p(-uniform()); }

double Prng::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

double Prng::lognormal(double median, double sigma) { return median * std::exp(sigma * normal()); }

double Prng::gamma(double shape, double scale) {
  if (shape < 1.0) return gamma(shape + 1.0, scale) * std::pow(1.0 - uniform(), 1.0 / shape);
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = normal();
    const double root = 1.0 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log1p(-uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v * scale;
  }
}

std::uint64_t Prng::poisson(double mean) {
  if (!(mean > 0)) return 0;
  if (mean > 256) {  // the normal approximation is within 0.1 % here
    const double x = std::floor(mean + std::sqrt(mean) * normal() + 0.5);
    return x > 0 ? static_cast<std::uint64_t>(x) : 0;
  }
  const double limit = std::exp(-mean);
  std::uint64_t count = 0;
  for (double product = 1.0 - uniform(); product > limit; product *= 1.0 - uniform()) ++count;
  return count;
}

Prng Prng::split(std::uint64_t part) const {
  std::uint64_t seed = state_[0] ^ std::rotl(state_[2], 31) ^ (part * 0x9e3779b97f4a7c15ULL);
  return Prng{splitmix(seed)};
}

}  // namespace tidegate
