#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "numgeom/ranking/ranking.hpp"

namespace numgeom {

/// δ(θ) of every trial in one precision, whatever it comes from; ∞ where a run diverged.
using Uncertainties = std::vector<double>;

/// Upper bounds of the certified errors in the run with that index.
[[nodiscard]] Uncertainties certified_uncertainties(std::span<const CertifiedTrial> trials,
                                                    std::size_t run);
/// Estimates by name; ∞ where there is none.
[[nodiscard]] Uncertainties estimated_uncertainties(std::span<const CertifiedTrial> trials,
                                                    std::size_t run, const std::string& name);

/// How well the ranking-reliability criterion tells which computed orders are not the exact ones.
///
///     a pair is flagged:  |L̂₁ − L̂₂| ≤ δ₁ + δ₂   (the right side rounded up)
///     a pair is changed:  its computed order is the opposite of the exact one, proved
///
/// Pairs of runs that did not diverge whose exact order is decided count. With certified δ every
/// changed pair is flagged (theorem 2, proofs/ranking.md).
struct CriterionScore {
  int pairs = 0;
  int flagged = 0;
  int changed = 0;
  int changed_and_flagged = 0;
  int trials = 0;
  int borderline = 0;  ///< trials that some flagged pair has

  /// Share of the changed pairs that are flagged; NaN where none is changed.
  [[nodiscard]] double recall() const;
  /// Share of the flagged pairs that are changed; NaN where none is flagged.
  [[nodiscard]] double precision() const;
  [[nodiscard]] double borderline_share() const;
};

/// Throws `Error` unless there is one δ a trial.
[[nodiscard]] CriterionScore score_criterion(std::span<const CertifiedTrial> trials,
                                             std::size_t run, const Uncertainties& uncertainties);

/// Pairs whose computed orders differ between two runs; diverged runs lose against others.
[[nodiscard]] int count_changes_between(std::span<const CertifiedTrial> trials, std::size_t run,
                                        std::size_t other_run);

/// What choosing the trial with the lowest computed loss is worth.
struct WinnerScore {
  int native = -1;        ///< the trial with the lowest computed loss; −1: all diverged
  int exact = -1;         ///< the trial proved to have the lowest exact loss; −1: undecided
  int rank = 0;           ///< exact rank of the native winner, counting from 1; ties count
                          ///< for it
  CertifiedError regret;  ///< L*(native winner) − min L*, enclosed
  std::vector<int> set;   ///< indistinguishable from the native winner by certified errors
  int subsets = 0;        ///< random subsets of the trials that were looked at
  int wrong = 0;          ///< subsets whose native winner is proved not to be the exact one
  int undecided = 0;      ///< subsets where neither is proved
};

/// Looks at the whole and at `subsets` random subsets of `size` trials, drawn by `seed`.
[[nodiscard]] WinnerScore score_winner(std::span<const CertifiedTrial> trials, std::size_t run,
                                       int subsets, int size, std::uint64_t seed);

}  // namespace numgeom
