#pragma once

#include <memory>

#include "numgeom/hpo/sampler.hpp"

namespace numgeom {

/// The multivariate tree-structured Parzen estimator: argmax log ℓ(θ) − log g(θ) over candidates.
///
/// ℓ and g are the densities of good and bad trials: good are the min(⌈0.15·n⌉, 25) of least loss
/// among the n with a loss. Diverged, failed and running trials are bad: parallel workers do not
/// repeat each other. Both densities are mixtures over the unit cube of a uniform component and of
/// one kernel for each trial, a product over coordinates:
///   - ordered coordinates: a Gaussian restricted to [0, 1], or its mean over the cell where there
///     are cells. Its deviation is half of Scott's rule, ½·s_j·m^(−1/(d+4)), for m trials with the
///     deviation s_j in coordinate j of d, to which a uniform one is added; at least half a
///     cell;
///   - nominal coordinates: the trial's own value with probability m/(m+1), else any;
///   - coordinates that are inactive in the trial or the candidate: 1.
///
/// A good trial weighs log((n_good + ½)/rank), bad ones weigh all the same.
/// Candidates are drawn from ℓ; infeasible ones are left out, as are configurations that were
/// tried as long as there are others. The first `search.startup` trials (0: d, at least 5 and at
/// most 10) are a scrambled Sobol sequence.
///
/// Throws `Error` where 10,000 points in a row are infeasible.
///
/// Sources: Bergstra, J. et al. NeurIPS (2011); Falkner, S. et al. ICML (2018), for the
/// multivariate kernels; Watanabe, S. arXiv:2304.11127, for what its parameters do.
[[nodiscard]] std::unique_ptr<Sampler> tpe_sampler(const Space& space, const Search& search);

}  // namespace numgeom
