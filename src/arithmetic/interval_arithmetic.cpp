#include "numgeom/arithmetic/interval_arithmetic.hpp"

#include <cmath>

#include "numgeom/arithmetic/environment.hpp"

namespace numgeom {

DoubleMidpoints::DoubleMidpoints() { require_ieee_environment(); }

Matrix<double> DoubleMidpoints::product(const Matrix& a, const Matrix& b) { return a * b; }

Matrix<double> DoubleMidpoints::product_tn(const Matrix& a, const Matrix& b) {
  return a.transpose() * b;
}

Matrix<double> DoubleMidpoints::product_nt(const Matrix& a, const Matrix& b) {
  return a * b.transpose();
}

void DoubleMidpoints::restore_range(Matrix& midpoints, BoundMatrix& radii) {
  if (midpoints.allFinite()) return;
  for (Eigen::Index i = 0; i < midpoints.rows(); ++i) {
    for (Eigen::Index j = 0; j < midpoints.cols(); ++j) {
      if (std::isfinite(midpoints(i, j))) continue;
      midpoints(i, j) = 0;
      radii.set_unbounded(i, j);
    }
  }
}

int DoubleMidpoints::compare_magnitude(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                       const Magnitude& bound) {
  const Magnitude size(x(i, j));
  return (size > bound) - (size < bound);
}

Magnitude DoubleMidpoints::assign(Matrix& x, Eigen::Index i, Eigen::Index j,
                                  const Interval& value) {
  x(i, j) = value.midpoint();
  return Magnitude(value.radius());
}

Interval DoubleMidpoints::midpoint_of(const Interval& x) { return Interval(x.midpoint()); }

Interval DoubleMidpoints::widened(const Interval& x, const Magnitude& by) {
  if (by.is_zero()) return x;
  const double radius = by.to_double_up();
  return x + Interval(-radius, radius);
}

Magnitude DoubleMidpoints::exp_up(const Magnitude& x) {
  const double argument = x.to_double_up();
  if (!std::isfinite(argument)) return Magnitude::infinity();
  return Magnitude(exp(Interval(argument)).upper());
}

template class EnclosingArithmetic<DoubleMidpoints>;

}  // namespace numgeom
