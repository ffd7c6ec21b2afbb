#pragma once

#include "numgeom/shadow/shadow_run.hpp"

namespace numgeom {

/// Expected seconds of a shadow run: a model with measured constants, so that the choice of a rung
/// does not depend on how busy the machine is.
///
///     seconds = steps·(m·(c₀ + c₁L + c₂L²) + n·(d₀ + d₁L) + k·(e₀ + e₁L)) + the same once for the
///     validation rows
///
/// for m multiply–adds and k logits of a step, n parameters, L limbs of 52 bits (1 for intervals),
/// and m·λ more a step by the stepwise way. The constants are those of `bench/rungs` on a Zen 5
/// core with AVX-512; on other processors all of them grow, and the choice is much the same. Not a
/// bound.
[[nodiscard]] double expected_seconds(const Problem& problem, int steps, const Rung& rung);

}  // namespace numgeom
