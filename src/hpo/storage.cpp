#include "numgeom/hpo/storage.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "numgeom/error.hpp"
#include "sqlite.hpp"
#include "train/assignment_json.hpp"

namespace numgeom {
namespace {

using sqlite::Database;
using sqlite::Snapshot;
using sqlite::Statement;
using sqlite::Transaction;

/// "NumG": marks a file as ours.
constexpr std::int64_t kApplication = 0x4E756D47;

/// Statement k brings schema version k to k + 1.
constexpr const char* kMigrations[] = {
    R"(CREATE TABLE study (
         id INTEGER PRIMARY KEY,
         name TEXT NOT NULL UNIQUE,
         definition TEXT NOT NULL,
         batch INTEGER NOT NULL,
         created REAL NOT NULL);
       CREATE TABLE trial (
         study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
         number INTEGER NOT NULL,
         state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
         assignment TEXT NOT NULL,
         memo TEXT NOT NULL,
         loss REAL,  -- NULL in a trial that is done: not a number
         delta REAL,
         attributes TEXT NOT NULL DEFAULT '{}',
         result TEXT,
         worker TEXT NOT NULL,
         attempt INTEGER NOT NULL,
         lease REAL NOT NULL,
         started REAL NOT NULL,
         finished REAL,
         PRIMARY KEY (study, number));
       CREATE INDEX running ON trial (study, lease) WHERE state = 'running';)",
    "ALTER TABLE study ADD COLUMN data TEXT NOT NULL DEFAULT ''"};
constexpr int kSchemaVersion = static_cast<int>(std::size(kMigrations));

constexpr const char* kStudyColumns =
    "SELECT id, name, definition, batch, created, data,"
    " (SELECT count(*) FROM trial WHERE study = id AND state = 'running'),"
    " (SELECT count(*) FROM trial WHERE study = id AND state = 'done'),"
    " (SELECT count(*) FROM trial WHERE study = id AND state = 'failed'),"
    " (SELECT min(loss) FROM trial WHERE study = id AND state = 'done' AND abs(loss) < 9e999)"
    " FROM study ";
constexpr const char* kTrialColumns =
    "SELECT number, state, assignment, memo, loss, delta, attributes, result, worker, attempt,"
    " started, finished FROM trial WHERE study = ? ";

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Evaluation::State state_of(const std::string& name) {
  if (name == "running") return Evaluation::State::kRunning;
  return name == "done" ? Evaluation::State::kDone : Evaluation::State::kFailed;
}

std::string attributes_text(const std::map<std::string, Value>& attributes) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [name, value] : attributes) json[name] = value_json(value);
  return json.dump();
}

std::map<std::string, Value> attributes_of(const std::string& text) {
  const OrderedJson json = OrderedJson::parse(text);
  std::map<std::string, Value> result;
  for (const auto& [name, value] : json.items())
    result[name] = value == "inf" || value == "-inf" || value == "nan" ? number_from_json(value)
                                                                       : value_from_json(value);
  return result;
}

std::optional<double> optional_real(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.real(column);
}

StoredStudy study_row(const Statement& row) {
  StoredStudy study;
  study.id = static_cast<int>(row.integer(0));
  study.name = row.text(1);
  study.definition = row.text(2);
  study.batch = static_cast<int>(row.integer(3));
  study.created = row.real(4);
  study.data = row.text(5);
  study.running = static_cast<int>(row.integer(6));
  study.done = static_cast<int>(row.integer(7));
  study.failed = static_cast<int>(row.integer(8));
  study.best = optional_real(row, 9);
  return study;
}

StoredTrial trial_row(const Statement& row) {
  StoredTrial trial;
  trial.number = static_cast<int>(row.integer(0));
  trial.evaluation.state = state_of(row.text(1));
  trial.evaluation.assignment = assignment_from_json(OrderedJson::parse(row.text(2)));
  trial.evaluation.memo = OrderedJson::parse(row.text(3)).get<std::vector<double>>();
  trial.evaluation.loss = row.real(4);
  trial.evaluation.delta = optional_real(row, 5);
  trial.attributes = attributes_of(row.text(6));
  if (!row.is_null(7)) trial.result = row.text(7);
  trial.worker = row.text(8);
  trial.attempt = static_cast<int>(row.integer(9));
  trial.started = row.real(10);
  trial.finished = row.is_null(11) ? 0 : row.real(11);
  return trial;
}

