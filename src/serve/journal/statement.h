// A thin owner of one SQLite connection and its statements; every failure comes back as an Error with SQLite's words.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tidegate {

class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement);
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  // Parameters are numbered from 1. Texts and blobs must live until the statement has run.
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, Instant at) { return bind(index, std::int64_t{at.time_since_epoch().count()}); }
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::span<const std::byte> blob);
  Statement& bind_null(int index);

  // True: there is a row to read.
  [[nodiscard]] Result<bool> step();
  // Runs to the end and makes ready for the next values.
  [[nodiscard]] Result<void> run();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::vector<std::byte> blob(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  [[nodiscard]] static Result<Database> open(const std::string& path);
  [[nodiscard]] static Result<Database> open_to_read(const std::string& path);

  [[nodiscard]] Result<void> execute(const std::string& sql);
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  [[nodiscard]] std::int64_t last_id() const;
  [[nodiscard]] std::int64_t changes() const;
  // A transaction SQLite ended by itself (full disk) needs no rollback.
  [[nodiscard]] bool in_transaction() const;
  // The newest failure says that the file itself is no sound database.
  [[nodiscard]] bool is_corrupt() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}
  [[nodiscard]] static Result<Database> open(const std::string& path, int flags);
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace tidegate
