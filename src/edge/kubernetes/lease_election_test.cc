// Elections in virtual time: several contenders, one store, a network that loses and delays.
#include "edge/kubernetes/lease_election.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

namespace tidegate {
namespace {

constexpr LeaseTimes times{.duration = 15s, .renew_deadline = 10s, .retry_period = 2s};
const Instant start{1'000'000s};

TEST(LeaseElection, TakesALeaseThatIsNotThere) {
  LeaseElection election{"a", times, 1};
  EXPECT_EQ(election.next(start).act, LeaseAct::read);
  election.was_read(std::nullopt, start);
  const auto step = election.next(start);
  ASSERT_EQ(step.act, LeaseAct::write);
  EXPECT_EQ(step.record,
            (LeaseRecord{.holder = "a", .duration = 15s, .acquired = start, .renewed = start, .epoch = 1}));
  EXPECT_FALSE(election.leads(start));
  LeaseRecord stored = step.record;
  stored.resource_version = "1";
  election.was_written(stored, start);
  EXPECT_TRUE(election.leads(start));
  EXPECT_EQ(election.epoch(), 1);
  EXPECT_EQ(election.holder(), "a");
}

class Held : public testing::Test {
 protected:
  void SetUp() override {
    election_.was_read(std::nullopt, start);
    stored_ = election_.next(start).record;
    stored_.resource_version = "1";
    election_.was_written(stored_, start);
  }

  LeaseElection election_{"a", times, 1};
  LeaseRecord stored_;
};

TEST_F(Held, IsRenewedEveryPeriodAndKeepsItsEpoch) {
  auto step = election_.next(start + 500ms);
  EXPECT_EQ(step.act, LeaseAct::wait);
  EXPECT_EQ(step.wait, Duration{1500ms});
  step = election_.next(start + 2s);
  ASSERT_EQ(step.act, LeaseAct::write);
  EXPECT_EQ(step.record.renewed, start + 2s);
  EXPECT_EQ(step.record.acquired, start);
  EXPECT_EQ(step.record.epoch, 1);
  EXPECT_EQ(step.record.resource_version, "1");
}

TEST_F(Held, IsClaimedFromWhenTheRenewalWasSentAndNotLongerThanItsDeadline) {
  election_.was_written(stored_, start + 2s);  // whenever the answer came
  EXPECT_TRUE(election_.leads(start + 12s - 1ns));
  EXPECT_FALSE(election_.leads(start + 12s));
  EXPECT_LT(election_.leads_until(), start + 2s + times.duration);
}

TEST_F(Held, EndsWhenRenewalsFailAndGoesOnWhenTheyDoNot) {
  Instant now = start;
  while (election_.leads(now)) {
    const auto step = election_.next(now);
    if (step.act != LeaseAct::wait) election_.failed(now);
    now += std::max<Duration>(step.wait, 1ms);
    ASSERT_LE(now, start + 10s + 3s);
  }
  // The server is back: it is still ours, since nobody took it.
  while (election_.next(now).act == LeaseAct::wait) now += 100ms;
  ASSERT_EQ(election_.next(now).act, LeaseAct::read);
  election_.was_read(stored_, now);
  const auto step = election_.next(now);
  ASSERT_EQ(step.act, LeaseAct::write);
  EXPECT_EQ(step.record.epoch, 1);
  election_.was_written(step.record, now);
  EXPECT_TRUE(election_.leads(now));
}

TEST_F(Held, IsLostAtOnceToWhomItShows) {
  LeaseRecord theirs = stored_;
  theirs.holder = "b";
  theirs.epoch = 2;
  theirs.resource_version = "2";
  election_.conflicted(start + 2s);
  EXPECT_EQ(election_.next(start + 3s).act, LeaseAct::read);
  election_.was_read(theirs, start + 3s);
  EXPECT_FALSE(election_.leads(start + 3s));
  EXPECT_EQ(election_.holder(), "b");
}

TEST_F(Held, OneThatWasDeletedIsNobodys) {
  election_.was_read(std::nullopt, start + 1s);
  EXPECT_FALSE(election_.leads(start + 1s));
  const auto step = election_.next(start + 2s);
  ASSERT_EQ(step.act, LeaseAct::write);
  EXPECT_EQ(step.record.epoch, 2);  // never back to one that was
  EXPECT_EQ(step.record.resource_version, "");
}

TEST_F(Held, IsGivenBack) {
  const auto record = election_.renounce(start + 1s);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->holder, "");
  EXPECT_EQ(record->epoch, 1);
  EXPECT_FALSE(election_.leads(start + 1s));
  EXPECT_FALSE(LeaseElection("b", times, 1).renounce(start));
}

TEST(LeaseElection, WaitsForSomebodyElsesByItsOwnClock) {
  LeaseElection election{"b", times, 1};
  // Its times are of another machine, and far away: they say nothing.
  const LeaseRecord theirs{
      .holder = "a", .duration = 15s, .acquired = {}, .renewed = {}, .epoch = 3, .resource_version = "5"};
  Instant now = start;
  election.was_read(theirs, now);
  int reads = 0;
  while (true) {
    const auto step = election.next(now);
    if (step.act == LeaseAct::write) break;
    if (step.act == LeaseAct::read) {
      ++reads;
      election.was_read(theirs, now);
    }
    now += step.act == LeaseAct::wait ? step.wait : 1ms;
    ASSERT_LT(now, start + 20s);
  }
  EXPECT_GE(now, start + 15s);
  EXPECT_GE(reads, 4);
  EXPECT_LE(reads, 17);
  EXPECT_EQ(election.next(now).record.epoch, 4);
  EXPECT_EQ(election.next(now).record.resource_version, "5");
}

TEST(LeaseElection, OneThatWasGivenBackIsTakenAtOnce) {
  LeaseElection election{"b", times, 1};
  election.was_read(LeaseRecord{.holder = "", .duration = 1s, .epoch = 3, .resource_version = "5"}, start);
  const auto step = election.next(start);
  ASSERT_EQ(step.act, LeaseAct::write);
  EXPECT_EQ(step.record.epoch, 4);
}

// ---- several of them

// The API server: keeps one record, refuses what was not read as it is.
class Store {
 public:
  [[nodiscard]] const std::optional<LeaseRecord>& read() const { return record_; }
  std::optional<LeaseRecord> write(LeaseRecord record) {
    const std::string version = record_ ? record_->resource_version : "";
    if (record.resource_version != version) return std::nullopt;
    record.resource_version = std::to_string(++version_);
    record_ = record;
    return record_;
  }