/// The history that trial `number` may see.
History visible(History history, int number, int batch) {
  history.resize(static_cast<std::size_t>(number));
  if (batch == 0) return history;
  for (auto i = static_cast<std::size_t>(number / batch * batch); i < history.size(); ++i) {
    const Evaluation& one = history[i];
    history[i] = {one.assignment, Evaluation::State::kRunning,
                  std::numeric_limits<double>::quiet_NaN(), std::nullopt, one.memo};
  }
  return history;
}

}  // namespace

struct Storage::Connection {
  Database database;
  /// Trials that are finished up to the first that is not, by study: they do not change any more.
  std::map<int, History> finished = {};

  /// Reads what marks a file as ours at one moment: another process may be making it.
  [[nodiscard]] std::int64_t checked_version() {
    const Snapshot snapshot(database);
    const std::int64_t version = database.integer("PRAGMA user_version");
    const std::int64_t application = database.integer("PRAGMA application_id");
    const std::int64_t tables = database.integer("SELECT count(*) FROM sqlite_master");
    const std::string file = database.file().string();
    if (application != kApplication && (application != 0 || tables != 0))
      throw Error(
          fmt::format("{}: a study storage expected, this is another program's database", file));
    if (version > kSchemaVersion)
      throw Error(
          fmt::format("{}: schema version {} expected or earlier, not {}: a newer numgeom "
                      "wrote it",
                      file, kSchemaVersion, version));
    return version;
  }

  void migrate() {
    if (checked_version() == kSchemaVersion) return;
    Transaction transaction(database);
    // Another process may have been faster.
    for (auto step = database.integer("PRAGMA user_version"); step < kSchemaVersion; ++step)
      database.execute(kMigrations[step]);
    database.execute(fmt::format("PRAGMA application_id = {}", kApplication));
    database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
    transaction.commit();
  }

  /// The switch to a write-ahead log does not wait for others who switch, as all else does.
  void set_up(std::chrono::milliseconds patience) {
    constexpr std::chrono::milliseconds kPause{5};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
      try {
        migrate();
        database.execute("PRAGMA journal_mode = WAL");
        break;
      } catch (const sqlite::Busy&) {
        if (std::chrono::steady_clock::now() >= deadline) throw;
        std::this_thread::sleep_for(kPause);
      }
    }
    database.execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  }

  [[nodiscard]] History history(int study) {
    History& known = finished[study];
    Statement rows =
        database.prepare(std::string(kTrialColumns) + "AND number >= ? ORDER BY number");
    rows.bind(study).bind(static_cast<std::int64_t>(known.size()));
    History result = known;
    while (rows.step()) result.push_back(trial_row(rows).evaluation);
    while (known.size() < result.size() &&
           result[known.size()].state != Evaluation::State::kRunning)
      known.push_back(result[known.size()]);
    return result;
  }

  [[nodiscard]] std::optional<Claim> take_over(int study, const std::string& worker,
                                               double lease_seconds) {
    Statement update = database.prepare(
        "UPDATE trial SET worker = ?, lease = ?, attempt = attempt + 1 WHERE study = ? AND number ="
        " (SELECT number FROM trial WHERE study = ? AND state = 'running' AND lease < ?"
        "  ORDER BY number LIMIT 1) AND state = 'running' RETURNING number, attempt, assignment");
    const double time = now();
    update.bind(std::string_view(worker)).bind(time + lease_seconds).bind(study).bind(study);
    update.bind(time);
    if (!update.step()) return std::nullopt;
    Claim claim{study,
                static_cast<int>(update.integer(0)),
                static_cast<int>(update.integer(1)),
                assignment_from_json(OrderedJson::parse(update.text(2))),
                {}};
    while (update.step()) {
    }
    return claim;
  }

  /// Nothing where another process has added a trial since.
  [[nodiscard]] std::optional<Claim> insert(int study, int number, const std::string& worker,
                                            double lease_seconds, const Suggestion& suggestion) {
    Transaction transaction(database);
    Statement count = database.prepare("SELECT count(*) FROM trial WHERE study = ?");
    count.bind(study).step();
    if (count.integer(0) != number) return std::nullopt;
    const double time = now();
    database
        .prepare(
            "INSERT INTO trial (study, number, state, assignment, memo, worker, attempt, lease,"
            " started) VALUES (?, ?, 'running', ?, ?, ?, 1, ?, ?)")
        .bind(study)
        .bind(number)
        .bind(std::string_view(assignment_json(suggestion.assignment).dump()))
        .bind(std::string_view(OrderedJson(suggestion.memo).dump()))
        .bind(std::string_view(worker))
        .bind(time + lease_seconds)
        .bind(time)
        .run();
    transaction.commit();
    return Claim{study, number, 1, suggestion.assignment, suggestion.note};
  }

  /// How many rows changed.
  int finish(const std::string& condition, const Claim& claim, const Outcome& outcome) {
    Statement update = database.prepare(
        "UPDATE trial SET state = ?, loss = ?, delta = ?, attributes = ?, result = ?, finished = ?"
        " WHERE study = ? AND number = ? AND state = 'running'" +
        condition);
    update.bind(std::string_view(to_string(outcome.state)))
        .bind(outcome.loss)
        .bind(outcome.delta)
        .bind(std::string_view(attributes_text(outcome.attributes)))
        .bind(outcome.result)
        .bind(now())
        .bind(claim.study)
        .bind(claim.number);
    if (!condition.empty()) update.bind(claim.attempt);
    return update.run();
  }
};

