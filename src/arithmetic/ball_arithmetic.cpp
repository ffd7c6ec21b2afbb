#include "numgeom/arithmetic/ball_arithmetic.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// Σ_k a(i,k)·b(k,j), one rounding a product and one a sum.
template <class Left, class Right>
BigFloatMatrix multiply(Eigen::Index rows, Eigen::Index inner, Eigen::Index cols, int bits,
                        const Left& a, const Right& b) {
  BigFloatMatrix result(rows, cols, bits);
  BigFloat term(bits);
  for (Eigen::Index i = 0; i < rows; ++i) {
    for (Eigen::Index k = 0; k < inner; ++k) {
      const BigFloat& factor = a(i, k);
      if (factor.is_zero()) continue;
      for (Eigen::Index j = 0; j < cols; ++j) {
        mpfr_mul(term.get(), factor.get(), b(k, j).get(), MPFR_RNDN);
        mpfr_add(result(i, j).get(), result(i, j).get(), term.get(), MPFR_RNDN);
      }
    }
  }
  return result;
}

/// The exponents in which midpoints are kept.
constexpr mpfr_exp_t kLimit = mpfr_exp_t{1} << 28;

bool in_range(const BigFloat& x) {
  return x.is_zero() || (x.is_finite() && std::abs(mpfr_get_exp(x.get())) <= kLimit);
}

/// Makes a midpoint outside the allowed exponents zero, and returns what that changed it by.
Magnitude take_excess(BigFloat& midpoint) {
  if (in_range(midpoint)) return {};
  const bool finite = midpoint.is_finite();
  const bool small = finite && mpfr_get_exp(midpoint.get()) < 0;
  const Magnitude excess = small ? Magnitude::upper(midpoint) : Magnitude::infinity();
  mpfr_set_zero(midpoint.get(), 1);
  return excess;
}

}  // namespace

BigFloatMidpoints::BigFloatMidpoints(int bits) : bits_(bits) {
  require_ieee_environment();
  if (bits < kMinBits || bits > kMostBits)
    throw Error("ball arithmetic: 53 to 2^24 bits expected, not " + std::to_string(bits));
}

BigFloatMatrix BigFloatMidpoints::embed(const ExactMatrix& exact) {
  BigFloatMatrix result(exact.rows(), exact.cols(), Ball::kDefaultBits);
  for (Eigen::Index i = 0; i < exact.rows(); ++i)
    for (Eigen::Index j = 0; j < exact.cols(); ++j)
      mpfr_set_flt(result(i, j).get(), exact(i, j), MPFR_RNDN);
  return result;
}

