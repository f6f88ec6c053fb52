// The small judges: listen addresses, the nearest word.
#include <gtest/gtest.h>

#include <array>

#include "serve/config/listen_address.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

TEST(ListenAddress, host_and_port) {
  const auto v4 = listen_address("127.0.0.1:8080");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 8080);
  EXPECT_TRUE(v4->is_loopback());
  const auto v6 = listen_address("[::1]:80");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_TRUE(v6->is_loopback());
  const auto any = listen_address(":80");
  ASSERT_TRUE(any);
  EXPECT_FALSE(any->is_loopback());
  EXPECT_TRUE(listen_address("localhost:1")->is_loopback());
  EXPECT_FALSE(listen_address("10.0.0.1:1")->is_loopback());
  for (const char* text : {"", "8080", "localhost", "localhost:", "a:b", "a:70000", "::1:80", "[::1]", "[a]b:80",
                           "a b:1", "http://a:80", "a:-1", "[x:80"})
    EXPECT_FALSE(listen_address(text)) << text;
}

TEST(ListenAddress, conflicts) {
  const auto conflict = [](const char* a, const char* b) {
    return listen_address(a)->conflicts_with(*listen_address(b));
  };
  EXPECT_TRUE(conflict("127.0.0.1:80", "127.0.0.1:80"));
  EXPECT_TRUE(conflict("0.0.0.0:80", "127.0.0.1:80"));
  EXPECT_TRUE(conflict(":80", "10.0.0.1:80"));
  EXPECT_TRUE(conflict("localhost:80", "127.0.0.1:80"));
  EXPECT_FALSE(conflict("10.0.0.1:80", "10.0.0.2:80"));
  EXPECT_FALSE(conflict("127.0.0.1:80", "127.0.0.1:81"));
  EXPECT_FALSE(conflict("127.0.0.1:0", "127.0.0.1:0"));
}

TEST(NearestWord, near_enough_to_be_meant) {
  constexpr std::array<std::string_view, 4> known{"replicas", "mode", "match", "compare_with"};
  EXPECT_EQ(nearest_word("replcas", known), "replicas");
  EXPECT_EQ(nearest_word("Replicas", known), "replicas");
  EXPECT_EQ(nearest_word("mdoe", known), "mode");
  EXPECT_EQ(nearest_word("compare-with", known), "compare_with");
  EXPECT_EQ(nearest_word("zebra", known), "");
  EXPECT_EQ(nearest_word("", known), "");
  EXPECT_EQ(nearest_word(std::string(1000, 'm'), known), "");
}

}  // namespace
}  // namespace tidegate
