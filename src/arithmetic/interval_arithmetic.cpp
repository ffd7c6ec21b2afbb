#include "numgeom/arithmetic/interval_arithmetic.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "numgeom/arithmetic/double_product.hpp"
#include "numgeom/arithmetic/environment.hpp"

namespace numgeom {

namespace {

struct IntervalLeaves {
  Interval operator()(double x) const { return Interval(x); }
  /// The double is less than π, and its neighbour above is greater.
  [[nodiscard]] Interval pi() const {
    return {std::numbers::pi, std::nextafter(std::numbers::pi, 4.0)};
  }
};

}  // namespace

DoubleMidpoints::DoubleMidpoints() { require_ieee_environment(); }

Magnitude DoubleMidpoints::product_error(const Matrix& left, bool by_columns) {
  std::vector<std::int64_t> by_column(by_columns ? left.cols() : 0);
  std::int64_t most = 0;
  for (Eigen::Index i = 0; i < left.rows(); ++i) {
    const double* row = left.data() + i * left.cols();
    if (by_columns) {
      for (Eigen::Index j = 0; j < left.cols(); ++j) by_column[j] += row[j] != 0;
      continue;
    }
    std::int64_t count = 0;
    for (Eigen::Index j = 0; j < left.cols(); ++j) count += row[j] != 0;
    most = std::max(most, count);
  }
  for (const std::int64_t count : by_column) most = std::max(most, count);
  return gamma(most, unit());
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::product(const Matrix& a, const Matrix& b) {
  return {numgeom::product(a, b), BoundMatrix(a.rows(), b.cols())};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::product_tn(const Matrix& a, const Matrix& b) {
  return {numgeom::product_tn(a, b), BoundMatrix(a.cols(), b.cols())};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::product_nt(const Matrix& a, const Matrix& b) {
  return {numgeom::product_nt(a, b), BoundMatrix(a.rows(), b.rows())};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::add_row(const Matrix& x, const Matrix& row) {
  Matrix sum = x.rowwise() + row.row(0);
  BoundMatrix error = unit() * BoundMatrix(sum);
  return {std::move(sum), std::move(error)};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::column_sums(const Matrix& x) {
  return {x.colwise().sum(), gamma(x.rows(), unit()) * numgeom::column_sums(BoundMatrix(x))};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::axpy(double alpha, const Matrix& x,
                                                    const Matrix& y) {
  Matrix sum = alpha * x + y;
  BoundMatrix error =
      ((unit() * Magnitude(alpha)) * BoundMatrix(x)).plus_where_positive(underflow()) +
      unit() * BoundMatrix(sum);
  return {std::move(sum), std::move(error)};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::descend(double lr, double weight_decay,
                                                       const Matrix& gradient,
                                                       const Matrix& parameter) {
  // With p = ωw, t = p + g, q = ηt and the result r: |error| ≤ u(η(|p| + |t|) + |q| + |r|) and what
  // underflows. The sum of sizes is computed with six roundings, which the factor takes in.
  constexpr double kUnitUp = 0x1p-53 * (1 + 0x1p-48);
  const double eta = std::abs(lr);
  const double underflow = 0x1p-1060 * std::max(1.0, eta);
  Matrix result(parameter.rows(), parameter.cols());
  Matrix error(parameter.rows(), parameter.cols());
  const double* w = parameter.data();
  const double* g = gradient.data();
  for (Eigen::Index i = 0; i < parameter.size(); ++i) {
    const double p = weight_decay * w[i];
    const double t = p + g[i];
    const double q = lr * t;
    const double r = w[i] - q;
    const double sizes = (std::abs(p) + std::abs(t)) * eta + std::abs(q) + std::abs(r);
    const bool exact = w[i] == 0 && g[i] == 0;
    result.data()[i] = r;
    error.data()[i] = exact ? 0 : sizes * kUnitUp + underflow;
  }
  return {std::move(result), BoundMatrix(std::move(error))};
}

namespace {

/// Bounds |computed − exact| for a product that was rounded once.
double product_rounding(double a, double b, double product) {
  constexpr double kSafe = 0x1p-960;  // the residual of a product is exact from here on
  if (a == 0 || b == 0) return 0;
  if (std::abs(product) >= kSafe && std::fma(a, b, -product) == 0) return 0;
  return std::abs(product) * 0x1.0000000001p-53 + 0x1p-1073;
}

}  // namespace

RoundedMatrix<Matrix<double>> DoubleMidpoints::scale(const Interval& factor, const Matrix& x) {
  const double c = factor.midpoint();
  Matrix result = c * x;
  Matrix error(x.rows(), x.cols());
  for (Eigen::Index i = 0; i < x.size(); ++i)
    error.data()[i] = product_rounding(c, x.data()[i], result.data()[i]);
  return {std::move(result), BoundMatrix(std::move(error))};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::square(const Matrix& x) {
  Matrix result = x.array().square();
  Matrix error(x.rows(), x.cols());
  for (Eigen::Index i = 0; i < x.size(); ++i)
    error.data()[i] = product_rounding(x.data()[i], x.data()[i], result.data()[i]);
  return {std::move(result), BoundMatrix(std::move(error))};
}

RoundedMatrix<Matrix<double>> DoubleMidpoints::root_quotient(const Interval& a, const Matrix& m,
                                                             const Matrix& v, const Interval& b,
                                                             double epsilon,
                                                             const BoundMatrix& /*sizes*/,
                                                             const BoundMatrix& /*radii*/) {
  // √, ·b, +ε, a·m and the quotient: five roundings, four of which count once relatively.
  constexpr double kUnits = 8 * 0x1p-53;
  Matrix result(m.rows(), m.cols());
  Matrix error(m.rows(), m.cols());
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    const double root = std::sqrt(std::max(v.data()[i], 0.0));
    const double divisor = b.midpoint() * root + epsilon;
    const double numerator = a.midpoint() * m.data()[i];
    // Where the divisor overflows nothing is known.
    const double q = std::isfinite(divisor) ? numerator / divisor : rounding::kInfinity;
    result.data()[i] = q;
    // What underflows in a·m is divided by at least ε, what underflows in b·√v is far below ε·u.
    error.data()[i] = m.data()[i] == 0
                          ? 0
                          : std::abs(q) * kUnits + 0x1p-1070 + rounding::div_up(0x1p-1070, epsilon);
  }
  return {std::move(result), BoundMatrix(std::move(error))};
}

Interval DoubleMidpoints::real(const Constant& x) { return x.evaluate<Interval>(IntervalLeaves()); }

RoundedMatrix<Matrix<double>> DoubleMidpoints::from_midpoints(Eigen::Index rows, Eigen::Index cols,
                                                              const std::vector<Interval>& values) {
  Matrix result(rows, cols);
  for (std::size_t i = 0; i < values.size(); ++i) result.data()[i] = values[i].midpoint();
  return {std::move(result), BoundMatrix(rows, cols)};
}

void DoubleMidpoints::normalise(Matrix& midpoints, BoundMatrix& radii) {
  if (std::isfinite(detail::largest_size(midpoints))) return;
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
