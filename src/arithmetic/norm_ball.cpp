#include "numgeom/arithmetic/norm_ball.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

#include "numgeom/arithmetic/double_product.hpp"
#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kUnit = 0x1p-53;

/// What rounding adds to a product with `terms` terms an entry, in the Frobenius norm.
Magnitude product_error(const NormBall& a, const NormBall& b, Eigen::Index terms,
                        Eigen::Index entries) {
  const Magnitude underflow =
      Magnitude(static_cast<double>(terms * entries)) * Magnitude::power_of_two(-1074);
  return gamma(terms, Magnitude(kUnit)) * a.size() * b.size() + underflow;
}

NormBall multiplied(Matrix<double> midpoint, const NormBall& a, const NormBall& b,
                    Eigen::Index terms) {
  const Magnitude radius =
      a.size() * b.radius() + a.radius() * b.norm() + product_error(a, b, terms, midpoint.size());
  return {std::move(midpoint), radius};
}

/// The rounding errors of one sum an entry.
Magnitude sum_error(const Matrix<double>& sum) { return Magnitude(kUnit) * frobenius_norm(sum); }

/// An upper bound on |entry| over all entries of a matrix without NaN.
Magnitude largest_entry(const Matrix<double>& x) {
  return x.size() == 0 ? Magnitude() : Magnitude(x.cwiseAbs().maxCoeff());
}

/// x·2^-exponent.
NormBall scaled_down(const NormBall& x, int exponent) {
  // In two steps, since 2^-exponent itself may lie outside the range of doubles.
  const double half = std::ldexp(1.0, -(exponent / 2));
  const double rest = std::ldexp(1.0, -(exponent - exponent / 2));
  const Magnitude underflow =
      Magnitude(static_cast<double>(x.midpoint().size())) * Magnitude::power_of_two(-1074);
  return {x.midpoint() * half * rest, x.radius() * Magnitude::power_of_two(-exponent) + underflow};
}

/// ‖S‖₂ ≤ ‖S^{2^k}‖_F^{1/2^k} for symmetric S.
Magnitude eigenvalue_by_squaring(const NormBall& x) {
  constexpr int kSquarings = 5;
  if (!x.norm().is_finite() || x.size().is_zero()) return x.norm();
  // Powers of a matrix of norm 1 neither over- nor underflow.
  const auto exponent = static_cast<int>(x.size().exponent());
  NormBall power = scaled_down(x, exponent);
  for (int i = 0; i < kSquarings; ++i) power = product(power, power);
  Magnitude bound = power.norm();
  for (int i = 0; i < kSquarings; ++i) bound = sqrt_up(bound);
  bound *= Magnitude::power_of_two(exponent);
  return std::min(bound, x.norm(), [](auto& a, auto& b) { return a < b; });
}

/// A guess at the greatest eigenvalue; no bound.
double rayleigh_quotient(const Matrix<double>& x) {
  constexpr int kIterations = 24;
  // A start that no symmetry makes orthogonal to the eigenvector that is looked for.
  Eigen::VectorXd v(x.rows());
  for (Eigen::Index i = 0; i < v.size(); ++i)
    v(i) = 1 + 0.5 * std::sin(static_cast<double>(i * i + 1));
  double quotient = 0;
  for (int i = 0; i < kIterations; ++i) {
    v.normalize();
    const Eigen::VectorXd next = x * v;
    quotient = v.dot(next);
    v = next;
  }
  return quotient;
}

void require_same_shape(const NormBall& a, const NormBall& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols())
    throw Error("norm balls: two matrices of one shape expected");
}

/// The Cholesky factorisation of θI − x, if it runs to its end, shows that θ and a little is a
/// bound; ∞ if it does not.
Magnitude bound_by_cholesky(const Matrix<double>& x, double shift) {
  Matrix<double> shifted = -x;
  shifted.diagonal().array() += shift;
  const Magnitude diagonal_error = Magnitude(kUnit) * largest_entry(shifted.diagonal());
  const Eigen::LLT<Matrix<double>, Eigen::Lower> factors(shifted);
  if (factors.info() != Eigen::Success) return Magnitude::infinity();
  const Matrix<double> lower = factors.matrixL();
  const Magnitude size = frobenius_norm(lower);
  const Magnitude underflow = (Magnitude(1) + size) *
                              Magnitude(static_cast<double>(x.size() * x.rows())) *
                              Magnitude::power_of_two(-1070);
  return Magnitude(shift) + diagonal_error +
         gamma(2 * x.rows() + 16, Magnitude(kUnit)) * size * size + underflow;
}

