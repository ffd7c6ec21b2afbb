#pragma once

#include <vector>

#include "numgeom/arithmetic/ball_scalars.hpp"
#include "numgeom/arithmetic/enclosing_arithmetic.hpp"

namespace numgeom {

/// Dense row-major matrix of BigFloats, each with its own precision (exact inputs keep theirs).
class BigFloatMatrix {
 public:
  BigFloatMatrix() = default;
  BigFloatMatrix(Eigen::Index rows, Eigen::Index cols, int bits)
      : rows_(rows), cols_(cols), entries_(static_cast<std::size_t>(rows * cols), BigFloat(bits)) {}

  [[nodiscard]] Eigen::Index rows() const { return rows_; }
  [[nodiscard]] Eigen::Index cols() const { return cols_; }
  [[nodiscard]] BigFloat& operator()(Eigen::Index i, Eigen::Index j) {
    return entries_[static_cast<std::size_t>(i * cols_ + j)];
  }
  [[nodiscard]] const BigFloat& operator()(Eigen::Index i, Eigen::Index j) const {
    return entries_[static_cast<std::size_t>(i * cols_ + j)];
  }

 private:
  Eigen::Index rows_ = 0;
  Eigen::Index cols_ = 0;
  std::vector<BigFloat> entries_;
};

/// Midpoints with p bits, rounded to nearest by MPFR: plain loops, the reference for faster ways.
///
/// Throws `Error` for fewer than 53 or more than 2^24 bits.
class BigFloatMidpoints : public BallScalars {
 public:
  using Matrix = BigFloatMatrix;
  using Enclosure = Ball;
  static constexpr int kMinBits = 53;
  static constexpr int kMostBits = 1 << 24;

  explicit BigFloatMidpoints(int bits);

  [[nodiscard]] int bits() const { return bits_; }
  /// γ_n: what rounding changes in a sum of n products, relative to the sum of their sizes.
  [[nodiscard]] Magnitude product_error(const Matrix& left, bool by_columns) const {
    return gamma(by_columns ? left.rows() : left.cols(), unit());
  }
  /// Nothing underflows: see `normalise`.
  [[nodiscard]] static Magnitude underflow() { return {}; }

  [[nodiscard]] Matrix zeros(Eigen::Index rows, Eigen::Index cols) const {
    return {rows, cols, bits_};
  }
  [[nodiscard]] static Matrix embed(const ExactMatrix& exact);
  [[nodiscard]] static Matrix gather_rows(const Matrix& x, const Indices& rows);
  /// The error of a product is left to `product_error`.
  [[nodiscard]] RoundedMatrix<Matrix> product(const Matrix& a, const Matrix& b) const;
  [[nodiscard]] RoundedMatrix<Matrix> product_tn(const Matrix& a, const Matrix& b) const;
  [[nodiscard]] RoundedMatrix<Matrix> product_nt(const Matrix& a, const Matrix& b) const;
  /// u|C|.
  [[nodiscard]] RoundedMatrix<Matrix> add_row(const Matrix& x, const Matrix& row) const;
  /// γ_n·1ᵀ|X|.
  [[nodiscard]] RoundedMatrix<Matrix> column_sums(const Matrix& x) const;
  /// u|C|: product and sum are fused.
  [[nodiscard]] RoundedMatrix<Matrix> axpy(double alpha, const Matrix& x, const Matrix& y) const;
  [[nodiscard]] RoundedMatrix<Matrix> descend(double lr, double weight_decay,
                                              const Matrix& gradient,
                                              const Matrix& parameter) const {
    return detail::descend_in_two_sums(*this, lr, weight_decay, gradient, parameter);
  }
  [[nodiscard]] Matrix gather(const Matrix& x, const Gather& places, int term) const;
  /// u|C| for a point `factor`.
  [[nodiscard]] RoundedMatrix<Matrix> scale(const Ball& factor, const Matrix& x) const;
  [[nodiscard]] RoundedMatrix<Matrix> square(const Matrix& x) const;
  /// 8u|Q|: five roundings, all terms of the divisor are positive.
  [[nodiscard]] RoundedMatrix<Matrix> root_quotient(const Ball& a, const Matrix& m, const Matrix& v,
                                                    const Ball& b, double epsilon,
                                                    const BoundMatrix& /*sizes*/,
                                                    const BoundMatrix& /*radii*/) const;
  [[nodiscard]] static BoundMatrix magnitudes(const Matrix& x);
  /// The nearest doubles, and bounds on what that changes.
  [[nodiscard]] static DoubleEnclosures to_doubles(const Matrix& x);
  /// Nonzero midpoints outside [2^-2^28, 2^2^28] become zero: the radius takes them in, or becomes
  /// unbounded. Within these limits no product or sum leaves MPFR's default exponents, ±2^30.
  static void normalise(Matrix& midpoints, BoundMatrix& radii);

  [[nodiscard]] static int sign(const Matrix& x, Eigen::Index i, Eigen::Index j) {
    return mpfr_sgn(x(i, j).get());
  }
  /// The sign of |x_ij| − bound.
  [[nodiscard]] static int compare_magnitude(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                             const Magnitude& bound);

  [[nodiscard]] Ball enclosure(const Matrix& x, Eigen::Index i, Eigen::Index j,
                               const Magnitude& radius) const;
  /// Stores the midpoint of `value` and returns its radius.
  static Magnitude assign(Matrix& x, Eigen::Index i, Eigen::Index j, const Ball& value);
  static void set_zero(Matrix& x, Eigen::Index i, Eigen::Index j) {
    mpfr_set_zero(x(i, j).get(), 1);
  }
  /// A matrix of the midpoints, row by row.
  [[nodiscard]] RoundedMatrix<Matrix> from_midpoints(Eigen::Index rows, Eigen::Index cols,
                                                     const std::vector<Ball>& values) const;
  [[nodiscard]] Ball zero() const { return Ball(0.0, bits_); }
  [[nodiscard]] Ball real(const Constant& x) const { return BallScalars::real(x, bits_); }

 private:
  [[nodiscard]] Magnitude unit() const { return Magnitude::power_of_two(-bits_); }
  [[nodiscard]] RoundedMatrix<Matrix> rounded(Matrix x) const;

  int bits_;
};

/// Enclosing matrix arithmetic with p-bit midpoints, p chosen at run time: the reference for
/// `LimbArithmetic`, and what goes on beyond its precision.
using BallArithmetic = EnclosingArithmetic<BigFloatMidpoints>;
static_assert(Arithmetic<BallArithmetic>);

extern template class EnclosingArithmetic<BigFloatMidpoints>;

}  // namespace numgeom
