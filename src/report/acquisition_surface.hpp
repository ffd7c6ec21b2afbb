#pragma once

#include "numgeom/hpo/evaluation.hpp"
#include "numgeom/hpo/space.hpp"
#include "train/assignment_json.hpp"

namespace numgeom {

/// Expected improvement with and without regard to precision, over two hyperparameters.
///
/// For the step after `history`, or after its first 200 trials: a Gaussian process of the loss,
/// every observation with its own δ², and one of log δ, over the first two real hyperparameters,
/// the others as in the trial with the least loss. On a grid of `points`² cells
///
///     EI = E[max(0, L_best − L)],   α_PA = E[max(0, min(L̂ + δ) − L − Φ)].
///
/// Returns {`step`, `axes` [{`name`, `scale`, `values`}], `fixed`, `expected_improvement`,
/// `precision_aware`}: values[j][i] at axes[0].values[i], axes[1].values[j], each divided by its
/// maximum, `maximum` beside it; `step` is how many trials were seen. Null with fewer than two real
/// hyperparameters, fewer than five losses, or no δ.
[[nodiscard]] OrderedJson acquisition_surface(const Space& space, const History& history,
                                              int points = 32);

}  // namespace numgeom