 private:
  std::optional<LeaseRecord> record_;
  int version_ = 0;
};

// What is under way between a contender and the store.
struct Exchange {
  LeaseStep step;
  Instant sent{};
  Instant at_store{};
  Instant answered{};
  bool is_lost = false;     // before it reaches the store
  bool is_unheard = false;  // it reached the store, and no answer comes
  bool is_done = false;     // at the store
  std::optional<LeaseRecord> answer;
  bool is_refused = false;
};

class Contender {
 public:
  Contender(const std::string& name, std::uint64_t seed) : election_(name, times, seed), prng_(seed) {}

  void advance(Store& store, Instant now, double loss) {
    if (exchange_ && !exchange_->is_done && now >= exchange_->at_store) reach(store);
    if (exchange_ && now >= exchange_->answered) answer(now);
    if (exchange_ || now < asleep_until_) return;
    LeaseStep step = election_.next(now);
    if (step.act == LeaseAct::wait) return;
    Exchange begun{.step = std::move(step), .sent = now};
    begun.is_lost = prng_.uniform() < loss;
    begun.is_unheard = prng_.uniform() < loss;
    begun.at_store = now + from_seconds(prng_.exponential(0.2));
    begun.answered = begun.at_store + from_seconds(prng_.exponential(0.2));
    // As the client is bound: what takes longer than this has failed, wherever it is.
    const Instant deadline = now + times.request_timeout();
    if (begun.is_lost || begun.is_unheard || begun.answered > deadline)
      begun.answered = deadline, begun.is_unheard = true;
    if (begun.at_store > deadline) begun.is_lost = true;
    exchange_ = std::move(begun);
  }

  void sleep_until(Instant until) { asleep_until_ = until; }
  [[nodiscard]] const LeaseElection& election() const { return election_; }

 private:
  void reach(Store& store) {
    exchange_->is_done = true;
    if (exchange_->is_lost) return;
    if (exchange_->step.act == LeaseAct::read) {
      exchange_->answer = store.read();
      return;
    }
    exchange_->answer = store.write(exchange_->step.record);
    exchange_->is_refused = !exchange_->answer;
  }
  void answer(Instant now) {
    const Exchange done = *std::exchange(exchange_, std::nullopt);
    if (done.is_lost || done.is_unheard)
      election_.failed(now);
    else if (done.step.act == LeaseAct::read)
      election_.was_read(done.answer, now);
    else if (done.is_refused)
      election_.conflicted(now);
    else
      election_.was_written(*done.answer, done.sent);
  }

  LeaseElection election_;
  Prng prng_;
  std::optional<Exchange> exchange_;
  Instant asleep_until_{};
};

struct Course {
  Duration led{};
  std::int64_t epochs = 0;
};

// Never two leaders, never an epoch that two had, whatever the network does.
Course play(std::uint64_t seed, double loss, Duration length) {
  Store store;
  std::vector<std::unique_ptr<Contender>> all;
  for (const char* name : {"a", "b", "c"}) all.push_back(std::make_unique<Contender>(name, seed * 10 + all.size()));
  Prng chance{seed};
  Course course;
  std::map<std::int64_t, std::size_t> leader_of_epoch;
  constexpr Duration tick = 50ms;
  for (Instant now = start; now < start + length; now += tick) {
    std::size_t leaders = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      // Now and then one is stopped for up to 30 s and wakes in the middle of what it did.
      if (chance.uniform() < 0.0002) all[i]->sleep_until(now + from_seconds(chance.uniform() * 30));
      all[i]->advance(store, now, loss);
      const LeaseElection& election = all[i]->election();
      if (!election.leads(now)) continue;
      ++leaders;
      const auto [known, is_new] = leader_of_epoch.emplace(election.epoch(), i);
      EXPECT_EQ(known->second, i) << "seed " << seed << ": epoch " << election.epoch() << " had two leaders";
    }
    EXPECT_LE(leaders, 1u) << "seed " << seed << ", at " << seconds(now - start) << " s";
    if (leaders == 1) course.led += tick;
  }
  course.epochs = static_cast<std::int64_t>(leader_of_epoch.size());
  return course;
}

TEST(LeaseElections, ThereIsNeverMoreThanOneLeader) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto quiet = play(seed, 0, 10min);
    EXPECT_GE(seconds(quiet.led), 0.95 * 600) << seed;
    play(seed, 0.3, 10min);
    play(seed, 0.7, 10min);
  }
}

TEST(LeaseElections, TroubleIsSurvived) {
  Duration led{};
  std::int64_t epochs = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto course = play(seed, 0.2, 20min);
    led += course.led;
    epochs += course.epochs;
  }
  EXPECT_GE(seconds(led), 0.7 * 10 * 1200);  // of every exchange a third fails
  EXPECT_GT(epochs, 10);                     // else nothing was tested
}

}  // namespace
}  // namespace tidegate