Storage::Storage(std::filesystem::path file, Mode mode, const StorageOptions& options)
    : connection_(std::make_unique<Connection>(Connection{Database(
          std::move(file), static_cast<Database::Mode>(mode), options.busy_milliseconds)})) {
  Database& database = connection_->database;
  if (mode == Mode::kReadOnly) {
    if (connection_->checked_version() != kSchemaVersion)
      throw Error(
          fmt::format("{}: a study storage of schema version {} expected; one that writes "
                      "brings an older one up to date",
                      database.file().string(), kSchemaVersion));
    return;
  }
  if (options.most_pages > 0)
    database.execute(fmt::format("PRAGMA max_page_count = {}", options.most_pages));
  connection_->set_up(std::chrono::milliseconds(options.busy_milliseconds));
}

Storage::Storage(Storage&&) noexcept = default;
Storage& Storage::operator=(Storage&&) noexcept = default;
Storage::~Storage() = default;

StoredStudy Storage::open_study(const std::string& name, const std::string& definition, int batch,
                                const std::string& data) {
  Database& database = connection_->database;
  database
      .prepare(
          "INSERT INTO study (name, definition, batch, created, data) VALUES (?, ?, ?, ?, ?)"
          " ON CONFLICT DO NOTHING")
      .bind(std::string_view(name))
      .bind(std::string_view(definition))
      .bind(batch)
      .bind(now())
      .bind(std::string_view(data))
      .run();
  StoredStudy found = study(name);
  const auto refuse = [&](const std::string& what) {
    throw Error(fmt::format("{}: the study '{}' was started with {}", database.file().string(),
                            name, what));
  };
  if (found.definition != definition)
    refuse("another definition; give the new one another name or another file");
  if (found.batch != batch) refuse(fmt::format("batches of {}, not {}", found.batch, batch));
  if (found.data.empty() && !data.empty()) {
    // Schema version 1 did not know: what is there from now on counts.
    database.prepare("UPDATE study SET data = ? WHERE id = ?")
        .bind(std::string_view(data))
        .bind(found.id)
        .run();
    found.data = data;
  }
  if (found.data != data) refuse("other data: what it trains on has changed");
  return found;
}

StoredStudy Storage::study(const std::string& name) const {
  Statement row = connection_->database.prepare(std::string(kStudyColumns) + "WHERE name = ?");
  row.bind(std::string_view(name));
  if (!row.step())
    throw Error(fmt::format("{}: there is no study '{}' in it",
                            connection_->database.file().string(), name));
  return study_row(row);
}

