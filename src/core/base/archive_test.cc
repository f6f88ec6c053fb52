#include "core/base/archive.h"

#include <gtest/gtest.h>

#include "core/base/quantity.h"
#include "core/base/time.h"

namespace tidegate {
namespace {

enum class Colour : std::uint8_t { red, green };

struct Everything {
  std::int32_t number = 0;
  double real = 0;
  bool flag = false;
  Colour colour = Colour::red;
  std::string text;
  Duration duration{};
  Instant instant{};
  Replicas replicas;
  std::optional<std::string> maybe;
  std::vector<std::pair<std::int64_t, double>> pairs;
  std::array<float, 3> fixed{};
  std::map<std::string, std::vector<int>> named;
  std::variant<std::monostate, double, std::string> choice;

  template <class Archive>
  void archive(Archive& ar) {
    ar(number, real, flag, colour, text, duration, instant, replicas, maybe, pairs, fixed, named, choice);
  }
  friend bool operator==(const Everything&, const Everything&) = default;
};

Everything sample() {
  return {.number = -7,
          .real = 2.5,
          .flag = true,
          .colour = Colour::green,
          .text = "tide",
          .duration = 90s,
          .instant = instant_at(12),
          .replicas = Replicas{5},
          .maybe = "x",
          .pairs = {{1, 2.0}, {3, 4.0}},
          .fixed = {1, 2, 3},
          .named = {{"a", {1, 2}}, {"b", {}}},
          .choice = std::string{"s"}};
}

std::vector<std::byte> bytes_of(const Everything& value) {
  ByteWriter writer;
  writer(value);
  return writer.take();
}

TEST(Archive, RoundTrips) {
  const auto bytes = bytes_of(sample());
  Everything back;
  ByteReader reader{bytes};
  reader(back);
  EXPECT_FALSE(reader.failed());
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(back, sample());
}

TEST(Archive, EveryTruncationFailsCleanly) {
  const auto bytes = bytes_of(sample());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Everything back;
    ByteReader reader{std::span{bytes}.first(length)};
    reader(back);
    EXPECT_TRUE(reader.failed()) << length;
  }
}

TEST(Archive, ALyingCountDoesNotAllocate) {
  ByteWriter writer;
  writer(std::uint32_t{0xffffffff});
  std::vector<double> out;
  ByteReader reader{writer.bytes()};
  reader(out);
  EXPECT_TRUE(reader.failed());
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace tidegate
