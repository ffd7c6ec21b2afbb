#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "numgeom/hpo/sampler.hpp"

namespace numgeom {

/// What became of a trial.
struct Outcome {
  Evaluation::State state = Evaluation::State::kDone;  ///< done or failed
  double loss = std::numeric_limits<double>::quiet_NaN();
  std::optional<double> delta = std::nullopt;
  /// More about it by name: delta_lower, delta_upper, phi, …
  std::map<std::string, Value> attributes = {};
  std::optional<std::string> result = std::nullopt;  ///< a document that goes with it
};

/// A trial as it is stored.
struct StoredTrial {
  int number = 0;
  Evaluation evaluation;
  std::map<std::string, Value> attributes;
  std::optional<std::string> result;
  std::string worker;
  int attempt = 1;
  double started = 0;   ///< seconds since 1970
  double finished = 0;  ///< 0 while it runs
};

/// A study in a storage, in short.
struct StoredStudy {
  int id = 0;
  std::string name;
  std::string definition;  ///< the text of its file
  std::string data;        ///< a hash of the data that it trains on; empty where others train
  int batch = 0;
  double created = 0;
  int running = 0;
  int done = 0;
  int failed = 0;
  std::optional<double> best;  ///< the least finite loss
};

/// The right to work on a trial until its lease ends.
struct Claim {
  int study = 0;
  int number = -1;
  int attempt = 0;
  Assignment assignment;
  std::string note;  ///< of the sampler
};

struct ClaimAnswer {
  enum class State {
    kClaimed,
    kBusy,      ///< nothing to do now; others still work
    kExhausted  ///< nothing to do, and nobody works
  };
  State state = State::kExhausted;
  Claim claim;
};

struct StorageOptions {
  int busy_milliseconds = 30'000;  ///< how long to wait for another process's lock
  std::int64_t most_pages = 0;     ///< of 4096 bytes; 0: no limit
};

/// Studies and their trials in one SQLite file, shared by many processes.
///
/// Crash-safe: a transaction is on the disk when a call returns (write-ahead log, synchronised), or
/// not there at all. A worker holds a lease on its trial; when the lease ends without a heartbeat
/// somebody else takes the trial over, and the first worker can no longer finish it.
/// Every failure throws `Error` with one line that names the file: no database, another program's
/// database, a newer schema, read-only, no space, locked for too long. A file that is not ours is
/// never changed. One object serves one thread.
class Storage {
 public:
  enum class Mode { kCreate, kExisting, kReadOnly };

  explicit Storage(std::filesystem::path file, Mode mode = Mode::kCreate,
                   const StorageOptions& options = {});
  Storage(Storage&&) noexcept;
  Storage& operator=(Storage&&) noexcept;
  ~Storage();

  /// The study of that name, made where it is missing. `batch` > 0: trials are suggested in
  /// synchronous batches of that size. Throws `Error` where it is there with another definition,
  /// batch or hash of its data.
  [[nodiscard]] StoredStudy open_study(const std::string& name, const std::string& definition,
                                       int batch = 0, const std::string& data = "");
  /// Throws `Error` where there is none of that name.
  [[nodiscard]] StoredStudy study(const std::string& name) const;
  [[nodiscard]] std::vector<StoredStudy> studies() const;
  [[nodiscard]] std::vector<StoredTrial> trials(int study) const;
  [[nodiscard]] StoredTrial trial(int study, int number) const;
  [[nodiscard]] History history(int study) const;

  using Suggest = std::function<std::optional<Suggestion>(const History&)>;
  /// A trial to work on: one whose lease has ended, or a new one while there are fewer than
  /// `budget`. `suggest` gets all trials there are and is called without any lock; where another
  /// process was faster it is called again. With batches, a trial is suggested when all of earlier
  /// batches are finished, and sees what its own batch has as running: timing changes nothing.
  [[nodiscard]] ClaimAnswer claim(int study, const std::string& worker, double lease_seconds,
                                  int budget, const Suggest& suggest);
  /// Extends the lease. False where the trial is no longer ours.
  bool heartbeat(const Claim& claim, double lease_seconds);
  /// False, and nothing is written, where the trial is no longer ours.
  bool finish(const Claim& claim, const Outcome& outcome);
  /// Ends the lease, for somebody else to go on.
  void release(const Claim& claim);

  /// Finishes a running trial whoever holds it. Throws `Error` for an unknown number and for a
  /// trial that is finished already.
  void tell(int study, int number, const Outcome& outcome);
  /// Adds to a finished trial: attributes, and where given its δ and its document. The loss stays.
  void annotate(int study, int number, const Outcome& additions);

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace numgeom
