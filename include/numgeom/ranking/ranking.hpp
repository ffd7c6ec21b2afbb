#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "numgeom/ranking/verdict.hpp"
#include "numgeom/shadow/certify.hpp"

namespace numgeom {

/// Is the exact loss of trial `first` less than that of trial `second` (first < second)?
struct PairVerdict {
  int first = 0;
  int second = 0;
  Verdict less;
};

/// Two trials whose native losses are in the opposite order of their exact ones, as proved.
struct Flip {
  int native_better = 0;  ///< has the lower native loss …
  int exact_better = 0;   ///< … but this one has the lower exact loss
};

/// What the native losses of one precision are worth for ranking.
struct NativeRanking {
  Precision precision = Precision::kFp32;
  std::vector<Flip> flips;
  /// Trials with L̂(θ) ≤ L̂_best + δ_best + δ(θ), in ascending order. Contains the exact minimiser
  /// among the trials (theorem 4, proofs/ranking.md). Diverged runs have δ = ∞ and belong to it
  /// unless some trial's enclosure lies certainly below theirs.
  std::vector<int> indistinguishable;
};

/// The certified ranking of a set of trials.
struct Ranking {
  std::vector<int> order;          ///< by the midpoint of the enclosure
  std::vector<PairVerdict> pairs;  ///< all pairs, first < second as indices
  std::vector<NativeRanking> native;

  /// Every pair is decided: in `order` no exact loss is greater than the next (ties are possible).
  [[nodiscard]] bool is_total() const;
  /// Trials whose order against `trial` is undecided.
  [[nodiscard]] std::vector<int> undecided_against(int trial) const;
};

/// Ranks trials by their proved enclosures; a trial without one is undecided against all others.
/// The trials must have been run in the same precisions. Throws `Error` otherwise.
[[nodiscard]] Ranking rank(std::span<const CertifiedTrial> trials);

/// Φ/|L̂ − L*|, enclosed: the error lies in [δ⁻, δ⁺].
struct Tightness {
  double lower = 0;
  double upper = 0;
};
[[nodiscard]] Tightness tightness(double estimate, const CertifiedError& error);

/// How an estimator did over trials with certified errors, one precision.
struct EstimatorScore {
  int trials = 0;                    ///< with a finite native loss
  int covered = 0;                   ///< Φ ≥ δ⁺: certainly at least the error
  double median_overestimation = 0;  ///< of Φ/δ⁻ over the trials; below 1 is under-estimation
  double high_overestimation = 0;    ///< its 90 % quantile
  double overhead = 0;               ///< median of estimator seconds / training seconds
};

/// Scores by precision and estimator name, over all trials that did not diverge.
[[nodiscard]] std::map<Precision, std::map<std::string, EstimatorScore>> score_estimators(
    std::span<const CertifiedTrial> trials);

}  // namespace numgeom
