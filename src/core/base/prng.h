// Our own generator and distributions: standard distributions differ between libraries, and a scenario must
// give the same bytes everywhere. xoshiro256++ (Blackman and Vigna, public domain), seeded by splitmix64.
#pragma once

#include <array>
#include <cstdint>

namespace tidegate {

class Prng {
 public:
  explicit Prng(std::uint64_t seed = 1);

  [[nodiscard]] std::uint64_t next();
  [[nodiscard]] double uniform();                          // [0, 1)
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);  // [0, bound), bound > 0
  [[nodiscard]] double exponential(double mean);
  [[nodiscard]] double normal();  // mean 0, deviation 1
  [[nodiscard]] double lognormal(double median, double sigma);
  [[nodiscard]] double gamma(double shape, double scale);  // shape > 0 (Marsaglia and Tsang 2000)
  [[nodiscard]] std::uint64_t poisson(double mean);

  // An independent generator for a named part, so that adding draws in one part leaves the others alone.
  [[nodiscard]] Prng split(std::uint64_t part) const;

  friend bool operator==(const Prng&, const Prng&) = default;

  template <class Archive>
  void archive(Archive& ar) {
    ar(state_, spare_, has_spare_);
  }

 private:
  std::array<std::uint64_t, 4> state_{};
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace tidegate
