#include "serve/journal/verification.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace tidegate {
namespace {

FleetSpec fleet() {
  FleetSpec all;
  for (const auto* name : {"chat", "code"}) {
    ServiceSpec spec{.name = name};
    spec.guardrails = {.replicas_min = Replicas{1}, .replicas_max = Replicas{8}};
    spec.pools = {{.name = "h100", .startup = 30s, .capacity = {.slots = 8, .service = 2s}}};
    all.services.push_back(spec);
  }
  return all;
}

// Runs a fleet as the control loop does, into a journal: 20 minutes of traffic that swells and ebbs.
class Verified : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    auto opened = Journal::open(path_, {.history = 12h});
    ASSERT_TRUE(opened) << opened.error().message;
    journal_ = std::move(*opened);
  }
  void TearDown() override {
    journal_.reset();
    std::filesystem::remove_all(folder_);
  }

  void run(const FleetSpec& spec, int from, int to) {
    for (int second = from; second <= to; ++second) {
      const Instant now{std::chrono::seconds{1'700'000'000 + second}};
      FleetObservation seen{.now = now, .services = {}};
      for (std::size_t i = 0; i < spec.services.size(); ++i) {
        const double load = second % 400 < 200 ? 30 : 5;
        Observation one{.now = now, .service = spec.services[i].name};
        one.arrivals = Reading::of(load / 2);
        one.completions = Reading::of(load / 2);
        one.in_flight = Reading::of(load);
        one.queued = Reading::of(0);
        one.pools = {{.pool = "h100", .ready = sizes_[i]}};
        seen.services.push_back(one);
      }
      auto observations = seen.services;
      auto step = decide_fleet(spec, std::move(state_), seen);
      state_ = std::move(step.next);
      for (std::size_t i = 0; i < sizes_.size(); ++i) sizes_[i] = step.decisions[i].total().value();
      journal_->append_tick(now, std::move(observations), step.decisions);
      for (std::size_t i = 0; i < sizes_.size(); ++i)
        if (second % 600 == 100 + static_cast<int>(i))
          journal_->checkpoint(spec.services[i].name, now, state_bytes(state_.services[i]));
      if (second % 100 == 0) {
        ASSERT_TRUE(journal_->flush(10s));
      }
    }
    ASSERT_TRUE(journal_->flush(10s));
  }
  Verification verified(const FleetSpec& spec) { return verified(std::vector<SpecSince>{{.fleet = spec}}); }
  Verification verified(const std::vector<SpecSince>& specs) {
    const auto look = Journal::open_to_read(path_);
    EXPECT_TRUE(look) << look.error().message;
    auto found = verify(**look, specs);
    EXPECT_TRUE(found) << found.error().message;
    return found ? std::move(*found) : Verification{};
  }

  const std::string folder_ =
      testing::TempDir() +
      fmt::format("verification_{}_{}", ::getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string path_ = folder_ + "/journal.sqlite";
  std::unique_ptr<Journal> journal_;
  FleetState state_;
  std::vector<std::int32_t> sizes_{1, 1};
};

TEST_F(Verified, every_decision_comes_out_the_same) {
  run(fleet(), 1, 1200);
  const auto found = verified(fleet());
  ASSERT_EQ(found.services.size(), 2U);
  for (const auto& one : found.services) {
    EXPECT_EQ(one.compared, 1200);
    EXPECT_EQ(one.differing, 0) << one.differences.front().what;
    EXPECT_FALSE(one.from_checkpoint);
  }
}

TEST_F(Verified, a_journal_that_was_pruned_goes_on_from_its_checkpoints) {
  run(fleet(), 1, 1200);
  ASSERT_TRUE(journal_->prune(Instant{std::chrono::seconds{1'700'000'000} + 12h + 10min}));
  const auto found = verified(fleet());
  ASSERT_EQ(found.services.size(), 2U);
  EXPECT_TRUE(found.services[0].from_checkpoint);
  EXPECT_EQ(found.services[0].compared, 1200 - 700);
  EXPECT_EQ(found.services[1].compared, 1200 - 701);
  EXPECT_EQ(found.differing(), 0);
}

TEST_F(Verified, a_shared_budget_is_applied_again) {
  auto spec = fleet();
  for (auto& service : spec.services) service.pools[0].gpus = 1;
  spec.budget.gpus_max = 5;
  run(spec, 1, 600);
  EXPECT_EQ(verified(spec).differing(), 0);
  EXPECT_GT(verified(fleet()).differing(), 0) << "the budget had no effect, so this test shows nothing";
}

TEST_F(Verified, another_configuration_shows_where_it_would_decide_otherwise) {
  run(fleet(), 1, 400);
  auto spec = fleet();
  spec.services[0].guardrails.replicas_max = Replicas{2};
  spec.services.pop_back();
  const auto found = verified(spec);
  ASSERT_EQ(found.services.size(), 1U);
  EXPECT_GT(found.services[0].differing, 0);
  ASSERT_FALSE(found.services[0].differences.empty());
  const auto& first = found.services[0].differences.front();
  EXPECT_EQ(first.again.now, first.then.now);
  EXPECT_EQ(found.unknown, std::vector<std::string>{"code"});
}

TEST_F(Verified, a_configuration_that_changed_is_followed) {
  run(fleet(), 1, 400);
  auto spec = fleet();
  spec.services[0].guardrails.replicas_max = Replicas{2};
  run(spec, 401, 800);
  EXPECT_GT(verified(fleet()).differing(), 0);
  const Instant changed{std::chrono::seconds{1'700'000'401}};
  EXPECT_EQ(verified({{.fleet = fleet()}, {.since = changed, .fleet = spec}}).differing(), 0);
}

}  // namespace
}  // namespace tidegate
