#pragma once

#include "limb_kernels.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"

namespace numgeom {

/// Which operand of a product is taken transposed.
enum class Transposed { kNone, kLeft, kRight };

/// The kernels behind a path. Throws `Error` where this processor cannot run them.
const kernels::Kernels& kernels_for(LimbPath path);

/// result = a·b, aᵀ·b or a·bᵀ, exactly: with as many limbs as it takes. Its memory is used again;
/// it must not be an operand.
void exact_product(const LimbMatrix& a, const LimbMatrix& b, Transposed transposed,
                   const kernels::Kernels& kernels, LimbMatrix& result);

/// The same product for rounding to `limbs` limbs, mostly without those that rounding cuts off
/// anyway. Returns how far an entry that is not zero may be off, in units of the last place that
/// rounding leaves: 0 or 2^-40. Zeros are exact.
double upper_product(const LimbMatrix& a, const LimbMatrix& b, Transposed transposed,
                     const kernels::Kernels& kernels, int limbs, LimbMatrix& result);

}  // namespace numgeom
