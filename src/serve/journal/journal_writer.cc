#include "serve/journal/journal_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/base/archive.h"
#include "serve/journal/compression.h"

namespace tidegate {

namespace {

constexpr std::int64_t schema_version = 2;
constexpr std::int64_t readable_version = 1;  // has no configurations
constexpr Duration run_period = 1min;         // how often a run that goes on is written
constexpr Duration prune_period = 10min;
constexpr std::size_t jobs_max = 10'000;  // small jobs: checkpoints and events
constexpr int prune_rows = 5'000;         // a batch, so that the connection is never held for long

constexpr const char* schema = R"(
  CREATE TABLE tick (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, block BLOB NOT NULL) STRICT;
  CREATE INDEX tick_at ON tick (at);
  CREATE TABLE decision (id INTEGER PRIMARY KEY, service TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL,
                         ticks INTEGER NOT NULL, block BLOB NOT NULL) STRICT;
  CREATE INDEX decision_service ON decision (service, at);
  CREATE INDEX decision_at ON decision (at);
  CREATE TABLE checkpoint (service TEXT PRIMARY KEY, at INTEGER NOT NULL, block BLOB NOT NULL) STRICT;
  CREATE TABLE learned (service TEXT PRIMARY KEY, at INTEGER NOT NULL, block BLOB NOT NULL) STRICT;
  CREATE TABLE steering (service TEXT PRIMARY KEY, block BLOB NOT NULL) STRICT;
  CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, service TEXT NOT NULL, replica TEXT NOT NULL,
                      reason TEXT NOT NULL, message TEXT NOT NULL) STRICT;
  CREATE INDEX event_at ON event (at);
)";
// What came with version 2.
constexpr const char* configuration_schema = R"(
  CREATE TABLE configuration (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, form TEXT NOT NULL,
                              block BLOB NOT NULL) STRICT;
)";

// One integer of one row, as PRAGMAs answer.
Result<std::int64_t> ask(Database& database, std::string_view sql) {
  auto statement = database.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

// A large file is not read as a whole at every start: damage in it shows when the damaged page is used.
Result<void> check_sound(Database& database) {
  constexpr std::int64_t pages_max = 65'536;
  const auto pages = ask(database, "PRAGMA page_count");
  if (!pages) return std::unexpected(pages.error());
  if (*pages > pages_max) return {};
  auto statement = database.prepare("PRAGMA quick_check(1)");
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  if (*row && statement->text(0) != "ok") return fail(ErrorKind::invalid, statement->text(0));
  return {};
}

// Kind `too_large` is kept for a full disk, `denied` for permissions: neither means that the file is damaged.
Result<void> prepare(Database& database) {
  if (auto set =
          database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;");
      !set)
    return set;
  const auto version = ask(database, "PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version == schema_version) return check_sound(database);
  if (*version > schema_version)
    return fail(ErrorKind::not_found,
                fmt::format("it has version {}, this tidegate knows {}", *version, schema_version));
  return database.execute(fmt::format("BEGIN; {} {} PRAGMA user_version={}; COMMIT;", *version == 0 ? schema : "",
                                      configuration_schema, schema_version));
}

std::string move_aside(const std::string& path) {
  std::string aside;
  std::error_code code;
  for (int i = 1; i == 1 || std::filesystem::exists(aside, code); ++i) aside = fmt::format("{}.damaged-{}", path, i);
  std::filesystem::rename(path, aside, code);
  // The log of the damaged file must not be taken for the new one's.
  std::filesystem::remove(path + "-wal", code);
  std::filesystem::remove(path + "-shm", code);
  return aside;
}

}  // namespace

Result<Database> open_journal(const std::string& path, std::vector<std::string>& notices) {
  auto database = Database::open(path);
  if (!database) return database;
  const auto prepared = prepare(*database);
  if (prepared) return database;
  const Error& problem = prepared.error();
  if (problem.kind == ErrorKind::not_found)
    return fail(ErrorKind::invalid,
                fmt::format("the journal {} was written by a newer tidegate ({}); start that one, or "
                            "move the file away",
                            path, problem.message));
  if (problem.kind != ErrorKind::invalid && !database->is_corrupt()) return std::unexpected(problem);
  *database = *Database::open(":memory:");  // lets go of the file
  const std::string aside = move_aside(path);
  notices.push_back(
      fmt::format("the journal {} is damaged and was moved to {}; a new one is begun, so the history and "
                  "what was learned start afresh ({})",
                  path, aside, problem.message));
  database = Database::open(path);
  if (!database) return database;
  if (auto again = prepare(*database); !again) return std::unexpected(again.error());
  return database;
}

Result<Database> open_journal_to_read(const std::string& path) {
  std::error_code code;
  if (!std::filesystem::exists(path, code))
    return fail(ErrorKind::not_found, fmt::format("there is no journal {}", path));
  auto database = Database::open_to_read(path);
  if (!database) return database;
  const auto version = ask(*database, "PRAGMA user_version");
  if (!version)
    return fail(database->is_corrupt() ? ErrorKind::invalid : ErrorKind::denied,
                fmt::format("cannot read the journal {}: {}", path, version.error().message));
  if (*version < readable_version || *version > schema_version)
    return fail(ErrorKind::invalid,
                fmt::format("the journal {} has version {}, this tidegate knows {}", path, *version, schema_version));
  return database;
}

Journal::Writer::Writer(std::string path, const JournalLimits& limits, Database database,
                        std::vector<std::string> notices)
    : path_(std::move(path)),
      limits_(limits),
      database_(std::move(database)),
      notices_(std::move(notices)),
      thread_([this] { work(); }) {}

Journal::Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Journal::Writer::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    const bool is_tick = std::holds_alternative<TickJob>(job);
    if ((is_tick && ticks_queued_ >= limits_.queue_max) || queue_.size() >= jobs_max) {
      ++dropped_;
      return;
    }
    ticks_queued_ += is_tick ? 1 : 0;
    queue_.push_back(std::move(job));
  }
  changed_.notify_all();
}