BigFloatMatrix BigFloatMidpoints::gather_rows(const Matrix& x, const Indices& rows) {
  BigFloatMatrix result(static_cast<Eigen::Index>(rows.size()), x.cols(), Ball::kDefaultBits);
  for (Eigen::Index i = 0; i < result.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j) result(i, j) = x(rows[i], j);
  return result;
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::product(const Matrix& a, const Matrix& b) const {
  return {multiply(a.rows(), a.cols(), b.cols(), bits_, a, b), BoundMatrix(a.rows(), b.cols())};
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::product_tn(const Matrix& a,
                                                            const Matrix& b) const {
  const auto transposed = [&a](Eigen::Index i, Eigen::Index k) -> const BigFloat& {
    return a(k, i);
  };
  return {multiply(a.cols(), a.rows(), b.cols(), bits_, transposed, b),
          BoundMatrix(a.cols(), b.cols())};
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::product_nt(const Matrix& a,
                                                            const Matrix& b) const {
  const auto transposed = [&b](Eigen::Index k, Eigen::Index j) -> const BigFloat& {
    return b(j, k);
  };
  return {multiply(a.rows(), a.cols(), b.rows(), bits_, a, transposed),
          BoundMatrix(a.rows(), b.rows())};
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::rounded(Matrix x) const {
  BoundMatrix error = unit() * magnitudes(x);
  return {std::move(x), std::move(error)};
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::add_row(const Matrix& x, const Matrix& row) const {
  BigFloatMatrix result = zeros(x.rows(), x.cols());
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j)
      mpfr_add(result(i, j).get(), x(i, j).get(), row(0, j).get(), MPFR_RNDN);
  return rounded(std::move(result));
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::column_sums(const Matrix& x) const {
  BigFloatMatrix result = zeros(1, x.cols());
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j)
      mpfr_add(result(0, j).get(), result(0, j).get(), x(i, j).get(), MPFR_RNDN);
  return {std::move(result), gamma(x.rows(), unit()) * numgeom::column_sums(magnitudes(x))};
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::axpy(double alpha, const Matrix& x,
                                                      const Matrix& y) const {
  const BigFloat factor = BigFloat::exact(alpha);
  BigFloatMatrix result = zeros(x.rows(), x.cols());
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j)
      mpfr_fma(result(i, j).get(), x(i, j).get(), factor.get(), y(i, j).get(), MPFR_RNDN);
  return rounded(std::move(result));
}

BigFloatMatrix BigFloatMidpoints::gather(const Matrix& x, const Gather& places, int term) const {
  BigFloatMatrix result = zeros(places.samples(x.rows()) * places.out_rows, places.out_cols);
  detail::for_gathered(places, term, x.rows(),
                       [&](Eigen::Index i, Eigen::Index j, Eigen::Index k, Eigen::Index l) {
                         result(i, j) = x(k, l);
                       });
  return result;
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::scale(const Ball& factor, const Matrix& x) const {
  BigFloatMatrix result = zeros(x.rows(), x.cols());
  // A product of midpoints in range stays within MPFR's exponents; others may leave them.
  if (!in_range(factor.midpoint()))
    return {std::move(result), Magnitude::upper(factor.midpoint()) * magnitudes(x)};
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j)
      mpfr_mul(result(i, j).get(), x(i, j).get(), factor.midpoint().get(), MPFR_RNDN);
  return rounded(std::move(result));
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::square(const Matrix& x) const {
  BigFloatMatrix result = zeros(x.rows(), x.cols());
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j)
      mpfr_sqr(result(i, j).get(), x(i, j).get(), MPFR_RNDN);
  return rounded(std::move(result));
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::root_quotient(const Ball& a, const Matrix& m,
                                                               const Matrix& v, const Ball& b,
                                                               double epsilon,
                                                               const BoundMatrix& /*sizes*/,
                                                               const BoundMatrix& /*radii*/) const {
  BigFloatMatrix result = zeros(m.rows(), m.cols());
  BigFloat divisor(bits_);
  BigFloat numerator(bits_);
  for (Eigen::Index i = 0; i < m.rows(); ++i)
    for (Eigen::Index j = 0; j < m.cols(); ++j) {
      if (m(i, j).is_zero()) continue;
      if (mpfr_sgn(v(i, j).get()) > 0)
        mpfr_sqrt(divisor.get(), v(i, j).get(), MPFR_RNDN);
      else
        mpfr_set_zero(divisor.get(), 1);
      mpfr_mul(divisor.get(), divisor.get(), b.midpoint().get(), MPFR_RNDN);
      mpfr_add_d(divisor.get(), divisor.get(), epsilon, MPFR_RNDN);
      mpfr_mul(numerator.get(), m(i, j).get(), a.midpoint().get(), MPFR_RNDN);
      mpfr_div(result(i, j).get(), numerator.get(), divisor.get(), MPFR_RNDN);
    }
  BoundMatrix error = Magnitude(8.0) * (unit() * magnitudes(result));
  return {std::move(result), std::move(error)};
}

BoundMatrix BigFloatMidpoints::magnitudes(const Matrix& x) {
  std::vector<Magnitude> entries;
  entries.reserve(static_cast<std::size_t>(x.rows() * x.cols()));
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j) entries.push_back(Magnitude::upper(x(i, j)));
  return {x.rows(), x.cols(), entries};
}

DoubleEnclosures BigFloatMidpoints::to_doubles(const Matrix& x) {
  numgeom::Matrix<double> values(x.rows(), x.cols());
  BoundMatrix errors = (Magnitude::power_of_two(-53) * magnitudes(x))
                           .plus_where_positive(Magnitude::power_of_two(-1074));
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j) {
      values(i, j) = mpfr_get_d(x(i, j).get(), MPFR_RNDN);
      if (std::isfinite(values(i, j))) continue;
      // Too great for doubles: all is in the radius.
      values(i, j) = 0;
      errors.widen(i, j, Magnitude::upper(x(i, j)));
    }
  return {std::move(values), std::move(errors)};
}

void BigFloatMidpoints::normalise(Matrix& midpoints, BoundMatrix& radii) {
  for (Eigen::Index i = 0; i < midpoints.rows(); ++i) {
    for (Eigen::Index j = 0; j < midpoints.cols(); ++j) {
      const Magnitude excess = take_excess(midpoints(i, j));
      if (!excess.is_zero()) radii.widen(i, j, excess);
    }
  }
}

int BigFloatMidpoints::compare_magnitude(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                         const Magnitude& bound) {
  if (!bound.is_finite()) return -1;
  if (bound.is_zero()) return x(i, j).is_zero() ? 0 : 1;
  return mpfr_cmpabs(x(i, j).get(), bound.to_big_float().get());
}

Ball BigFloatMidpoints::enclosure(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                  const Magnitude& radius) const {
  if (!radius.is_finite()) return Ball::entire(bits_);
  BigFloat midpoint = x(i, j);
  // Exact data have few bits: functions of them are to have all.
  if (midpoint.bits() < bits_) mpfr_prec_round(midpoint.get(), bits_, MPFR_RNDN);
  return Ball(std::move(midpoint), radius);
}

Magnitude BigFloatMidpoints::assign(Matrix& x, Eigen::Index i, Eigen::Index j, const Ball& value) {
  x(i, j) = value.midpoint();
  return value.radius() + take_excess(x(i, j));
}

RoundedMatrix<BigFloatMatrix> BigFloatMidpoints::from_midpoints(
    Eigen::Index rows, Eigen::Index cols, const std::vector<Ball>& values) const {
  BigFloatMatrix result = zeros(rows, cols);
  std::vector<Magnitude> excess;
  excess.reserve(values.size());
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < cols; ++j) {
      result(i, j) = values[static_cast<std::size_t>(i * cols + j)].midpoint();
      excess.push_back(take_excess(result(i, j)));
    }
  return {std::move(result), BoundMatrix(rows, cols, excess)};
}

template class EnclosingArithmetic<BigFloatMidpoints>;

}  // namespace numgeom
