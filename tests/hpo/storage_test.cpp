#include "numgeom/hpo/storage.hpp"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#include "numgeom/error.hpp"

using namespace numgeom;

namespace {

namespace fs = std::filesystem;
using State = ClaimAnswer::State;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "numgeom-storage-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// Suggests x = the number of the trial.
std::optional<Suggestion> count_up(const History& history) {
  return Suggestion{{{"x", static_cast<double>(history.size())}}, {}, {}};
}

Claim claimed(Storage& storage, int study, double lease = 1000, int budget = 1000) {
  const ClaimAnswer answer = storage.claim(study, "w", lease, budget, count_up);
  REQUIRE(answer.state == State::kClaimed);
  return answer.claim;
}

Outcome with_loss(double loss) {
  Outcome outcome;
  outcome.loss = loss;
  return outcome;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void run_sql(const fs::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &handle) == SQLITE_OK);
  REQUIRE(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

TEST_CASE("a storage gives back what it was given, bit for bit") {
  const Folder folder;
  Storage storage(folder / "s.db");
  const int study = storage.open_study("one", "definition").id;
  const Assignment assignment{{"tiny", 5e-324}, {"third", 1.0 / 3},
                              {"whole", 2.0},   {"count", std::int64_t{-7}},
                              {"flag", true},   {"name", std::string("a \"quoted\" ü")}};
  const std::vector<double> memo{0.1, -1e308, 5e-324};
  const auto suggest = [&](const History&) { return Suggestion{assignment, memo, "note"}; };
  const std::vector<double> losses{0.1, kInfinity, -kInfinity, kNan, 5e-324, -0.0};
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const ClaimAnswer answer = storage.claim(study, "host:1", 100, 100, suggest);
    REQUIRE(answer.state == State::kClaimed);
    CHECK(answer.claim.number == static_cast<int>(i));
    CHECK(answer.claim.assignment == assignment);
    CHECK(answer.claim.note == "note");
    Outcome outcome = with_loss(losses[i]);
    outcome.delta = i == 0   ? std::optional<double>(1e-300)
                    : i == 1 ? std::optional(kInfinity)
                             : std::nullopt;
    outcome.attributes = {
        {"phi", kInfinity}, {"seconds", 0.25}, {"precision", std::string("fp32")}};
    outcome.result = "{}";
    CHECK(storage.finish(answer.claim, outcome));
  }
  const auto trials = Storage(folder / "s.db", Storage::Mode::kReadOnly).trials(study);
  REQUIRE(trials.size() == losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const Evaluation& evaluation = trials[i].evaluation;
    CHECK(evaluation.state == Evaluation::State::kDone);
    CHECK(evaluation.assignment == assignment);
    CHECK(evaluation.memo == memo);
    CHECK(same(evaluation.loss, losses[i]));
    CHECK(trials[i].attributes.at("phi") == Value(kInfinity));
    CHECK(trials[i].attributes.at("precision") == Value(std::string("fp32")));
    CHECK(trials[i].result == "{}");
    CHECK(trials[i].worker == "host:1");
  }
  CHECK(trials[0].evaluation.delta == 1e-300);
  CHECK(trials[1].evaluation.delta == kInfinity);
  CHECK_FALSE(trials[2].evaluation.delta);
  const StoredStudy found = storage.study("one");
  CHECK(found.done == 6);
  CHECK(found.best == 0.0);
}

TEST_CASE("studies are told apart by name and keep their definition") {
  const Folder folder;
  Storage storage(folder / "s.db");
  const StoredStudy one = storage.open_study("one", "a");
  CHECK(storage.open_study("one", "a").id == one.id);
  CHECK(storage.open_study("two", "b", 3).id != one.id);
  CHECK(storage.studies().size() == 2);
  CHECK(message_of([&] { (void)storage.open_study("one", "b"); }).find("another definition") !=
        std::string::npos);
  CHECK(message_of([&] { (void)storage.open_study("two", "b"); }).find("batches of 3, not 0") !=
        std::string::npos);
  CHECK(message_of([&] { (void)storage.study("three"); }).find("no study 'three'") !=
        std::string::npos);
}

TEST_CASE("a budget ends in busy while others work, then in exhausted") {
  const Folder folder;
  Storage storage(folder / "s.db");
  const int study = storage.open_study("one", "").id;
  const Claim first = claimed(storage, study, 1000, 2);
  const Claim second = claimed(storage, study, 1000, 2);
  CHECK(storage.claim(study, "w", 1000, 2, count_up).state == State::kBusy);
  CHECK(storage.finish(first, with_loss(1)));
  CHECK(storage.claim(study, "w", 1000, 2, count_up).state == State::kBusy);
  CHECK(storage.finish(second, with_loss(1)));
  CHECK(storage.claim(study, "w", 1000, 2, count_up).state == State::kExhausted);
  const auto none = [](const History&) -> std::optional<Suggestion> { return std::nullopt; };
  CHECK(storage.claim(study, "w", 1000, 3, none).state == State::kExhausted);
}

TEST_CASE("a trial whose lease has ended is taken over, and its first worker is out") {
  const Folder folder;
  Storage storage(folder / "s.db");
  const int study = storage.open_study("one", "").id;
  const Claim lost = claimed(storage, study, -1);
  const Claim taken = claimed(storage, study);
  CHECK(taken.number == lost.number);
  CHECK(taken.attempt == lost.attempt + 1);
  CHECK(taken.assignment == lost.assignment);
  CHECK_FALSE(storage.heartbeat(lost, 1000));
  CHECK_FALSE(storage.finish(lost, with_loss(7)));
  CHECK(storage.heartbeat(taken, 1000));
  CHECK(storage.finish(taken, with_loss(5)));
  CHECK_FALSE(storage.finish(taken, with_loss(6)));
  CHECK_FALSE(storage.heartbeat(taken, 1000));
  CHECK(storage.trial(study, 0).evaluation.loss == 5);
  CHECK(storage.trials(study).size() == 1);
  const Claim given_back = claimed(storage, study);
  storage.release(given_back);
  CHECK(claimed(storage, study).number == given_back.number);
}

TEST_CASE("in batches a trial sees finished batches and nothing of its own") {
  const Folder folder;
  Storage storage(folder / "s.db");
  const int study = storage.open_study("one", "", 3).id;
  std::vector<std::pair<int, int>> seen;  // running and finished ones
  const auto suggest = [&seen](const History& history) {
    int running = 0;
    for (const Evaluation& one : history) running += one.state == Evaluation::State::kRunning;
    seen.emplace_back(running, static_cast<int>(history.size()) - running);
    return count_up(history);
  };
  const auto claim = [&] { return storage.claim(study, "w", 1000, 100, suggest); };
  const ClaimAnswer first = claim();
  CHECK(storage.finish(first.claim, with_loss(1)));
  const ClaimAnswer second = claim();
  const ClaimAnswer third = claim();
  CHECK(claim().state == State::kBusy);
  CHECK(storage.finish(third.claim, with_loss(1)));
  CHECK(claim().state == State::kBusy);
  CHECK(storage.finish(second.claim, with_loss(1)));
  CHECK(claim().state == State::kClaimed);
  CHECK(seen == std::vector<std::pair<int, int>>{{0, 0}, {1, 0}, {2, 0}, {0, 3}});
}

TEST_CASE("outside trainers tell by number, once") {
  const Folder folder;
  Storage storage(folder / "s.db");
  const int study = storage.open_study("one", "").id;
  (void)claimed(storage, study);
  storage.tell(study, 0, with_loss(3));
  CHECK(storage.trial(study, 0).evaluation.loss == 3);
  CHECK(message_of([&] { storage.tell(study, 0, with_loss(3)); }).find("finished already") !=
        std::string::npos);
  CHECK(message_of([&] { storage.tell(study, 4, with_loss(3)); }).find("no trial 4") !=
        std::string::npos);
}

TEST_CASE("a finished trial is annotated, its loss stays") {
  const Folder folder;
  Storage storage(folder / "s.db");
  const int study = storage.open_study("one", "").id;
  const Claim claim = claimed(storage, study);
  Outcome more;
  more.attributes = {{"b", 2.0}, {"c", 3.0}};
  CHECK(message_of([&] { storage.annotate(study, 0, more); }).find("not finished") !=
        std::string::npos);
  Outcome outcome = with_loss(1);
  outcome.attributes = {{"a", 1.0}, {"b", 1.0}};
  outcome.delta = 0.5;
  CHECK(storage.finish(claim, outcome));
  storage.annotate(study, 0, more);
  CHECK(storage.trial(study, 0).evaluation.loss == 1);
  CHECK(storage.trial(study, 0).evaluation.delta == 0.5);
  CHECK(storage.trial(study, 0).attributes ==
        std::map<std::string, Value>{{"a", 1.0}, {"b", 2.0}, {"c", 3.0}});
  more.delta = 0.25;
  storage.annotate(study, 0, more);
  CHECK(storage.history(study)[0].delta == 0.25);
}

TEST_CASE("many threads with connections of their own get every number once") {
  const Folder folder;
  const fs::path file = folder / "s.db";
  const int study = Storage(file).open_study("one", "").id;
  constexpr int kBudget = 60;
  const auto work = [&] {
    Storage storage(file);
    for (;;) {
      const ClaimAnswer answer = storage.claim(study, "w", 1000, kBudget, count_up);
      if (answer.state == State::kExhausted) return;
      if (answer.state == State::kClaimed)
        (void)storage.finish(answer.claim, with_loss(answer.claim.number));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  }
  const auto trials = Storage(file).trials(study);
  REQUIRE(trials.size() == kBudget);
  for (int i = 0; i < kBudget; ++i) {
    CHECK(trials[static_cast<std::size_t>(i)].number == i);
    CHECK(trials[static_cast<std::size_t>(i)].evaluation.loss == i);
    CHECK(trials[static_cast<std::size_t>(i)].attempt == 1);
  }
}

TEST_CASE("what is no storage is refused in one line and not touched") {
  const Folder folder;
  const fs::path text = folder / "text";
  std::ofstream(text) << std::string(5000, 'x');
  const fs::path foreign = folder / "foreign.db";
  run_sql(foreign, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  const fs::path newer = folder / "newer.db";
  Storage{fs::path(newer)};
  run_sql(newer, "PRAGMA user_version = 99");
  const auto refused = [](const fs::path& file, const std::string& what) {
    const std::string before = bytes_of(file);
    for (const auto mode : {Storage::Mode::kCreate, Storage::Mode::kReadOnly}) {
      const std::string message = message_of([&] { Storage{file, mode}; });
      INFO(message);
      if (mode == Storage::Mode::kCreate || what.find("schema") == std::string::npos)
        CHECK(message.find(what) != std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
    }
    CHECK(bytes_of(file) == before);
  };
  refused(text, "this is no SQLite database");
  refused(foreign, "a study storage expected, this is");
  refused(newer, "schema version 2 expected or earlier, not 99");
  CHECK(message_of([&] {
          Storage{folder / "none", Storage::Mode::kReadOnly};
        }).find("no such file") != std::string::npos);
  CHECK(message_of([&] { Storage{folder / "no/such/folder"}; }).find("cannot be opened") !=
        std::string::npos);
}

TEST_CASE("an older schema is brought up to date, and keeps what it holds") {
  const Folder folder;
  const fs::path file = folder / "s.db";
  int study = 0;
  {
    Storage storage(file);
    study = storage.open_study("one", "text").id;
    CHECK(storage.finish(claimed(storage, study), with_loss(5)));
  }
  run_sql(file, "ALTER TABLE study DROP COLUMN data; PRAGMA user_version = 1");
  CHECK(message_of([&] {
          Storage{file, Storage::Mode::kReadOnly};
        }).find("version 2 expected") != std::string::npos);
  Storage storage(file);
  CHECK(storage.open_study("one", "text", 0, "hash").data == "hash");
  CHECK(storage.trial(study, 0).evaluation.loss == 5);
}

TEST_CASE("a study goes on with the data that it was started with only") {
  const Folder folder;
  Storage storage(folder / "s.db");
  (void)storage.open_study("one", "text", 0, "hash");
  CHECK(storage.open_study("one", "text", 0, "hash").data == "hash");
  CHECK(message_of([&] {
          (void)storage.open_study("one", "text", 0, "other");
        }).find("other data") != std::string::npos);
  CHECK(message_of([&] { (void)storage.open_study("one", "text"); }).find("other data") !=
        std::string::npos);
}

TEST_CASE("several that make one file at the same time all get a storage") {
  const Folder folder;
  for (int repetition = 0; repetition < 20; ++repetition) {
    const fs::path file = folder / ("s" + std::to_string(repetition)).c_str();
    std::array<std::string, 4> messages;
    {
      std::vector<std::jthread> threads;
      for (std::string& message : messages)
        threads.emplace_back(
            [&] { message = message_of([&] { (void)Storage(file).open_study("one", ""); }); });
    }
    for (const std::string& message : messages) CHECK(message == "no error");
    CHECK(Storage(file).studies().size() == 1);
  }
}

TEST_CASE("no space left and no right to write are told, and nothing is lost") {
  const Folder folder;
  const fs::path file = folder / "s.db";
  const int study = Storage(file).open_study("one", "").id;
  {
    Storage small(file, Storage::Mode::kCreate, {.busy_milliseconds = 100, .most_pages = 12});
    std::string message = "no error";
    int finished = 0;
    for (int i = 0; i < 1000 && message == "no error"; ++i)
      message = message_of([&] {
        const Claim claim = claimed(small, study);
        Outcome outcome = with_loss(i);
        outcome.result = std::string(2000, 'r');
        if (small.finish(claim, outcome)) ++finished;
      });
    CHECK(message.find("no space is left") != std::string::npos);
    CHECK(finished > 0);
    CHECK(Storage(file).study("one").done == finished);
  }
  Storage reader(file, Storage::Mode::kReadOnly);
  CHECK(message_of([&] { (void)reader.open_study("two", ""); }).find("read-only") !=
        std::string::npos);
  // Another connection keeps the lock.
  sqlite3* holder = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &holder) == SQLITE_OK);
  REQUIRE(sqlite3_exec(holder, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  Storage waiting(file, Storage::Mode::kExisting, {.busy_milliseconds = 50});
  CHECK(message_of([&] { (void)waiting.open_study("two", ""); }).find("keeps it locked") !=
        std::string::npos);
  sqlite3_close(holder);
}

TEST_CASE("a thousand trials fit in a few megabytes") {
  const Folder folder;
  const fs::path file = folder / "s.db";
  {
    Storage storage(file);
    const int study = storage.open_study("one", std::string(2000, 'd')).id;
    for (int i = 0; i < 1000; ++i) {
      const auto suggest = [](const History&) {
        return Suggestion{
            {{"lr", 0.1234567890123}, {"weight_decay", 1e-5}, {"width", std::int64_t{32}}},
            std::vector<double>(20, 0.1234567890123),
            {}};
      };
      const ClaimAnswer answer = storage.claim(study, "host:12345", 100, 1000, suggest);
      Outcome outcome = with_loss(0.1234567890123 * i);
      for (int k = 0; k < 20; ++k)
        outcome.attributes["attribute" + std::to_string(k)] = 0.1234567890123;
      REQUIRE(storage.finish(answer.claim, outcome));
    }
  }
  CHECK(fs::file_size(file) < 20'000'000);
}