Magnitude eigenvalue_by_cholesky(const NormBall& x) {
  constexpr double kFirst = 1.002;
  constexpr double kGrowth = 1.02;
  constexpr int kAttempts = 12;
  const double guess = rayleigh_quotient(x.midpoint());
  double shift = guess * kFirst;
  if (std::isfinite(guess) && guess > 0) {
    for (int i = 0; i < kAttempts; ++i, shift *= kGrowth) {
      const Magnitude bound = bound_by_cholesky(x.midpoint(), shift);
      // The factorisation read one triangle: the radius about a symmetric midpoint is √2 times it.
      if (bound.is_finite()) return bound + Magnitude(1.5) * x.radius();
    }
  }
  return x.norm();
}

}  // namespace

NormBall::NormBall(Matrix<double> midpoint) : NormBall(std::move(midpoint), Magnitude()) {}

NormBall::NormBall(Matrix<double> midpoint, const Magnitude& radius)
    : midpoint_(std::move(midpoint)), size_(frobenius_norm(midpoint_)), radius_(radius) {
  if (size_.is_finite()) return;
  midpoint_.setZero();
  size_ = Magnitude();
  radius_ = Magnitude::infinity();
}

NormBall::NormBall(const DoubleEnclosures& x) : NormBall(x.midpoints, frobenius_norm(x.radii)) {}

Magnitude NormBall::largest() const { return largest_entry(midpoint_) + radius_; }

NormBall NormBall::widened(const Magnitude& by) const {
  NormBall result = *this;
  result.radius_ += by;
  return result;
}

NormBall operator+(const NormBall& a, const NormBall& b) {
  require_same_shape(a, b);
  Matrix<double> sum = a.midpoint_ + b.midpoint_;
  const Magnitude error = sum_error(sum);
  return {std::move(sum), a.radius_ + b.radius_ + error};
}

NormBall operator-(const NormBall& a, const NormBall& b) {
  require_same_shape(a, b);
  Matrix<double> difference = a.midpoint_ - b.midpoint_;
  const Magnitude error = sum_error(difference);
  return {std::move(difference), a.radius_ + b.radius_ + error};
}

NormBall operator*(double factor, const NormBall& a) {
  const Magnitude underflow =
      Magnitude(static_cast<double>(a.midpoint_.size())) * Magnitude::power_of_two(-1074);
  const Magnitude error = Magnitude(kUnit) * Magnitude(factor) * a.size_ + underflow;
  return {factor * a.midpoint_, Magnitude(factor) * a.radius_ + error};
}

NormBall product(const NormBall& a, const NormBall& b) {
  return multiplied(product(a.midpoint_, b.midpoint_), a, b, a.cols());
}

NormBall product_tn(const NormBall& a, const NormBall& b) {
  return multiplied(product_tn(a.midpoint_, b.midpoint_), a, b, a.rows());
}

NormBall product_nt(const NormBall& a, const NormBall& b) {
  return multiplied(product_nt(a.midpoint_, b.midpoint_), a, b, a.cols());
}

NormBall hadamard(const NormBall& a, const NormBall& b) {
  require_same_shape(a, b);
  const Magnitude largest_a = largest_entry(a.midpoint_);
  const Magnitude largest_b = b.largest();
  Matrix<double> midpoint = a.midpoint_.cwiseProduct(b.midpoint_);
  const Magnitude underflow =
      Magnitude(static_cast<double>(midpoint.size())) * Magnitude::power_of_two(-1074);
  const Magnitude error = Magnitude(kUnit) * largest_a * b.size_ + underflow;
  return {std::move(midpoint), largest_a * b.radius_ + a.radius_ * largest_b + error};
}

Magnitude largest_eigenvalue(const NormBall& x) {
  constexpr Eigen::Index kSmall = 64;
  if (x.rows() != x.cols()) throw Error("largest eigenvalue: a square matrix expected");
  return x.rows() <= kSmall ? eigenvalue_by_squaring(x) : eigenvalue_by_cholesky(x);
}

Magnitude spectral_norm(const NormBall& x) {
  const NormBall point(x.midpoint());
  const NormBall gram = x.rows() < x.cols() ? product_nt(point, point) : product_tn(point, point);
  const Magnitude bound = sqrt_up(largest_eigenvalue(gram)) + x.radius();
  return std::min(bound, x.norm(), [](auto& a, auto& b) { return a < b; });
}

}  // namespace numgeom
