#pragma once

#include "numgeom/shadow/step_lipschitz.hpp"

namespace numgeom {

/// An upper bound on ‖R‖₂, R the part of the Hessian of the batch loss that couples operations and
/// bends activations, for every parameter in the ball that the step is enclosed for. Source:
/// proofs/stepwise.md, "R by blocks".
[[nodiscard]] Magnitude residual_part_norm(const StepEnclosure& step);

}  // namespace numgeom
