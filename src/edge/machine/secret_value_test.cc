#include "edge/machine/secret_value.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

TEST(SecretValue, ResolvesEveryKindAndNamesWhatIsMissing) {
  EXPECT_EQ(*resolve(Value{std::string("plain")}), "plain");
  ::setenv("TIDEGATE_TEST_SECRET", "hush", 1);
  EXPECT_EQ(*resolve(Value{EnvRef{"TIDEGATE_TEST_SECRET"}}), "hush");
  ::unsetenv("TIDEGATE_TEST_SECRET");
  const auto missing = resolve(Value{EnvRef{"TIDEGATE_TEST_SECRET"}});
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().message.contains("TIDEGATE_TEST_SECRET"));
  EXPECT_FALSE(missing.error().message.contains("hush"));

  const std::string path = testing::TempDir() + "secret_value";
  ASSERT_TRUE(replace_file(path, "key\n"));
  EXPECT_EQ(*resolve(Value{FileRef{path}}), "key");
  std::filesystem::remove(path);
  EXPECT_EQ(resolve(Value{FileRef{path}}).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace tidegate
