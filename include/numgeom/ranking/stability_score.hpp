#pragma once

#include <limits>
#include <stop_token>
#include <string>
#include <vector>

#include "numgeom/ranking/verdict.hpp"
#include "numgeom/shadow/shadow_run.hpp"

namespace numgeom {

/// What is asked of a stability score, and where the search for it stops.
struct ScoreOptions {
  double tightness = 1.001;  ///< asked δ⁺/δ⁻ of every error, and upper/lower of the sensitivities
  int max_bits = 8192;       ///< beyond, what is open stays undecided
  int threads = 1;           ///< results do not depend on it
  std::uint64_t seed = 0;  ///< of stochastic rounding

  /// Throws `Error` naming the option and its value when one is out of range.
  void validate() const;
};

/// What exact inference gives for one sample.
struct ExactSample {
  Enclosure loss;    ///< of L_i
  int label = -1;    ///< that is predicted; −1 where it is open, or there are no classes
  std::string open;  ///< why the label is open
  int bits = 0;      ///< of the arithmetic that led to this
};

/// One sample in one native precision.
struct SampleScore {
  double loss = std::numeric_limits<double>::quiet_NaN();            ///< L̂_i
  CertifiedError error{0, std::numeric_limits<double>::infinity()};  ///< |L̂_i − L_i| ∈ [δ⁻, δ⁺]
  int label = -1;  ///< predicted natively; −1 where outputs are not finite or there are no classes
  /// Certified: the native label is the exact one. Refuted: it is another one, a flip.
  Verdict same_label;
};

/// How the weights of a model were changed by storing them in a precision, and what of it.
enum class WeightRounding {
  kNone,     ///< every weight is a number of the format
  kRounded,  ///< some were rounded
  kOverflow  ///< some became infinite: there is no exact loss to compare
};

/// What inference in one native precision is worth.
struct PrecisionScore {
  Precision precision = Precision::kFp32;
  double loss = std::numeric_limits<double>::quiet_NaN();            ///< L̂, the mean loss
  CertifiedError error{0, std::numeric_limits<double>::infinity()};  ///< of L̂
  std::vector<SampleScore> samples;
  WeightRounding weight_rounding = WeightRounding::kNone;
  Enclosure weight_error;  ///< L(round(w)) − L(w), both losses exact; the line before it was found
  double digits = 0;       ///< the score

  /// The mean loss or that of a sample is infinite or NaN.
  [[nodiscard]] bool diverged() const;
  [[nodiscard]] int labels(Verdict::State state) const;
};

/// The stability score of a model on the validation samples of a problem.
struct StabilityScore {
  Enclosure loss;       ///< L, the exact mean loss
  Enclosure condition;  ///< Σ|w·∂L/∂w| / |L|
  std::vector<ExactSample> samples;
  std::vector<PrecisionScore> native;
  bool has_labels = false;                                    ///< there are classes
  int bits = 0;                                               ///< the most that a sample took
  std::vector<std::string> open{"the model was not scored"};  ///< what was not reached, and why
  double seconds = 0;

  /// All that was asked was reached: errors and sensitivities to the tightness, every label decided
  /// (but for runs that diverged, which have none).
  [[nodiscard]] bool certified() const { return open.empty(); }
};

/// The score: certified decimal digits of a sample's loss.
///
///     s = max(0, −log₁₀( Σ_i δ_i⁺ / Σ_i |L_i| )),   |L̂_i − L_i| ≤ δ_i⁺
///
/// rounded down; 0 where a native loss is not finite, ∞ where every error is zero. Guarantee: the
/// errors of the samples' losses, taken together, are at most 10^-s times the losses. Losses are
/// never negative, so the divisor is N·L. Why samples and not the mean: docs/score.md.
[[nodiscard]] double certified_digits(const std::vector<SampleScore>& samples,
                                      const Enclosure& mean_loss);

/// Scores a trained model: what native inference with these weights, taken as exact reals, is worth
/// beside exact inference. Rounding data and weights to the native format is part of its error.
///
/// Inclusion: `loss`, `samples[i].loss`, `condition` and `weight_error` contain the exact values,
/// and labels are decided by enclosures of the exact outputs; all whatever was reached. Where
/// outputs are equal the first has the label, and equality is known only of exact zeros, of points,
/// and of outputs whose weights are the same. Runs in doubles first, then in balls with twice the
/// bits, each time for the samples that are open. Shapes: parameters as `Network` lists them.
/// Natively the validation samples go through in the parts that training evaluates them in, so that
/// the loss is that of `run_native`. `progress` is called from one thread at a time.
///
/// Throws `Error` for a problem or options that are not valid, and where the parameters do not fit
/// the network or are not finite; `Interrupted`.
[[nodiscard]] StabilityScore score_stability(const Problem& problem,
                                             const std::vector<Matrix<double>>& parameters,
                                             const std::vector<Precision>& precisions,
                                             const ScoreOptions& options = {},
                                             const std::stop_token& stop = {},
                                             const Progress& progress = {});

}  // namespace numgeom
