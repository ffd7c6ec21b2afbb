#pragma once

#include <string>

#include "numgeom/arithmetic/big_float.hpp"
#include "numgeom/arithmetic/magnitude.hpp"

namespace numgeom {

/// `-0x1a2bp-7`: sign, hexadecimal odd integer, exponent of two; "0x0p0", "inf", "-inf", "nan".
/// Exact.
[[nodiscard]] std::string exact_text(const BigFloat& x);
[[nodiscard]] std::string exact_text(double x);
[[nodiscard]] std::string exact_text(const Magnitude& x);

}  // namespace numgeom