std::vector<Journal::Writer::KeptDecision> Journal::Writer::keep(std::span<const Decision> decisions) {
  std::vector<KeptDecision> kept;
  for (const auto& decision : decisions) {
    auto& run = runs_[decision.service];
    const bool goes_on = run.ticks > 0 && decision.verdict == Verdict::hold && run.verdict == decision.verdict &&
                         run.reason == decision.reason && run.pools == decision.pools;
    const bool due = goes_on && decision.now >= run.written + run_period;
    if (!goes_on && run.ticks > run.ticks_written)
      kept.push_back({.is_new = false, .service = decision.service, .until = run.until, .ticks = run.ticks});
    if (!goes_on) {
      run = {decision.verdict, decision.reason, decision.pools, 0, 1, {}, decision.now};
      kept.push_back({.decision = stored(decision)});
    }
    ++run.ticks;
    run.until = decision.now;
    if (!due) continue;
    run.written = decision.now;
    run.ticks_written = run.ticks;
    kept.push_back({.is_new = false, .service = decision.service, .until = run.until, .ticks = run.ticks});
  }
  return kept;
}

void Journal::Writer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::deque<Job> jobs;
    jobs.swap(queue_);
    ticks_queued_ = 0;
    writing_ = true;
    lock.unlock();

    Instant newest{};
    for (const auto& job : jobs)
      if (const auto* tick = std::get_if<TickJob>(&job)) newest = tick->now;
    auto written = with_database([&](Database& database) { return write(database, jobs); });
    if (written && newest >= pruned_ + prune_period) {
      pruned_ = newest;
      written = prune(newest);
    }

    lock.lock();
    writing_ = false;
    problem_ = written ? std::nullopt : std::optional(written.error());
    if (!written) dropped_ += std::ranges::count_if(jobs, [](const Job& job) { return job.index() == 0; });
    changed_.notify_all();
  }
}

// Called under database_mutex_.
void Journal::Writer::begin_anew() {
  if (path_.empty()) return;
  std::vector<std::string> said;
  database_ = *Database::open(":memory:");
  const std::string aside = move_aside(path_);
  said.push_back(fmt::format("the journal {} is damaged and was moved to {}; a new one is begun", path_, aside));
  if (auto opened = open_journal(path_, said))
    database_ = std::move(*opened);
  else
    said.push_back(opened.error().message);
  const std::lock_guard lock(mutex_);
  notices_.insert(notices_.end(), said.begin(), said.end());
}

