#pragma once

#include <functional>
#include <limits>
#include <stop_token>
#include <vector>

#include "numgeom/ranking/ranking.hpp"

namespace numgeom {

/// How far a trial was certified in a race.
enum class Effort {
  kNone,
  kCoarse,  ///< well enough to tell it from the best native loss, if that one can be trusted
  kFull     ///< to the asked width and tightness, or to the precision limit
};

/// A trial that takes part in a race: its native run, and what is proved of its exact loss so far.
struct RaceTrial {
  Trial trial;
  NativeRun native;
  Effort effort = Effort::kNone;
  Certification certification;
  CertifiedError error = {0, std::numeric_limits<double>::infinity()};
};

/// What a race has found out about a set of trials.
struct Race {
  std::vector<RaceTrial> trials;
  int best_native = -1;  ///< the least finite native loss; −1 where all runs diverged
  int winner = -1;       ///< the least upper bound of the exact loss
  /// For every trial but the winner: is L*(winner) less?
  std::vector<PairVerdict> against_winner;
  /// For every trial: is it in the indistinguishable set, L̂(θ) ≤ L̂_best + δ_best + δ(θ)?
  std::vector<Verdict> indistinguishable;

  /// There is a winner, and every verdict above is certified or refuted.
  [[nodiscard]] bool decided() const;
  [[nodiscard]] int count(Effort effort) const;
  /// Trials that are in the indistinguishable set or may be, in ascending order: it contains the
  /// exact minimiser.
  [[nodiscard]] std::vector<int> possibly_indistinguishable() const;
};

struct RaceOptions {
  CertifyOptions certify;
  int threads = 1;
};

/// Called with the trial that was just certified, its index, and how many certifications are done
/// and planned so far; one call at a time.
using RaceProgress = std::function<void(const RaceTrial& trial, int index, int done, int planned)>;

/// Is trial `index` in the indistinguishable set?
///
///     L̂ ≤ L̂_b + δ⁻_b + δ⁻ ⇒ certified        L̂ > L̂_b + δ⁺_b + δ⁺ ⇒ refuted
///
/// so that both hold for the true errors whatever they are in [δ⁻, δ⁺]. A diverged run is refuted
/// where another trial's exact loss is certainly less, else undecided. Source: theorem 4,
/// proofs/ranking.md.
[[nodiscard]] Verdict indistinguishable_verdict(const std::vector<RaceTrial>& trials, int best,
                                                int index);

/// Certifies where it matters: keeps certifying the trials whose verdicts decide the winner and the
/// indistinguishable set until every such verdict is decided or its trials are at the precision
/// limit.
///
/// The best native loss is certified in full; every other trial only to an eighth of its distance
/// from it, which tells most of them apart at a fraction of the price; then those whose verdict is
/// open, and the winner, in full. Trials that come with an effort are taken as they are: a race
/// that was interrupted goes on. The result does not depend on the number of threads.
///
/// Inclusion: as `climb_ladder`. Throws `Interrupted` and `Error` as that does.
[[nodiscard]] Race race(std::vector<RaceTrial> trials, const RaceOptions& options,
                        const std::stop_token& stop = {}, const RaceProgress& progress = {});

}  // namespace numgeom
