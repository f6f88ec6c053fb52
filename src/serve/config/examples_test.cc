// Every file of examples/ loads without an error or a warning, and the presets of other platforms say what they mean.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "serve/config/configuration.h"

namespace tidegate {
namespace {

const std::filesystem::path examples = std::filesystem::path{TIDEGATE_SOURCE_DIR} / "examples";

LoadedConfiguration load_example(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  const std::string yaml{std::istreambuf_iterator<char>{file}, {}};
  Resolvers known;
  known.profile = [](std::string_view) { return std::optional{CapacityHint{.slots = 24, .service = 6s}}; };
  known.profile_names = [] { return std::vector<std::string>{}; };
  return load_configuration(yaml, path.filename().string(), known);
}

PolicySpec policy_of(std::string_view preset) {
  const auto loaded = load_example(examples / "peers" / preset);
  return loaded.fleet && !loaded.fleet->services.empty() ? loaded.fleet->services[0].policies.front() : SloPolicy{};
}

TEST(Examples, all_load_without_a_problem) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{examples}) {
    if (entry.path().extension() != ".yaml") continue;
    const auto loaded = load_example(entry.path());
    ++files;
    EXPECT_TRUE(loaded.fleet) << entry.path();
    for (const auto& problem : loaded.problems.sorted()) ADD_FAILURE() << headline(problem, entry.path().string());
  }
  EXPECT_GE(files, 11u);
}

TEST(Examples, presets_are_what_the_platforms_publish) {
  EXPECT_EQ(policy_of("cloud-run.yaml"),
            PolicySpec{(KeepAlivePolicy{.concurrency = 24, .utilization = 0.6, .window = 60s})});
  EXPECT_EQ(
      policy_of("baseten.yaml"),
      PolicySpec{(KeepAlivePolicy{
          .concurrency = 24, .utilization = 0.7, .window = 60s, .on_demand = false, .keep = 900s, .release = 0.5})});
  EXPECT_EQ(policy_of("runpod.yaml"), PolicySpec{(KeepAlivePolicy{.concurrency = 4, .keep = 5s})});
  const auto pending = policy_of("hugging-face.yaml");
  ASSERT_TRUE(std::holds_alternative<HpaPolicy>(pending));
  EXPECT_EQ(std::get<HpaPolicy>(pending).target_average, 1.5);
  EXPECT_EQ(std::get<HpaPolicy>(pending).up_pods, 1);
}

}  // namespace
}  // namespace tidegate
