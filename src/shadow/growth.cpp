#include "numgeom/shadow/growth.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace numgeom {
namespace {

/// f(x) = value, with |f′(x)| = slope: what x brings and one rounding of the value.
GrowthScalar applied(const GrowthScalar& x, double value, double slope) {
  return GrowthScalar(value, Magnitude(slope) * x.growth + Magnitude(value));
}

struct GrowthLeaves {
  GrowthScalar operator()(double x) const { return GrowthScalar(x); }
  [[nodiscard]] GrowthScalar pi() const {
    return GrowthScalar(std::numbers::pi, Magnitude(std::numbers::pi));
  }
};

}  // namespace

GrowthScalar& GrowthScalar::operator+=(const GrowthScalar& other) { return *this = *this + other; }
GrowthScalar& GrowthScalar::operator-=(const GrowthScalar& other) { return *this = *this - other; }

GrowthScalar operator-(const GrowthScalar& x) { return GrowthScalar(-x.value, x.growth); }

GrowthScalar operator+(const GrowthScalar& a, const GrowthScalar& b) {
  const double sum = a.value + b.value;
  return GrowthScalar(sum, a.growth + b.growth + Magnitude(sum));
}

GrowthScalar operator-(const GrowthScalar& a, const GrowthScalar& b) { return a + -b; }

GrowthScalar operator*(const GrowthScalar& a, const GrowthScalar& b) {
  const double product = a.value * b.value;
  return GrowthScalar(
      product, Magnitude(a.value) * b.growth + Magnitude(b.value) * a.growth + Magnitude(product));
}

GrowthScalar operator/(const GrowthScalar& a, const GrowthScalar& b) {
  const double quotient = a.value / b.value;
  return GrowthScalar(quotient,
                      divide_up(a.growth + Magnitude(quotient) * b.growth, Magnitude(b.value)) +
                          Magnitude(quotient));
}

GrowthScalar exp(const GrowthScalar& x) {
  const double value = std::exp(x.value);
  return applied(x, value, value);
}
GrowthScalar log(const GrowthScalar& x) { return applied(x, std::log(x.value), 1 / x.value); }
GrowthScalar log1p(const GrowthScalar& x) {
  return applied(x, std::log1p(x.value), 1 / (1 + x.value));
}
GrowthScalar tanh(const GrowthScalar& x) {
  const double value = std::tanh(x.value);
  return applied(x, value, 1 - value * value);
}
GrowthScalar erf(const GrowthScalar& x) {
  return applied(x, std::erf(x.value), 2 * std::numbers::inv_sqrtpi * std::exp(-x.value * x.value));
}
GrowthScalar sqrt(const GrowthScalar& x) {
  if (!(x.value > 0)) return GrowthScalar(0.0, x.growth);
  const double value = std::sqrt(x.value);
  return applied(x, value, 0.5 / value);
}
GrowthScalar sqr(const GrowthScalar& x) { return applied(x, x.value * x.value, 2 * x.value); }
GrowthScalar abs(const GrowthScalar& x) { return GrowthScalar(std::abs(x.value), x.growth); }
GrowthScalar min(const GrowthScalar& a, const GrowthScalar& b) { return b.value < a.value ? b : a; }
GrowthScalar max(const GrowthScalar& a, const GrowthScalar& b) { return a.value < b.value ? b : a; }
GrowthScalar pow(const GrowthScalar& x, int exponent) {
  return applied(x, std::pow(x.value, exponent), exponent * std::pow(x.value, exponent - 1));
}

RoundedMatrix<Matrix<double>> GrowthMidpoints::rounded(Matrix x) {
  BoundMatrix error = unit() * magnitudes(x);
  return {std::move(x), std::move(error)};
}

RoundedMatrix<Matrix<double>> GrowthMidpoints::product(const Matrix& a, const Matrix& b) {
  return {a * b, BoundMatrix(a.rows(), b.cols())};
}
RoundedMatrix<Matrix<double>> GrowthMidpoints::product_tn(const Matrix& a, const Matrix& b) {
  return {a.transpose() * b, BoundMatrix(a.cols(), b.cols())};
}
RoundedMatrix<Matrix<double>> GrowthMidpoints::product_nt(const Matrix& a, const Matrix& b) {
  return {a * b.transpose(), BoundMatrix(a.rows(), b.rows())};
}
RoundedMatrix<Matrix<double>> GrowthMidpoints::add_row(const Matrix& x, const Matrix& row) {
  return rounded(x.rowwise() + row.row(0));
}
RoundedMatrix<Matrix<double>> GrowthMidpoints::column_sums(const Matrix& x) {
  const Magnitude roundings = Magnitude(static_cast<double>(x.rows() + 1)) * unit();
  return {x.colwise().sum(), roundings * numgeom::column_sums(magnitudes(x))};
}
RoundedMatrix<Matrix<double>> GrowthMidpoints::axpy(double alpha, const Matrix& x,
                                                    const Matrix& y) {
  return rounded(alpha * x + y);
}

RoundedMatrix<Matrix<double>> GrowthMidpoints::scale(const GrowthScalar& factor, const Matrix& x) {
  return rounded(factor.value * x);
}
RoundedMatrix<Matrix<double>> GrowthMidpoints::square(const Matrix& x) {
  return rounded(x.array().square());
}
RoundedMatrix<Matrix<double>> GrowthMidpoints::root_quotient(const GrowthScalar& a, const Matrix& m,
                                                             const Matrix& v, const GrowthScalar& b,
                                                             double epsilon,
                                                             const BoundMatrix& /*sizes*/,
                                                             const BoundMatrix& /*radii*/) {
  auto result = rounded(a.value * m.array() / (b.value * v.array().max(0.0).sqrt() + epsilon));
  result.error = Magnitude(8.0) * result.error;
  return result;
}

void GrowthMidpoints::normalise(Matrix& midpoints, BoundMatrix& radii) {
  if (midpoints.allFinite()) return;
  for (Eigen::Index i = 0; i < midpoints.rows(); ++i)
    for (Eigen::Index j = 0; j < midpoints.cols(); ++j)
      if (!std::isfinite(midpoints(i, j))) radii.set_unbounded(i, j);
}

int GrowthMidpoints::compare_magnitude(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                       const Magnitude& bound) const {
  const double size = std::abs(x(i, j));
  if (!(size > 0)) return bound.is_zero() ? 0 : -1;
  if (!bound.is_zero() && bound.is_finite())
    *decision_bits_ = std::max(*decision_bits_, growth(bound).log2() - std::log2(size));
  return 1;
}

RoundedMatrix<Matrix<double>> GrowthMidpoints::from_midpoints(
    Eigen::Index rows, Eigen::Index cols, const std::vector<GrowthScalar>& values) {
  Matrix result(rows, cols);
  for (std::size_t i = 0; i < values.size(); ++i) result.data()[i] = values[i].value;
  return {std::move(result), BoundMatrix(rows, cols)};
}

GrowthScalar GrowthMidpoints::real(const Constant& x) {
  return x.evaluate<GrowthScalar>(GrowthLeaves());
}

template class EnclosingArithmetic<GrowthMidpoints>;

}  // namespace numgeom
