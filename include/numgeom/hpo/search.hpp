#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "numgeom/train/assignment.hpp"

namespace numgeom {

/// How configurations are chosen.
enum class SearchMethod {
  kList,            ///< as given
  kGrid,            ///< equally spaced on each scale, both ends included
  kRandom,          ///< uniform on each scale
  kSobol,           ///< a Sobol sequence: spread more evenly than random
  kLatinHypercube,  ///< every one of `trials` equal slices of every coordinate once
  kTpe,             ///< tree-structured Parzen estimator, multivariate
  kGp,              ///< Gaussian process and an acquisition function
  kCmaEs            ///< covariance matrix adaptation
};

/// What the Gaussian process is asked for.
enum class AcquisitionKind {
  kExpectedImprovement,
  kLogExpectedImprovement,
  kConfidenceBound,
  kThompson,
  kPrecisionAware  ///< E[max(0, L_best − L(θ) − λΦ(θ))]
};

/// What an improvement is counted from.
enum class Incumbent {
  kObserved,  ///< the least loss that was seen
  kPosterior  ///< the least posterior mean at a configuration that was tried
};

/// λ of the precision-aware acquisition in the course of a search.
struct Penalty {
  double first = 1;  ///< at the first trial that the Gaussian process chooses
  double last = 1;   ///< at the last one; between them geometrically where both are > 0
};

struct Search {
  SearchMethod method = SearchMethod::kSobol;
  int trials = 12;
  int points = 4;                          ///< grid: for each ordered hyperparameter that is tuned
  std::optional<std::uint64_t> seed;       ///< none: 0; a Sobol sequence is scrambled where given
  std::vector<Assignment> configurations;  ///< list
  int startup = 0;  ///< tpe, gp, cma_es: trials before the model; 0: by dimension
  AcquisitionKind acquisition = AcquisitionKind::kPrecisionAware;  ///< gp
  Incumbent incumbent = Incumbent::kObserved;                      ///< gp
  Penalty penalty;                                                 ///< gp, precision_aware
  double exploration = 2;  ///< gp, ucb: μ − exploration·σ is minimised

  [[nodiscard]] std::uint64_t seed_or_zero() const { return seed.value_or(0); }
};

[[nodiscard]] std::string to_string(SearchMethod method);
/// From names as in a study ("latin_hypercube", "cma_es"). Throws `Error` naming the text and the
/// known names.
[[nodiscard]] SearchMethod parse_search_method(const std::string& name);
[[nodiscard]] std::string to_string(AcquisitionKind kind);
/// From "ei", "log_ei", "ucb", "thompson" or "precision_aware".
[[nodiscard]] AcquisitionKind parse_acquisition(const std::string& name);

}  // namespace numgeom
