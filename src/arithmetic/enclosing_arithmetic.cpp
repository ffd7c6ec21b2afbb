#include "numgeom/arithmetic/enclosing_arithmetic.hpp"

#include <string>

#include "numgeom/error.hpp"

namespace numgeom {

Magnitude gamma(Eigen::Index n, const Magnitude& unit) {
  const Magnitude terms(static_cast<double>(n));
  const Magnitude more(static_cast<double>(n + 1));
  if (terms * more * unit > Magnitude(1.0))
    throw Error("matrix product: " + std::to_string(n) + " terms are too many for this precision");
  return more * unit;
}

}  // namespace numgeom
