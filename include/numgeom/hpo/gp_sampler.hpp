#pragma once

#include <memory>

#include "numgeom/hpo/sampler.hpp"
#include "numgeom/hpo/surrogate.hpp"

namespace numgeom {

/// Bayesian optimisation that knows how accurate every evaluation is.
///
/// After a scrambled Sobol design, a `Surrogate` of the loss in which every observation carries its
/// own noise δ(θ)², a second one of log δ (precision-aware acquisition only), and the maximum of
/// the acquisition function over the unit cube: scrambled Sobol and local starts, L-BFGS on the
/// ordered coordinates, exchange of single cells on the others.
///
/// Losses far above the median are pulled down to median + 0.3·(median − least): how bad they are
/// does not matter for the search, and would stretch the scale. Diverged and failed trials count as
/// the worst loss seen, with fitted noise; so does noise where an evaluation has no δ. Running
/// trials are added at their posterior mean. Hyperparameters are fitted at every suggestion up to
/// 200 observations, then whenever there are a tenth more, and travel in the memos. No
/// configuration is suggested twice unless there is no other.
[[nodiscard]] std::unique_ptr<Sampler> gp_sampler(const Space& space, const Search& search);

}  // namespace numgeom
