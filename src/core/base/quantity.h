// Numbers that must not be mixed up: each kind is a type of its own, so swapped arguments do not compile
// (tests/compile_fail proves it). Formulas take the plain number out with value() and say so by it.
#pragma once

#include <compare>
#include <cstdint>

namespace tidegate {

template <class Tag, class Rep>
class Quantity {
 public:
  using rep = Rep;
  constexpr Quantity() = default;
  constexpr explicit Quantity(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep value() const { return value_; }

  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity{static_cast<Rep>(a.value_ + b.value_)};
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity{static_cast<Rep>(a.value_ - b.value_)};
  }
  friend constexpr Quantity operator*(Quantity a, Rep k) { return Quantity{static_cast<Rep>(a.value_ * k)}; }
  constexpr Quantity& operator+=(Quantity b) { return *this = *this + b; }
  constexpr Quantity& operator-=(Quantity b) { return *this = *this - b; }

  template <class Archive>
  void archive(Archive& ar) {
    ar(value_);
  }

 private:
  Rep value_{};
};

using Replicas = Quantity<struct ReplicasTag, std::int32_t>;    // whole replicas
using WeightedReplicas = Quantity<struct WeightedTag, double>;  // 1.0 = one replica of the reference pool
using MicroUsd = Quantity<struct MicroUsdTag, std::int64_t>;    // money, millionths of a US dollar
using MicroUsdPerHour = Quantity<struct MicroUsdPerHourTag, std::int64_t>;
using Bytes = Quantity<struct BytesTag, std::int64_t>;

}  // namespace tidegate
