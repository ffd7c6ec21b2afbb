#pragma once

#include <memory>

#include "numgeom/hpo/sampler.hpp"

namespace numgeom {

/// Covariance matrix adaptation, (μ/μ_w, λ) with active update and IPOP restarts, in the unit cube
/// of the ordered coordinates.
///
/// The first `search.startup` trials (0: d, at least 5 and at most 10) are a scrambled Sobol
/// sequence; the best of them is the first mean, and 0.15 the first deviation. Then every λ trials
/// are a generation, λ = 4 + ⌊log d⌋: few, as trials are. The state is rebuilt from the history, so
/// only the history decides; a generation counts once none of its trials runs, and until then
/// points are drawn from the distribution of the last one that does.
///   - The best point so far takes part in the ranking of every generation.
///   - Bounds: a point outside of the cube is drawn again a few times, then clipped. Drawn again
///   are
///     also infeasible configurations and, a few times, those that were tried.
///   - Cells: the deviation of a coordinate is at least what leaves the mean's cell once in λ·d
///     draws.
///   - Nominal coordinates: drawn from frequencies that move by 0.3 to those of each generation's
///     better half and never fall below 0.2/K, for K choices.
///   - Trials without a loss are worse than any other and never move the mean.
///   - Restarts: with twice as large a λ from a random mean, where the distribution has become a
///     point or generations no longer differ in loss.
/// `Suggestion::memo` is the point that was drawn: the distribution adapts to it, not to the middle
/// of its cell. Trials without a memo count with the latter.
///
/// Throws `Error` where 10,000 points in a row are infeasible.
///
/// Sources: Hansen, N. arXiv:1604.00772; Auger, A., Hansen, N. CEC (2005), for the restarts;
/// Hansen, N. INRIA RR-7748 (2011), for points of an earlier distribution
/// and the best point; Hamano, R. et al.
/// GECCO (2022), for the cells.
[[nodiscard]] std::unique_ptr<Sampler> cma_es_sampler(const Space& space, const Search& search);

}  // namespace numgeom
