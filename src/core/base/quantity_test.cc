#include "core/base/quantity.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace tidegate {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) { a + b; };

static_assert(!std::is_convertible_v<Replicas, WeightedReplicas>);
static_assert(!std::is_convertible_v<int, Replicas>);
static_assert(!Addable<Replicas, MicroUsd>);
static_assert(Addable<Replicas, Replicas>);

TEST(Quantity, AddsAndCompares) {
  EXPECT_EQ(Replicas{2} + Replicas{3}, Replicas{5});
  EXPECT_LT(Replicas{2}, Replicas{3});
  EXPECT_EQ(MicroUsd{3} * 4, MicroUsd{12});
}

}  // namespace
}  // namespace tidegate
