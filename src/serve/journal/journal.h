// The memory of the controller on the disk: what was seen, what was decided, what was steered, and from where to go
// on after a restart. SQLite in WAL mode, one file; a kill -9 at any moment loses at most the last ticks still queued.
//
// Appending never waits for the disk: it hands over to one background thread through a bounded queue. When the disk
// cannot take more, ticks are dropped and counted, `problem()` says why, and control goes on. Reading waits for the
// thread's present write at most.
//
// Decisions are kept when they differ from the one before (verdict, reason, pools); an unbroken run of equal holds is
// one row that counts its ticks. Everything between can be computed again from checkpoint and observations.
// A file that is no sound database is moved aside, with one sentence in `notices()`, and a new one is begun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/error.h"
#include "core/base/time.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "serve/journal/decision_record.h"

namespace tidegate {

struct JournalLimits {
  Duration history = std::chrono::hours{24 * 14};  // older ticks, decisions and events go
  std::int64_t bytes_max = 4LL << 30;              // then the oldest, until the file holds no more than this
  std::size_t queue_max = 120;                     // ticks waiting for the disk
};

struct Checkpoint {
  Instant at{};
  std::vector<std::byte> state;  // opaque here; core/decide/state.h reads it
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

struct Restored {
  std::optional<Checkpoint> checkpoint;
  std::vector<Observation> since;  // after it, oldest first, to be decided again
};

struct JournalDecision {
  std::int64_t id = 0;
  Instant until{};          // of the last equal tick
  std::int64_t ticks = 1;   // how many equal ones this row stands for
  StoredDecision decision;  // the first of them
};

struct JournalEvent {
  Instant at{};
  std::string service;  // empty: of the fleet
  std::string replica;
  Reason reason = Reason::target_error;
  std::string message;
  friend bool operator==(const JournalEvent&, const JournalEvent&) = default;
};

// What the controller decides by from a moment on, so that a journal can be decided again without anything beside it.
enum class ConfigurationForm : std::uint8_t { file, command };
template <>
inline constexpr auto enum_texts<ConfigurationForm> = std::to_array<EnumText<ConfigurationForm>>(
    {{ConfigurationForm::file, "file"}, {ConfigurationForm::command, "command"}});

struct ConfigurationText {
  ConfigurationForm form = ConfigurationForm::file;
  std::string text;  // of a command: its words, each ended by a zero byte
  friend bool operator==(const ConfigurationText&, const ConfigurationText&) = default;
};
[[nodiscard]] ConfigurationText text_of_command(const std::vector<std::string>& words);
[[nodiscard]] std::vector<std::string> words_of_command(const ConfigurationText& source);

struct JournalConfiguration {
  Instant since{};  // it holds for ticks from then on
  ConfigurationText source;
};

// What operators set, until it expires or is taken back.
struct Steering {
  std::optional<Override> manual;
  std::optional<Pause> pause;
  friend bool operator==(const Steering&, const Steering&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(manual, pause);
  }
};

// Its name in the state directory.
inline constexpr std::string_view journal_filename = "journal.sqlite";

// At most every 10 minutes, each service at its own offset, so that a fleet does not write all states at once.
inline constexpr Duration checkpoint_period = 10min;
[[nodiscard]] bool checkpoint_due(std::string_view service, std::optional<Instant> last, Instant now);

class Journal {
 public:
  // Fails when the file cannot be opened at all, or was written by a newer tidegate.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(const std::string& path, const JournalLimits& limits = {});
  // For a look beside a running controller or after it: never creates, writes or moves the file.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open_to_read(const std::string& path);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();  // writes what is queued

  // From the control thread; never waits for the disk.
  void append_tick(Instant now, std::vector<Observation> observations, std::span<const Decision> decisions);
  void checkpoint(const std::string& service, Instant at, std::vector<std::byte> state);
  void learned(const std::string& service, std::vector<std::byte> bytes);  // what survives a new state version
  void append_event(JournalEvent event);
  void configured(Instant since, ConfigurationText source);  // the same as before is not written again

  // Durable when it returns.
  [[nodiscard]] Result<void> steer(const std::string& service, const Steering& steering);
  [[nodiscard]] Result<std::map<std::string, Steering>> steering() const;

  // After a restart. `replay` calls with every tick after `from`, oldest first, until the callee says false.
  [[nodiscard]] Result<std::map<std::string, Checkpoint>> checkpoints() const;
  [[nodiscard]] Result<void> replay(Instant from,
                                    const std::function<bool(Instant, std::vector<Observation>)>& each) const;
  [[nodiscard]] Result<Restored> load_latest(const std::string& service) const;
  [[nodiscard]] Result<std::vector<std::byte>> load_learned(const std::string& service) const;  // empty: none
  // Oldest first, those that ticks still there were decided by; none in a journal of an older tidegate.
  [[nodiscard]] Result<std::vector<JournalConfiguration>> configurations() const;
  // Whether the first tick ever appended is still there, so that all can be decided again from the beginning.
  [[nodiscard]] bool is_whole() const;
  [[nodiscard]] Instant newest() const;  // of any tick; the epoch when there is none

  // Newest first, at most `limit`. An empty service: of all.
  [[nodiscard]] Result<std::vector<JournalDecision>> decisions(const std::string& service, Instant from, Instant to,
                                                               std::size_t limit) const;
  [[nodiscard]] Result<JournalDecision> decision(std::int64_t id) const;
  [[nodiscard]] Result<std::vector<JournalEvent>> events(const std::string& service, Instant from, Instant to,
                                                         std::size_t limit) const;

  // Removes what the limits no longer allow; the background thread does it every 10 minutes of journal time.
  [[nodiscard]] Result<void> prune(Instant now);
  // Waits until what was appended so far is on the disk; false at the deadline.
  [[nodiscard]] bool flush(Duration within);

  // Why the newest write failed; none: all is well. And how many ticks were dropped since the start.
  [[nodiscard]] std::optional<Error> problem() const;
  [[nodiscard]] std::int64_t dropped() const;
  // Sentences for the operator, handed out once: a database moved aside.
  [[nodiscard]] std::vector<std::string> notices();

 private:
  class Writer;
  explicit Journal(std::unique_ptr<Writer> writer);
  [[nodiscard]] Result<std::int64_t> number(std::string_view sql) const;  // one number
  std::unique_ptr<Writer> writer_;
};

}  // namespace tidegate
