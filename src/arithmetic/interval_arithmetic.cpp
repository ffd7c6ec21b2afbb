#include "numgeom/arithmetic/interval_arithmetic.hpp"

#include <cmath>

#include "numgeom/arithmetic/environment.hpp"

namespace numgeom {

DoubleMidpoints::DoubleMidpoints() { require_ieee_environment(); }

RoundedMatrix<Matrix<double>> DoubleMidpoints::product(const Matrix& a, const Matrix& b) {
  return {a * b, BoundMatrix(a.rows(), b.cols())};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::product_tn(const Matrix& a, const Matrix& b) {
  return {a.transpose() * b, BoundMatrix(a.cols(), b.cols())};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::product_nt(const Matrix& a, const Matrix& b) {
  return {a * b.transpose(), BoundMatrix(a.rows(), b.rows())};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::add_row(const Matrix& x, const Matrix& row) {
  Matrix sum = x.rowwise() + row.row(0);
  BoundMatrix error = unit() * BoundMatrix(sum);
  return {std::move(sum), std::move(error)};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::column_sums(const Matrix& x) {
  return {x.colwise().sum(), product_error(x.rows()) * numgeom::column_sums(BoundMatrix(x))};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::axpy(double alpha, const Matrix& x,
                                                    const Matrix& y) {
  Matrix sum = alpha * x + y;
  BoundMatrix error =
      ((unit() * Magnitude(alpha)) * BoundMatrix(x)).plus_where_positive(underflow()) +
      unit() * BoundMatrix(sum);
  return {std::move(sum), std::move(error)};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::from_midpoints(Eigen::Index rows, Eigen::Index cols,
                                                              const std::vector<Interval>& values) {
  Matrix result(rows, cols);
  for (std::size_t i = 0; i < values.size(); ++i) result.data()[i] = values[i].midpoint();
  return {std::move(result), BoundMatrix(rows, cols)};
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
