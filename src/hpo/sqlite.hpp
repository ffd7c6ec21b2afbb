#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "numgeom/error.hpp"

namespace numgeom::sqlite {

class Statement;

/// Another connection keeps a lock.
class Busy : public Error {
 public:
  using Error::Error;
};

/// A connection. Every failure throws `Error` with one line that names the file.
class Database {
 public:
  enum class Mode { kCreate, kExisting, kReadOnly };

  Database(std::filesystem::path file, Mode mode, int busy_milliseconds);

  /// Runs statements that return nothing.
  void execute(const std::string& sql);
  [[nodiscard]] Statement prepare(std::string_view sql) const;
  [[nodiscard]] std::int64_t integer(std::string_view sql) const;
  [[nodiscard]] std::int64_t last_row() const { return sqlite3_last_insert_rowid(handle_.get()); }
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  [[noreturn]] void fail(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::filesystem::path file_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A prepared statement; parameters are bound in order.
class Statement {
 public:
  Statement(const Database& database, sqlite3* handle, std::string_view sql);

  Statement& bind(std::int64_t value);
  Statement& bind(int value) { return bind(std::int64_t{value}); }
  /// NaN becomes NULL.
  Statement& bind(double value);
  Statement& bind(std::string_view text);
  Statement& bind(const std::optional<std::string>& text);
  Statement& bind(const std::optional<double>& value);

  /// True where there is a row.
  bool step();
  /// Runs a statement whose rows do not matter; returns how many rows it changed.
  int run();
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void check(int code) const;

  const Database& database_;
  sqlite3* handle_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

/// Never throws: SQLite undoes what it cannot now when the connection is closed.
void roll_back(Database& database) noexcept;

/// Takes the write lock at once; undone unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {
    database_.execute("BEGIN IMMEDIATE");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

/// While it lives, everything that is read is of one moment.
class Snapshot {
 public:
  explicit Snapshot(Database& database) : database_(database) { database_.execute("BEGIN"); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() { roll_back(database_); }

 private:
  Database& database_;
};

}  // namespace numgeom::sqlite
