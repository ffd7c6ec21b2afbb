#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "numgeom/hpo/racing.hpp"
#include "numgeom/hpo/storage.hpp"
#include "numgeom/hpo/study.hpp"

namespace numgeom {

/// Where the δ of an evaluation comes from.
enum class DeltaSource {
  kPhi,       ///< the estimate Φ of the native run
  kCertified  ///< the certified error, upper bound
};

struct WorkOptions {
  DeltaSource delta = DeltaSource::kPhi;
  int trials = 0;  ///< budget; 0: as many as the study says (all of a list or grid)
  double lease_seconds = 30;
  std::string worker;  ///< a name of its own; empty: host and process
};

/// Trains one configuration natively with the estimators watching, in the study's first precision;
/// certifies it where δ is to be certified. Throws `Interrupted`.
[[nodiscard]] Outcome evaluate(const LoadedStudy& study, const Assignment& assignment,
                               DeltaSource delta, const std::stop_token& stop = {});

/// The name of this process as a worker: `host:process`.
[[nodiscard]] std::string worker_name();
/// Ends the leases of workers of this host that no longer live.
void release_dead_workers(Storage& storage, int study);

/// The loop of the method: claim a trial, train, tell, until the budget is used up, somebody else
/// finishes what still runs, or `stop`. Heartbeats go through a connection of their own to the same
/// file. `told` is called after each trial that this worker finished. Throws `Error` where a
/// configuration does not make a problem.
void work(const std::filesystem::path& storage, const StoredStudy& stored, const LoadedStudy& study,
          const WorkOptions& options, const std::stop_token& stop = {},
          const std::function<void(const Claim&, const Outcome&)>& told = {});

/// The finished trials of a stored study as a race may take them up: with the native losses that
/// were stored, and what was certified before for the same `LoadedStudy::fingerprint`. `numbers[i]`
/// is the stored number of trial i.
struct RaceEntry {
  std::vector<RaceTrial> trials;
  std::vector<int> numbers;
};
[[nodiscard]] RaceEntry race_entry(const std::vector<StoredTrial>& trials,
                                   const LoadedStudy& study);
/// What to store of a trial of a race with `Storage::annotate`, for the study of that fingerprint.
[[nodiscard]] Outcome race_annotation(const RaceTrial& trial, const std::string& fingerprint);

}  // namespace numgeom
