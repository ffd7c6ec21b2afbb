#pragma once

#include <cmath>

namespace numgeom {

/// Whether rounding to fp32 gives a finite number.
inline bool fits_fp32(double value) { return std::isfinite(static_cast<float>(value)); }

}  // namespace numgeom
