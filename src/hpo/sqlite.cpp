#include "sqlite.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "numgeom/error.hpp"

namespace numgeom::sqlite {
namespace {

int flags_of(Database::Mode mode) {
  switch (mode) {
    case Database::Mode::kCreate:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Database::Mode::kExisting:
      return SQLITE_OPEN_READWRITE;
    case Database::Mode::kReadOnly:
      break;
  }
  return SQLITE_OPEN_READONLY;
}

std::string explanation(int code, const char* message) {
  switch (code & 0xFF) {
    case SQLITE_NOTADB:
      return "a study storage expected, this is no SQLite database";
    case SQLITE_CORRUPT:
      return "the database is damaged; what was stored before may be saved with sqlite3 .recover";
    case SQLITE_FULL:
      return "no space is left to write to; what was stored before is intact";
    case SQLITE_READONLY:
      return "it cannot be written: read-only";
    case SQLITE_CANTOPEN:
      return "it cannot be opened";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program keeps it locked";
    case SQLITE_IOERR:
      return fmt::format("reading or writing failed ({}); what was stored before is intact",
                         message);
    default:
      return fmt::format("the storage failed: {}", message);
  }
}

}  // namespace

Database::Database(std::filesystem::path file, Mode mode, int busy_milliseconds)
    : file_(std::move(file)) {
  std::error_code ignored;
  if (mode != Mode::kCreate && !std::filesystem::exists(file_, ignored))
    throw Error(fmt::format("{}: there is no such file", file_.string()));
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file_.c_str(), &handle, flags_of(mode), nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, busy_milliseconds);
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

Statement Database::prepare(std::string_view sql) const { return {*this, handle_.get(), sql}; }

std::int64_t Database::integer(std::string_view sql) const {
  Statement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

void Database::fail(int code) const {
  const std::string line =
      fmt::format("{}: {}", file_.string(), explanation(code, sqlite3_errmsg(handle_.get())));
  const int primary = code & 0xFF;
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) throw Busy(line);
  throw Error(line);
}

Statement::Statement(const Database& database, sqlite3* handle, std::string_view sql)
    : database_(database), handle_(handle) {
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &statement, nullptr));
  statement_.reset(statement);
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) database_.fail(code);
}

Statement& Statement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), ++bound_, value));
  return *this;
}

Statement& Statement::bind(double value) {
  check(sqlite3_bind_double(statement_.get(), ++bound_, value));
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  check(sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(const std::optional<std::string>& text) {
  if (text) return bind(std::string_view(*text));
  check(sqlite3_bind_null(statement_.get(), ++bound_));
  return *this;
}

Statement& Statement::bind(const std::optional<double>& value) {
  return bind(value.value_or(std::numeric_limits<double>::quiet_NaN()));
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail(code);
  return false;
}

int Statement::run() {
  while (step()) {
  }
  return sqlite3_changes(handle_);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const {
  if (is_null(column)) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void roll_back(Database& database) noexcept {
  try {
    database.execute("ROLLBACK");
  } catch (...) {
    return;
  }
}

Transaction::~Transaction() {
  if (open_) roll_back(database_);
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace numgeom::sqlite
