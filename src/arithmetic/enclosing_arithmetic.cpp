#include "numgeom/arithmetic/enclosing_arithmetic.hpp"

#include <cmath>
#include <string>

#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"

namespace numgeom {

Magnitude gamma(Eigen::Index n, const Magnitude& unit) {
  const Magnitude terms(static_cast<double>(n));
  const Magnitude more(static_cast<double>(n + 1));
  if (terms * more * unit > Magnitude(1.0))
    throw Error("matrix product: " + std::to_string(n) + " terms are too many for this precision");
  return more * unit;
}

Magnitude detail::decay_factor(double lr, double weight_decay) {
  const double least = rounding::sub_down(1.0, rounding::mul_up(lr, weight_decay));
  const double most = rounding::sub_up(1.0, rounding::mul_down(lr, weight_decay));
  const Magnitude a(least);
  const Magnitude b(most);
  return a < b ? b : a;
}

BoundMatrix detail::hidden(const BoundMatrix& x, const Mask& mask) {
  if (x.is_zero()) return x;
  return BoundMatrix(Matrix<double>((mask.array() != 0).select(x.mantissas(), 0.0)), x.exponent());
}

double detail::root_lower(double value, const Magnitude& error) {
  const double least = rounding::sub_down(value, error.to_double_up());
  return least > 0 ? rounding::sqrt_down(least) : 0;
}

Magnitude detail::divisor_lower(double root, double factor, double epsilon) {
  if (!(factor >= 0)) return {};
  return Magnitude(rounding::add_down(rounding::mul_down(factor, root), epsilon));
}

}  // namespace numgeom