std::vector<StoredStudy> Storage::studies() const {
  Statement rows = connection_->database.prepare(std::string(kStudyColumns) + "ORDER BY id");
  std::vector<StoredStudy> result;
  while (rows.step()) result.push_back(study_row(rows));
  return result;
}

std::vector<StoredTrial> Storage::trials(int study) const {
  Statement rows = connection_->database.prepare(std::string(kTrialColumns) + "ORDER BY number");
  rows.bind(study);
  std::vector<StoredTrial> result;
  while (rows.step()) result.push_back(trial_row(rows));
  return result;
}

StoredTrial Storage::trial(int study, int number) const {
  Statement row = connection_->database.prepare(std::string(kTrialColumns) + "AND number = ?");
  row.bind(study).bind(number);
  if (!row.step())
    throw Error(
        fmt::format("{}: there is no trial {}", connection_->database.file().string(), number));
  return trial_row(row);
}

History Storage::history(int study) const { return connection_->history(study); }

ClaimAnswer Storage::claim(int study, const std::string& worker, double lease_seconds, int budget,
                           const Suggest& suggest) {
  using State = ClaimAnswer::State;
  const auto batch = static_cast<int>([&] {
    Statement row = connection_->database.prepare("SELECT batch FROM study WHERE id = ?");
    row.bind(study);
    return row.step() ? row.integer(0) : 0;
  }());
  for (;;) {
    if (auto taken = connection_->take_over(study, worker, lease_seconds))
      return {State::kClaimed, std::move(*taken)};
    const History history = connection_->history(study);
    const auto running = [](const Evaluation& one) {
      return one.state == Evaluation::State::kRunning;
    };
    const bool others_work = std::any_of(history.begin(), history.end(), running);
    const ClaimAnswer nothing{others_work ? State::kBusy : State::kExhausted, {}};
    const auto number = static_cast<int>(history.size());
    if (number >= budget) return nothing;
    if (batch > 0 &&
        std::any_of(history.begin(), history.begin() + number / batch * batch, running))
      return {State::kBusy, {}};
    const auto suggestion = suggest(visible(history, number, batch));
    if (!suggestion) return nothing;
    if (auto made = connection_->insert(study, number, worker, lease_seconds, *suggestion))
      return {State::kClaimed, std::move(*made)};
  }
}

bool Storage::heartbeat(const Claim& claim, double lease_seconds) {
  return connection_->database
             .prepare(
                 "UPDATE trial SET lease = ? WHERE study = ? AND number = ? AND attempt = ?"
                 " AND state = 'running'")
             .bind(now() + lease_seconds)
             .bind(claim.study)
             .bind(claim.number)
             .bind(claim.attempt)
             .run() == 1;
}

bool Storage::finish(const Claim& claim, const Outcome& outcome) {
  return connection_->finish(" AND attempt = ?", claim, outcome) == 1;
}

void Storage::release(const Claim& claim) { heartbeat(claim, -1e-3); }

void Storage::tell(int study, int number, const Outcome& outcome) {
  Claim claim;
  claim.study = study;
  claim.number = number;
  if (connection_->finish("", claim, outcome) == 1) return;
  (void)trial(study, number);  // throws where there is none
  throw Error(fmt::format("{}: trial {} is finished already", connection_->database.file().string(),
                          number));
}

void Storage::annotate(int study, int number, const Outcome& additions) {
  Transaction transaction(connection_->database);
  const StoredTrial before = trial(study, number);
  if (before.evaluation.state == Evaluation::State::kRunning)
    throw Error(
        fmt::format("{}: trial {} is not finished", connection_->database.file().string(), number));
  auto attributes = before.attributes;
  for (const auto& [name, value] : additions.attributes) attributes[name] = value;
  connection_->database
      .prepare(
          "UPDATE trial SET attributes = ?, result = coalesce(?, result),"
          " delta = coalesce(?, delta) WHERE study = ? AND number = ?")
      .bind(std::string_view(attributes_text(attributes)))
      .bind(additions.result)
      .bind(additions.delta)
      .bind(study)
      .bind(number)
      .run();
  transaction.commit();
  connection_->finished.erase(study);
}

}  // namespace numgeom