Result<void> Journal::Writer::write(Database& database, const std::deque<Job>& jobs) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
  for (const auto& job : jobs) {
    const auto written = std::visit([&](const auto& each) { return write(database, each); }, job);
    if (written) continue;
    // The first failure is the one to tell; one of the rollback would only hide it.
    if (database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
    return written;
  }
  auto committed = database.execute("COMMIT");
  if (!committed && database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
  return committed;
}

Result<void> Journal::Writer::write(Database& database, const TickJob& job) {
  ByteWriter bytes;
  bytes(job.observations);
  const auto block = compress(bytes.bytes());
  auto tick = database.prepare("INSERT INTO tick (at, block) VALUES (?, ?)");
  if (!tick) return std::unexpected(tick.error());
  if (auto run = tick->bind(1, job.now).bind(2, block).run(); !run) return run;
  auto insert = database.prepare("INSERT INTO decision (service, at, until, ticks, block) VALUES (?, ?, ?, ?, ?)");
  if (!insert) return std::unexpected(insert.error());
  for (const auto& kept : job.decisions) {
    if (!kept.is_new) {
      if (auto run = write_run(database, kept); !run) return run;
      continue;
    }
    const auto record = compress(to_bytes(kept.decision));
    const Instant at = kept.decision.now;
    insert->bind(1, std::string_view(kept.decision.service))
        .bind(2, at)
        .bind(3, at)
        .bind(4, kept.ticks)
        .bind(5, record);
    if (auto run = insert->run(); !run) return run;
  }
  return {};
}

Result<void> Journal::Writer::write_run(Database& database, const KeptDecision& kept) {
  auto update = database.prepare(
      "UPDATE decision SET until = ?, ticks = ? WHERE id = "
      "(SELECT id FROM decision WHERE service = ? ORDER BY at DESC, id DESC LIMIT 1)");
  if (!update) return std::unexpected(update.error());
  return update->bind(1, kept.until).bind(2, kept.ticks).bind(3, std::string_view(kept.service)).run();
}

Result<void> Journal::Writer::write(Database& database, const StateJob& job) {
  auto insert =
      database.prepare(fmt::format("INSERT OR REPLACE INTO {} (service, at, block) VALUES (?, ?, ?)", job.table));
  if (!insert) return std::unexpected(insert.error());
  const auto block = compress(job.bytes);
  return insert->bind(1, std::string_view(job.service)).bind(2, job.at).bind(3, block).run();
}

Result<void> Journal::Writer::write(Database& database, const JournalEvent& event) {
  auto insert = database.prepare("INSERT INTO event (at, service, replica, reason, message) VALUES (?, ?, ?, ?, ?)");
  if (!insert) return std::unexpected(insert.error());
  return insert->bind(1, event.at)
      .bind(2, std::string_view(event.service))
      .bind(3, std::string_view(event.replica))
      .bind(4, to_text(event.reason))
      .bind(5, std::string_view(event.message))
      .run();
}

Result<void> Journal::Writer::write(Database& database, const JournalConfiguration& configuration) {
  const auto* text = reinterpret_cast<const std::byte*>(configuration.source.text.data());
  const auto block = compress({text, configuration.source.text.size()});
  auto insert = database.prepare(
      "INSERT INTO configuration (at, form, block) SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM configuration "
      "WHERE id = (SELECT max(id) FROM configuration) AND form = ?2 AND block = ?3)");
  if (!insert) return std::unexpected(insert.error());
  return insert->bind(1, configuration.since).bind(2, to_text(configuration.source.form)).bind(3, block).run();
}

Result<void> Journal::Writer::prune(Instant now) {
  // A run of equal decisions that reaches into what is kept is kept.
  const std::int64_t oldest = (now - limits_.history).time_since_epoch().count();
  for (const auto& [table, is_old] : std::initializer_list<std::pair<const char*, std::string>>{
           {"tick", fmt::format("at < {}", oldest)},
           {"decision", fmt::format("at < {0} AND until < {0}", oldest)},
           {"event", fmt::format("at < {}", oldest)}}) {
    const auto sql =
        fmt::format("DELETE FROM {0} WHERE id IN (SELECT id FROM {0} WHERE {1} LIMIT {2})", table, is_old, prune_rows);
    std::int64_t removed = prune_rows;
    while (removed == prune_rows) {
      const auto done = with_database([&](Database& database) -> Result<void> {
        auto executed = database.execute(sql);
        if (executed) removed = database.changes();
        return executed;
      });
      if (!done) return done;
    }
  }
  // Those that no tick left was decided by.
  const auto forgotten = with_database([](Database& database) {
    return database.execute(
        "DELETE FROM configuration WHERE id < (SELECT max(id) FROM configuration WHERE at <= "
        "(SELECT min(at) FROM tick))");
  });
  if (!forgotten) return forgotten;
  // Pages in use, not the file's length: freed pages are used again before the file grows.
  while (true) {
    bool over = false;
    const auto done = with_database([&](Database& database) -> Result<void> {
      const auto pages = ask(database, "PRAGMA page_count"), unused = ask(database, "PRAGMA freelist_count");
      const auto page = ask(database, "PRAGMA page_size"), ticks = ask(database, "SELECT count(*) FROM tick");
      for (const auto* value : {&pages, &unused, &page, &ticks})
        if (!*value) return std::unexpected(value->error());
      over = (*pages - *unused) * *page > limits_.bytes_max && *ticks > 1;
      if (!over) return {};
      // The oldest tenth of the ticks, and the decisions of that time.
      return database.execute(fmt::format(
          "DELETE FROM tick WHERE id IN (SELECT id FROM tick ORDER BY id LIMIT {});"
          "DELETE FROM decision WHERE at < (SELECT min(at) FROM tick) AND until < (SELECT min(at) FROM tick);"
          "DELETE FROM event WHERE at < (SELECT min(at) FROM tick);",
          std::max<std::int64_t>(1, *ticks / 10)));
    });
    if (!done || !over) return done;
  }
}

bool Journal::Writer::flush(Duration within) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, within, [this] { return queue_.empty() && !writing_; });
}

std::optional<Error> Journal::Writer::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

std::int64_t Journal::Writer::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::vector<std::string> Journal::Writer::notices() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

}  // namespace tidegate
