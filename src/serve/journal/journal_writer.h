// The one connection of the journal, the queue in front of it and the thread behind it. Private to this room.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "serve/journal/journal.h"
#include "serve/journal/statement.h"

namespace tidegate {

class Journal::Writer {
 public:
  Writer(std::string path, const JournalLimits& limits, Database database, std::vector<std::string> notices);
  ~Writer();

  struct KeptDecision {
    bool is_new = true;       // false: the run of the service's newest row goes on
    StoredDecision decision;  // of a new one
    std::string service;      // of a run
    Instant until{};
    std::int64_t ticks = 1;
  };
  struct TickJob {
    Instant now{};
    std::vector<Observation> observations;
    std::vector<KeptDecision> decisions;
  };
  struct StateJob {
    const char* table;  // checkpoint or learned
    std::string service;
    Instant at{};
    std::vector<std::byte> bytes;
  };
  using Job = std::variant<TickJob, StateJob, JournalEvent, JournalConfiguration>;

  void push(Job job);
  [[nodiscard]] std::vector<KeptDecision> keep(std::span<const Decision> decisions);
  [[nodiscard]] bool flush(Duration within);
  [[nodiscard]] Result<void> prune(Instant now);

  // Runs under the lock of the connection; a corrupt file found on the way is moved aside.
  template <class Function>
  auto with_database(Function function) {
    const std::lock_guard lock(database_mutex_);
    auto answer = function(database_);
    if (!answer && database_.is_corrupt()) begin_anew();
    return answer;
  }

  [[nodiscard]] std::optional<Error> problem() const;
  [[nodiscard]] std::int64_t dropped() const;
  [[nodiscard]] std::vector<std::string> notices();

 private:
  // The unbroken run of equal decisions of one service.
  struct Run {
    Verdict verdict{};
    Reason reason{};
    std::vector<PoolDecision> pools;
    std::int64_t ticks = 0;
    std::int64_t ticks_written = 0;
    Instant until{};
    Instant written{};
  };

  void work();
  void begin_anew();
  [[nodiscard]] Result<void> write(Database& database, const std::deque<Job>& jobs);
  [[nodiscard]] Result<void> write(Database& database, const TickJob& job);
  [[nodiscard]] Result<void> write(Database& database, const StateJob& job);
  [[nodiscard]] Result<void> write(Database& database, const JournalEvent& event);
  [[nodiscard]] Result<void> write(Database& database, const JournalConfiguration& configuration);
  [[nodiscard]] Result<void> write_run(Database& database, const KeptDecision& run);

  const std::string path_;  // empty: only reads
  const JournalLimits limits_;

  mutable std::mutex database_mutex_;
  Database database_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> queue_;
  std::size_t ticks_queued_ = 0;
  bool writing_ = false;
  bool stopping_ = false;
  std::int64_t dropped_ = 0;
  std::optional<Error> problem_;
  std::vector<std::string> notices_;

  std::map<std::string, Run> runs_;  // of the control thread alone
  Instant pruned_{};                 // of the background thread alone
  std::thread thread_;
};

// Opens the file, or begins a new one in place of a damaged one and says so.
[[nodiscard]] Result<Database> open_journal(const std::string& path, std::vector<std::string>& notices);

// As it is, or not at all.
[[nodiscard]] Result<Database> open_journal_to_read(const std::string& path);

}  // namespace tidegate
