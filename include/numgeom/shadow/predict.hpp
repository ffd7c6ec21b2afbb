#pragma once

#include "numgeom/shadow/shadow_run.hpp"

namespace numgeom {

/// What a cheap pass in doubles expects of one way. Nothing here is a bound.
struct Prediction {
  Rung::Way way = Rung::Way::kDirect;
  double bits_lost = 0;  ///< log₂ of the loss's radius in units of the roundoff 2^-p
  double sign_bits = 0;  ///< bits below which the sign of some pre-activation stays open
  bool known = false;    ///< false where doubles overflow or diverge: nothing can be said

  /// Bits for an enclosure of the given width, or a start from which to climb where nothing is
  /// known.
  [[nodiscard]] int bits(double width) const;
};

/// By the direct way: radii to first order, carried along by `GrowthArithmetic`.
[[nodiscard]] Prediction predict_direct(const Trial& trial, const TrialInputs& inputs);

/// The same from the first eighth of a long training: bits are lost at a steady rate.
[[nodiscard]] Prediction predict_direct_early(const Trial& trial, const TrialInputs& inputs);

/// By the stepwise way: ρ_t to first order, with Λ_t taken every few steps. Requires
/// `has_step_lipschitz`.
[[nodiscard]] Prediction predict_stepwise(const Trial& trial, const TrialInputs& inputs);

}  // namespace numgeom
