#include "serve/journal/journal.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/archive.h"
#include "serve/journal/compression.h"
#include "serve/journal/journal_writer.h"

namespace tidegate {

namespace {

constexpr std::size_t rows_max = 10'000;
constexpr std::size_t replay_batch = 100;

Instant instant(std::int64_t nanoseconds) { return Instant{Duration{nanoseconds}}; }
std::int64_t bounded(std::size_t limit) { return static_cast<std::int64_t>(std::min(limit, rows_max)); }

template <class Value>
Result<Value> read_block(std::span<const std::byte> block) {
  const auto bytes = decompress(block);
  if (!bytes) return std::unexpected(bytes.error());
  ByteReader reader(*bytes);
  Value value;
  reader(value);
  if (reader.failed() || !reader.at_end()) return fail(ErrorKind::invalid, "a block of the journal is damaged");
  return value;
}

Result<JournalDecision> decision_of(const Statement& row) {
  const auto bytes = decompress(row.blob(3));
  if (!bytes) return std::unexpected(bytes.error());
  auto decision = decision_from_bytes(*bytes);
  if (!decision) return std::unexpected(decision.error());
  return JournalDecision{.id = row.integer(0),
                         .until = instant(row.integer(1)),
                         .ticks = row.integer(2),
                         .decision = std::move(*decision)};
}

// Reads every row of a prepared statement with a function that may fail.
template <class Function>
Result<void> each_row(Result<Statement>& statement, Function function) {
  if (!statement) return std::unexpected(statement.error());
  while (true) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    if (Result<void> read = function(*statement); !read) return read;
  }
}

struct TickRow {
  std::int64_t id = 0;
  Instant at{};
  std::vector<std::byte> block;
};

Result<std::vector<TickRow>> read_ticks(Database& database, std::int64_t after, Instant from, std::size_t limit) {
  auto statement = database.prepare("SELECT id, at, block FROM tick WHERE id > ? AND at > ? ORDER BY id LIMIT ?");
  if (statement) statement->bind(1, after).bind(2, from).bind(3, static_cast<std::int64_t>(limit));
  std::vector<TickRow> rows;
  const auto read = each_row(statement, [&](const Statement& row) -> Result<void> {
    rows.push_back({row.integer(0), instant(row.integer(1)), row.blob(2)});
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return rows;
}

}  // namespace

ConfigurationText text_of_command(const std::vector<std::string>& words) {
  ConfigurationText source{.form = ConfigurationForm::command};
  for (const auto& word : words) source.text.append(word).push_back('\0');
  return source;
}

std::vector<std::string> words_of_command(const ConfigurationText& source) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < source.text.size();) {
    const auto end = std::min(source.text.find('\0', begin), source.text.size());
    words.push_back(source.text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

bool checkpoint_due(std::string_view service, std::optional<Instant> last, Instant now) {
  // FNV-1a: the same on every machine and in every run.
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : service) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  const auto period = static_cast<std::uint64_t>(checkpoint_period.count());
  const auto slot = [&](Instant at) {
    return (static_cast<std::uint64_t>(at.time_since_epoch().count()) + hash % period) / period;
  };
  return !last || slot(*last) != slot(now);
}

Journal::Journal(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}
Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(const std::string& path, const JournalLimits& limits) {
  std::vector<std::string> notices;
  auto database = open_journal(path, notices);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<Journal>(
      new Journal(std::make_unique<Writer>(path, limits, std::move(*database), std::move(notices))));
}

Result<std::unique_ptr<Journal>> Journal::open_to_read(const std::string& path) {
  auto database = open_journal_to_read(path);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<Journal>(new Journal(
      std::make_unique<Writer>(std::string{}, JournalLimits{}, std::move(*database), std::vector<std::string>{})));
}

void Journal::append_tick(Instant now, std::vector<Observation> observations, std::span<const Decision> decisions) {
  writer_->push(Writer::TickJob{now, std::move(observations), writer_->keep(decisions)});
}
void Journal::checkpoint(const std::string& service, Instant at, std::vector<std::byte> state) {
  writer_->push(Writer::StateJob{"checkpoint", service, at, std::move(state)});
}
void Journal::learned(const std::string& service, std::vector<std::byte> bytes) {
  writer_->push(Writer::StateJob{"learned", service, {}, std::move(bytes)});
}
void Journal::append_event(JournalEvent event) { writer_->push(std::move(event)); }

void Journal::configured(Instant since, ConfigurationText source) {
  writer_->push(JournalConfiguration{since, std::move(source)});
}

Result<void> Journal::steer(const std::string& service, const Steering& steering) {
  ByteWriter bytes;
  bytes(steering);
  return writer_->with_database([&](Database& database) -> Result<void> {
    const bool is_empty = !steering.manual && !steering.pause;
    auto statement = database.prepare(is_empty ? "DELETE FROM steering WHERE service = ?"
                                               : "INSERT OR REPLACE INTO steering (service, block) VALUES (?, ?)");
    if (!statement) return std::unexpected(statement.error());
    const auto block = compress(bytes.bytes());
    statement->bind(1, std::string_view(service));
    if (!is_empty) statement->bind(2, block);
    if (auto written = statement->run(); !written) return written;
    // An operator's word must outlive a power cut, which synchronous=NORMAL alone does not promise.
    return database.execute("PRAGMA wal_checkpoint(FULL)");
  });
}

Result<std::map<std::string, Steering>> Journal::steering() const {
  return writer_->with_database([&](Database& database) -> Result<std::map<std::string, Steering>> {
    std::map<std::string, Steering> found;
    auto statement = database.prepare("SELECT service, block FROM steering");
    const auto read = each_row(statement, [&](const Statement& row) -> Result<void> {
      auto value = read_block<Steering>(row.blob(1));
      if (!value) return std::unexpected(value.error());
      found.emplace(row.text(0), std::move(*value));
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return found;
  });
}

Result<std::map<std::string, Checkpoint>> Journal::checkpoints() const {
  return writer_->with_database([&](Database& database) -> Result<std::map<std::string, Checkpoint>> {
    std::map<std::string, Checkpoint> found;
    auto statement = database.prepare("SELECT service, at, block FROM checkpoint");
    const auto read = each_row(statement, [&](const Statement& row) -> Result<void> {
      auto state = decompress(row.blob(2));
      if (!state) return std::unexpected(state.error());
      found.emplace(row.text(0), Checkpoint{instant(row.integer(1)), std::move(*state)});
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return found;
  });
}

Result<void> Journal::replay(Instant from, const std::function<bool(Instant, std::vector<Observation>)>& each) const {
  std::int64_t after = 0;
  while (true) {
    // In batches, so that the connection is free in between and memory stays small.
    const auto batch =
        writer_->with_database([&](Database& database) { return read_ticks(database, after, from, replay_batch); });
    if (!batch) return std::unexpected(batch.error());
    for (const TickRow& tick : *batch) {
      after = tick.id;
      auto observations = read_block<std::vector<Observation>>(tick.block);
      if (!observations) return std::unexpected(observations.error());
      if (!each(tick.at, std::move(*observations))) return {};
    }
    if (batch->size() < replay_batch) return {};
  }
}

Result<Restored> Journal::load_latest(const std::string& service) const {
  auto all = checkpoints();
  if (!all) return std::unexpected(all.error());
  Restored restored;
  if (const auto found = all->find(service); found != all->end()) restored.checkpoint = std::move(found->second);
  const Instant from = restored.checkpoint ? restored.checkpoint->at : Instant{Duration{-1}};
  const auto read = replay(from, [&](Instant, std::vector<Observation> observations) {
    for (auto& observation : observations)
      if (observation.service == service) restored.since.push_back(std::move(observation));
    return true;
  });
  if (!read) return std::unexpected(read.error());
  return restored;
}

Result<std::vector<std::byte>> Journal::load_learned(const std::string& service) const {
  return writer_->with_database([&](Database& database) -> Result<std::vector<std::byte>> {
    std::vector<std::byte> bytes;
    auto statement = database.prepare("SELECT block FROM learned WHERE service = ?");
    if (statement) statement->bind(1, std::string_view(service));
    const auto read = each_row(statement, [&](const Statement& row) -> Result<void> {
      auto block = decompress(row.blob(0));
      if (!block) return std::unexpected(block.error());
      bytes = std::move(*block);
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return bytes;
  });
}

Result<std::vector<JournalConfiguration>> Journal::configurations() const {
  const auto has_table = number("SELECT count(*) FROM sqlite_master WHERE name = 'configuration'");
  if (!has_table) return std::unexpected(has_table.error());
  if (*has_table == 0) return std::vector<JournalConfiguration>{};
  return writer_->with_database([&](Database& database) -> Result<std::vector<JournalConfiguration>> {
    std::vector<JournalConfiguration> found;
    auto statement = database.prepare("SELECT at, form, block FROM configuration ORDER BY id");
    const auto read = each_row(statement, [&](const Statement& row) -> Result<void> {
      const auto form = from_text<ConfigurationForm>(row.text(1));
      const auto text = decompress(row.blob(2));
      if (!text) return std::unexpected(text.error());
      if (!form) return fail(ErrorKind::invalid, fmt::format("the journal holds a configuration as {}", row.text(1)));
      found.push_back({.since = instant(row.integer(0)),
                       .source = {.form = *form, .text = {reinterpret_cast<const char*>(text->data()), text->size()}}});
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return found;
  });
}

bool Journal::is_whole() const { return number("SELECT coalesce(min(id), 1) FROM tick").value_or(0) == 1; }

Instant Journal::newest() const { return instant(number("SELECT coalesce(max(at), 0) FROM tick").value_or(0)); }

Result<std::int64_t> Journal::number(std::string_view sql) const {
  return writer_->with_database([&](Database& database) -> Result<std::int64_t> {
    std::int64_t answer = 0;
    auto statement = database.prepare(sql);
    const auto read = each_row(statement, [&](const Statement& row) -> Result<void> {
      answer = row.integer(0);
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return answer;
  });
}

Result<std::vector<JournalDecision>> Journal::decisions(const std::string& service, Instant from, Instant to,
                                                        std::size_t limit) const {
  return writer_->with_database([&](Database& database) -> Result<std::vector<JournalDecision>> {
    std::vector<JournalDecision> found;
    auto statement = database.prepare(
        service.empty()
            ? "SELECT id, until, ticks, block FROM decision WHERE at <= ?2 AND until >= ?1 AND ?4 = '' "
              "ORDER BY at DESC, id DESC LIMIT ?3"
            : "SELECT id, until, ticks, block FROM decision WHERE service = ?4 AND at <= ?2 AND until >= ?1 "
              "ORDER BY at DESC, id DESC LIMIT ?3");
    if (statement) statement->bind(1, from).bind(2, to).bind(3, bounded(limit)).bind(4, std::string_view(service));
    const auto read = each_row(statement, [&](const Statement& row) -> Result<void> {
      auto decision = decision_of(row);
      if (!decision) return std::unexpected(decision.error());
      found.push_back(std::move(*decision));
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return found;
  });
}

Result<JournalDecision> Journal::decision(std::int64_t id) const {
  return writer_->with_database([&](Database& database) -> Result<JournalDecision> {
    auto statement = database.prepare("SELECT id, until, ticks, block FROM decision WHERE id = ?");
    if (!statement) return std::unexpected(statement.error());
    const auto row = statement->bind(1, id).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return fail(ErrorKind::not_found, fmt::format("no decision has the number {}", id));
    return decision_of(*statement);
  });
}

Result<std::vector<JournalEvent>> Journal::events(const std::string& service, Instant from, Instant to,
                                                  std::size_t limit) const {
  return writer_->with_database([&](Database& database) -> Result<std::vector<JournalEvent>> {
    std::vector<JournalEvent> found;
    auto statement = database.prepare(
        "SELECT at, service, replica, reason, message FROM event WHERE at BETWEEN ?1 AND ?2 "
        "AND (?4 = '' OR service = ?4) ORDER BY at DESC, id DESC LIMIT ?3");
    if (statement) statement->bind(1, from).bind(2, to).bind(3, bounded(limit)).bind(4, std::string_view(service));
    const auto read = each_row(statement, [&](const Statement& row) -> Result<void> {
      const auto reason = from_text<Reason>(row.text(3));
      found.push_back(
          {instant(row.integer(0)), row.text(1), row.text(2), reason.value_or(Reason::target_error), row.text(4)});
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return found;
  });
}

Result<void> Journal::prune(Instant now) { return writer_->prune(now); }
bool Journal::flush(Duration within) { return writer_->flush(within); }
std::optional<Error> Journal::problem() const { return writer_->problem(); }
std::int64_t Journal::dropped() const { return writer_->dropped(); }
std::vector<std::string> Journal::notices() { return writer_->notices(); }

}  // namespace tidegate
