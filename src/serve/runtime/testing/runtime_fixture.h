// A runtime on fake ports and a real journal in a folder of its own, whose decisions are scripted: it wants the sizes
// the test says, and remembers in the state's clock what it has seen.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>

#include "serve/runtime/fleet_runtime.h"
#include "serve/runtime/testing/fake_ports.h"

namespace tidegate {

inline ServiceSpec some_service(const std::string& name) {
  ServiceSpec service{.name = name};
  service.guardrails.replicas_max = Replicas{8};
  service.pools = {PoolSpec{.target = ProcessTargetSpec{.command = {"server", "--port", "{port}"}}}};
  return service;
}

class RuntimeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    spec_.services = {some_service("chat")};
    open();
  }
  void TearDown() override {
    runtime_.reset();
    journal_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Opens the journal, and again after close(): what a new controller finds.
  void open() {
    auto journal = Journal::open(folder_ + "/journal.sqlite");
    ASSERT_TRUE(journal) << journal.error().message;
    journal_ = std::move(*journal);
  }
  // As a kill -9 leaves it: nothing is finished, only what is on the disk stays.
  void crash() {
    ASSERT_TRUE(journal_->flush(10s));
    std::filesystem::copy(folder_ + "/journal.sqlite", folder_ + "/copy.sqlite");
    if (std::filesystem::exists(folder_ + "/journal.sqlite-wal"))
      std::filesystem::copy(folder_ + "/journal.sqlite-wal", folder_ + "/copy.sqlite-wal");
    runtime_.reset();
    journal_.reset();
    for (const char* end : {"", "-wal"}) {
      std::filesystem::remove(folder_ + "/journal.sqlite" + end);
      if (std::filesystem::exists(folder_ + "/copy.sqlite" + end))
        std::filesystem::rename(folder_ + "/copy.sqlite" + end, folder_ + "/journal.sqlite" + end);
    }
    open();
  }

  Result<void> begin(const RestoreLimits& limits = {}) {
    RuntimeServices services{
        .load = [this]() -> Result<SourcedFleet> {
          if (load_problem_) return fail(ErrorKind::invalid, *load_problem_);
          return SourcedFleet{wanted_, {.text = wanted_text_}};
        },
        .make_sources =
            [this] {
              Sources sources;
              auto source = std::make_unique<FakeSource>();
              source_ = source.get();
              sources.push_back(std::move(source));
              return sources;
            },
        .log_tail = {},
        .decide = [this](const FleetSpec& spec, FleetState state,
                         const FleetObservation& seen) { return decided(spec, std::move(state), seen); }};
    wanted_ = spec_;
    runtime_ =
        std::make_unique<FleetRuntime>(SourcedFleet{spec_, {.text = wanted_text_}},
                                       RuntimePorts{clock_, target_, link_, *journal_, log_}, std::move(services));
    return runtime_->begin(limits);
  }

  void tick(int times = 1) {
    for (int i = 0; i < times; ++i) {
      clock_.advance(1s);
      link_.readings.taken = clock_.now();
      runtime_->tick();
    }
  }

  FleetStep decided(const FleetSpec& spec, FleetState state, const FleetObservation& seen) {
    FleetStep step;
    EXPECT_EQ(seen.services.size(), spec.services.size());
    EXPECT_EQ(state.services.size(), spec.services.size());
    for (std::size_t i = 0; i < spec.services.size(); ++i) {
      const auto& service = seen.services[i];
      states_seen_.push_back(state.services[i].now);
      pools_seen_[service.service] = state.services[i].pools;
      observations_.push_back(service);
      const auto size = sizes_.contains(service.service) ? sizes_.at(service.service) : 1;
      const auto committed = service.pools.at(0).committed().value();
      step.decisions.push_back({.now = seen.now,
                                .service = service.service,
                                .verdict = size > committed   ? Verdict::raise
                                           : size < committed ? Verdict::lower
                                                              : Verdict::hold,
                                .reason = Reason::load_rise,
                                .pools = {{.pool = "default", .replicas = Replicas{size}, .slots = slots_}}});
      step.next.services.push_back(std::move(state.services[i]));
      step.next.services.back().now = seen.now;
      step.next.services.back().started = true;
      if (learned_ != PoolMemory{}) step.next.services.back().pools.try_emplace("default", learned_);
    }
    return step;
  }

  const std::string folder_ =
      testing::TempDir() +
      fmt::format("runtime_{}_{}", ::getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
  FakeClock clock_;
  FakeTarget target_;
  FakeLink link_;
  KeptLog log_;
  FleetSpec spec_, wanted_;
  std::string wanted_text_ = "as at first";
  std::optional<std::string> load_problem_;
  FakeSource* source_ = nullptr;
  std::map<std::string, std::int32_t> sizes_;
  double slots_ = 4;
  PoolMemory learned_;  // what every service has learned after its first decision
  std::map<std::string, std::map<std::string, PoolMemory>> pools_seen_;  // before the newest decision, by service
  std::vector<Instant> states_seen_;                                     // the state's clock before each decision
  std::vector<Observation> observations_;                                // of each decision
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<FleetRuntime> runtime_;
};

}  // namespace tidegate
