#include "serve/journal/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <ranges>
#include <thread>

#include "serve/journal/statement.h"

extern "C" char** environ;

namespace tidegate {
namespace {

std::vector<std::byte> some_bytes(std::size_t size, int value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

class JournalTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override {
    journal_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open(const JournalLimits& limits = {}) {
    journal_.reset();
    auto journal = Journal::open(path_, limits);
    ASSERT_TRUE(journal) << journal.error().message;
    journal_ = std::move(*journal);
  }
  // One tick of two services; `reason` and `replicas` are chat's.
  void tick(Instant now, Verdict verdict = Verdict::hold, Reason reason = Reason::steady, int replicas = 1) {
    std::vector<Observation> seen = {{.now = now, .service = "chat"}, {.now = now, .service = "code"}};
    const std::vector<Decision> decisions = {{.now = now,
                                              .service = "chat",
                                              .verdict = verdict,
                                              .reason = reason,
                                              .pools = {{.pool = "default", .replicas = Replicas{replicas}}}},
                                             {.now = now, .service = "code"}};
    journal_->append_tick(now, std::move(seen), decisions);
  }
  std::vector<JournalDecision> all(const std::string& service) {
    EXPECT_TRUE(journal_->flush(10s));
    auto found = journal_->decisions(service, Instant{}, Instant::max(), 1000);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(std::vector<JournalDecision>{});
  }
  long files_named(const std::string& part) const {
    const std::filesystem::directory_iterator entries(folder_);
    return std::ranges::count_if(entries, [&](const auto& entry) { return entry.path().string().contains(part); });
  }

  const std::string folder_ =
      testing::TempDir() +
      fmt::format("journal_{}_{}", ::getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string path_ = folder_ + "/journal.sqlite";
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, GoesOnFromTheLastCheckpointAfterARestart) {
  open();
  EXPECT_EQ(journal_->newest(), Instant{});
  for (int i = 1; i <= 250; ++i) {
    tick(Instant{std::chrono::seconds(i)});
    if (i == 20 || i == 40) journal_->checkpoint("chat", Instant{std::chrono::seconds(i)}, some_bytes(5000, i));
    if (i % 50 == 0) {
      ASSERT_TRUE(journal_->flush(10s));
    }
  }
  journal_->learned("chat", some_bytes(3, 7));
  open();
  const auto chat = journal_->load_latest("chat");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->checkpoint, (Checkpoint{Instant{40s}, some_bytes(5000, 40)}));
  ASSERT_EQ(chat->since.size(), 210U);
  EXPECT_EQ(chat->since.front().now, Instant{41s});
  EXPECT_EQ(chat->since.back().now, Instant{250s});
  const auto code = journal_->load_latest("code");
  EXPECT_FALSE(code->checkpoint);
  EXPECT_EQ(code->since.size(), 250U);
  EXPECT_EQ(*journal_->load_learned("chat"), some_bytes(3, 7));
  EXPECT_TRUE(journal_->load_learned("code")->empty());
  EXPECT_EQ(journal_->newest(), Instant{250s});
  EXPECT_EQ(journal_->dropped(), 0);
}

TEST_F(JournalTest, KeepsChangesAndCountsRunsOfHolds) {
  open();
  for (int i = 1; i <= 5; ++i) tick(Instant{std::chrono::seconds(i)});
  tick(Instant{6s}, Verdict::raise, Reason::load_rise, 3);
  for (int i = 7; i <= 90; ++i) tick(Instant{std::chrono::seconds(i)}, Verdict::hold, Reason::warming, 3);
  tick(Instant{91s}, Verdict::lower, Reason::load_fall, 2);
  const auto chat = all("chat");
  ASSERT_EQ(chat.size(), 4U);
  EXPECT_EQ(chat[3].ticks, 5);
  EXPECT_EQ(chat[3].until, Instant{5s});
  EXPECT_EQ(chat[2].decision.reason, Reason::load_rise);
  EXPECT_EQ(chat[2].ticks, 1);
  EXPECT_EQ(chat[1].ticks, 84);
  EXPECT_EQ(chat[1].until, Instant{90s});
  EXPECT_EQ(journal_->decision(chat[2].id)->decision, chat[2].decision);
  EXPECT_EQ(journal_->decision(12345).error().kind, ErrorKind::not_found);
  EXPECT_EQ(journal_->decisions("chat", Instant{50s}, Instant{60s}, 10)->size(), 1U) << "a run that covers the time";
  EXPECT_EQ(journal_->decisions("", Instant{}, Instant::max(), 2)->size(), 2U);
}

TEST_F(JournalTest, SteeringAndEventsOutliveARestart) {
  open();
  const Steering steering{.manual = Override{.kind = OverrideKind::floor,
                                             .replicas = Replicas{4},
                                             .expires = Instant{1h},
                                             .author = "ada",
                                             .comment = "launch"},
                          .pause = Pause{.author = "bob"}};
  ASSERT_TRUE(journal_->steer("chat", steering));
  ASSERT_TRUE(journal_->steer("code", steering));
  ASSERT_TRUE(journal_->steer("code", {}));
  const JournalEvent event{Instant{5s}, "chat", "chat-default-1", Reason::start_failed, "no such program"};
  journal_->append_event(event);
  open();
  EXPECT_EQ(*journal_->steering(), (std::map<std::string, Steering>{{"chat", steering}}));
  EXPECT_EQ(*journal_->events("chat", Instant{}, Instant::max(), 10), std::vector{event});
  EXPECT_TRUE(journal_->events("code", Instant{}, Instant::max(), 10)->empty());
}

TEST_F(JournalTest, PrunesByAgeAndBySize) {
  open({.history = 100s, .bytes_max = 300'000});
  for (int i = 1; i <= 200; ++i) {
    tick(Instant{std::chrono::seconds(i)}, Verdict::raise);
    if (i % 50 == 0) {
      ASSERT_TRUE(journal_->flush(10s));
    }
  }
  ASSERT_TRUE(journal_->prune(Instant{200s}));
  EXPECT_EQ(journal_->load_latest("chat")->since.front().now, Instant{100s});
  EXPECT_EQ(all("chat").size(), 101U);

  // Long names do not compress away: about 3 KB a tick.
  std::uint64_t noise = 1;
  for (int i = 201; i <= 300; ++i) {
    Observation seen{.now = Instant{std::chrono::seconds(i)}, .service = "chat"};
    for (int k = 0; k < 300; ++k) {
      noise = noise * 6364136223846793005ULL + 1;
      seen.custom.push_back({.name = fmt::format("{:016x}", noise)});
    }
    journal_->append_tick(seen.now, {seen}, {});
    if (i % 50 == 0) {
      ASSERT_TRUE(journal_->flush(10s));
    }
  }
  ASSERT_TRUE(journal_->prune(Instant{200s}));
  const auto left = journal_->load_latest("chat")->since;
  EXPECT_LT(left.size(), 110U);
  EXPECT_GT(left.size(), 20U);
  EXPECT_EQ(left.back().now, Instant{300s}) << "the oldest go";
}

TEST_F(JournalTest, ADamagedFileIsMovedAsideWithOneSentence) {
  std::ofstream(path_) << std::string(10'000, 'x');
  open();
  const auto notices = journal_->notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_TRUE(notices[0].contains("moved to")) << notices[0];
  EXPECT_TRUE(journal_->notices().empty());
  EXPECT_EQ(files_named("damaged-1"), 1);
  tick(Instant{1s});
  EXPECT_EQ(all("chat").size(), 1U);
}

TEST_F(JournalTest, DamageInTheMiddleIsFoundAtTheNextStart) {
  open();
  for (int i = 1; i <= 100; ++i) tick(Instant{std::chrono::seconds(i)}, Verdict::raise);
  journal_.reset();
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(20'000, '\x7f');
  }
  open();
  EXPECT_EQ(journal_->notices().size(), 1U);
  EXPECT_EQ(journal_->newest(), Instant{});
}

TEST_F(JournalTest, AFullDiskIsSaidAndOverAsSoonAsThereIsRoom) {
  open();
  tick(Instant{1s});
  ASSERT_TRUE(journal_->flush(10s));
  // No file of this process may grow beyond 4 KiB: the write-ahead log is as good as on a full disk.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  tick(Instant{2s}, Verdict::raise);
  const bool flushed = journal_->flush(10s);
  const auto problem = journal_->problem();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_TRUE(flushed);
  ASSERT_TRUE(problem);
  EXPECT_FALSE(problem->message.empty());
  EXPECT_EQ(journal_->dropped(), 1);

  tick(Instant{3s}, Verdict::raise);
  ASSERT_TRUE(journal_->flush(10s));
  EXPECT_FALSE(journal_->problem());
  EXPECT_EQ(journal_->newest(), Instant{3s});
  EXPECT_TRUE(journal_->notices().empty()) << "a full disk damages nothing";
}

TEST_F(JournalTest, KeepsTheConfigurationsThatItsTicksWereDecidedBy) {
  open({.history = 1h});
  const Instant start{1000s};
  const auto command = text_of_command({"vllm", "--port", "{port}", ""});
  journal_->configured(start, {.text = "services: []"});
  journal_->configured(start + 1s, {.text = "services: []"});
  tick(start + 2s);
  journal_->configured(start + 3s, command);
  tick(start + 3s);
  ASSERT_TRUE(journal_->flush(10s));
  auto kept = journal_->configurations();
  ASSERT_TRUE(kept) << kept.error().message;
  ASSERT_EQ(kept->size(), 2U) << "the second said nothing new";
  EXPECT_EQ((*kept)[0].since, start);
  EXPECT_EQ((*kept)[0].source.text, "services: []");
  EXPECT_EQ((*kept)[1].source, command);
  EXPECT_EQ(words_of_command(command), (std::vector<std::string>{"vllm", "--port", "{port}", ""}));
  ASSERT_TRUE(journal_->prune(start + 1h + 3s));  // the tick of before the change goes, and its words with it
  kept = journal_->configurations();
  ASSERT_TRUE(kept) << kept.error().message;
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().since, start + 3s);
}

TEST_F(JournalTest, TakesOverTheFileOfTheVersionBefore) {
  open();
  tick(Instant{1000s});
  journal_.reset();
  {
    auto database = Database::open(path_);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute("DROP TABLE configuration; PRAGMA user_version=1;"));
  }
  const auto look = Journal::open_to_read(path_);
  ASSERT_TRUE(look) << look.error().message;
  EXPECT_TRUE((*look)->configurations().value().empty());
  open();
  EXPECT_TRUE(journal_->notices().empty());
  EXPECT_EQ(journal_->newest(), Instant{1000s});
  journal_->configured(Instant{1001s}, {.text = "a"});
  ASSERT_TRUE(journal_->flush(10s));
  EXPECT_EQ(journal_->configurations().value().size(), 1U);
}

TEST_F(JournalTest, RefusesTheFileOfANewerVersion) {
  open();
  journal_.reset();
  {
    // user_version lies at byte 60 of the header, big-endian (sqlite.org/fileformat2.html).
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.write("\0\0\0\x63", 4);
  }
  const auto journal = Journal::open(path_);
  ASSERT_FALSE(journal);
  EXPECT_TRUE(journal.error().message.contains("newer tidegate")) << journal.error().message;
  EXPECT_EQ(files_named("damaged"), 0);
}

TEST_F(JournalTest, KilledInTheMiddleOfWritingItOpensWhole) {
  // Returns once something is on the disk.
  const auto start_writer = [&] {
    std::string program = TEST_WRITER, path = path_;
    char* argv[] = {program.data(), path.data(), nullptr};
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return pid_t{-1};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, TEST_WRITER, &actions, nullptr, argv, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    char first = 0;
    const bool writes = failed == 0 && ::read(ends[0], &first, 1) == 1;
    ::close(ends[0]);
    return writes ? pid : pid_t{-1};
  };
  for (int round = 0; round < 5; ++round) {
    const pid_t pid = start_writer();
    ASSERT_GT(pid, 0);
    // The moment varies; what must hold does not.
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + 37 * round));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    open();
    EXPECT_TRUE(journal_->notices().empty()) << "round " << round;
    const auto restored = journal_->load_latest("chat");
    ASSERT_TRUE(restored) << restored.error().message;
    if (restored->checkpoint) {
      const auto ticks = std::chrono::floor<std::chrono::seconds>(restored->checkpoint->at.time_since_epoch()).count();
      EXPECT_EQ(restored->checkpoint->state, some_bytes(static_cast<std::size_t>(ticks), static_cast<int>(ticks)));
      for (std::size_t i = 0; i < restored->since.size() && round == 0; ++i)
        EXPECT_EQ(restored->since[i].now, restored->checkpoint->at + (i + 1) * Duration{1s});
    }
    EXPECT_GT(journal_->newest(), Instant{});
    journal_.reset();
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + "-wal");
    std::filesystem::remove(path_ + "-shm");
  }
}

TEST_F(JournalTest, ALookBesideTheControllerNeitherWritesNorMovesTheFile) {
  EXPECT_EQ(Journal::open_to_read(path_).error().kind, ErrorKind::not_found);
  EXPECT_FALSE(std::filesystem::exists(path_));
  open({.history = 1h});
  for (int i = 1; i <= 3; ++i) tick(Instant{std::chrono::seconds(i)});
  ASSERT_TRUE(journal_->flush(10s));
  auto look = Journal::open_to_read(path_);
  ASSERT_TRUE(look) << look.error().message;
  EXPECT_EQ((*look)->newest(), Instant{3s});
  EXPECT_TRUE((*look)->is_whole());
  tick(Instant{4h});  // what the controller writes meanwhile is seen
  ASSERT_TRUE(journal_->flush(10s));
  EXPECT_EQ((*look)->newest(), Instant{4h});
  ASSERT_TRUE(journal_->prune(Instant{4h}));
  EXPECT_FALSE((*look)->is_whole());
  (*look)->append_tick(Instant{5h}, {}, {});
  ASSERT_TRUE((*look)->flush(10s));
  EXPECT_TRUE((*look)->problem());
  EXPECT_EQ(journal_->newest(), Instant{4h});

  journal_.reset(), look->reset();
  for (const auto* rest : {"-wal", "-shm"}) std::filesystem::remove(path_ + rest);
  std::ofstream{path_} << "no database, and long enough that it could have been the header of one. ";
  const auto damaged = Journal::open_to_read(path_);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().kind, ErrorKind::invalid) << damaged.error().message;
  EXPECT_EQ(files_named("damaged"), 0);
}

TEST_F(JournalTest, CheckpointsAreStaggeredAndAtMostEveryTenMinutes) {
  std::map<std::int64_t, int> at_once;
  for (int s = 0; s < 100; ++s) {
    const std::string service = fmt::format("service-{}", s);
    EXPECT_TRUE(checkpoint_due(service, std::nullopt, Instant{1h}));
    Instant last{1h};
    int written = 0;
    for (Instant now = last; now < Instant{2h}; now += 1s)
      if (checkpoint_due(service, last, now)) last = now, ++written, ++at_once[now.time_since_epoch().count()];
    EXPECT_EQ(written, 6) << service;
  }
  EXPECT_LT(std::ranges::max(at_once | std::views::values), 8);
}

}  // namespace
}  // namespace tidegate
