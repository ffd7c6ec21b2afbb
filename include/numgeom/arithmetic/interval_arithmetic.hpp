#pragma once

#include <vector>

#include "numgeom/arithmetic/double_storage.hpp"
#include "numgeom/arithmetic/interval.hpp"

namespace numgeom {

/// Midpoints in doubles, rounded to nearest; products through Eigen's dgemm.
///
/// The error bounds hold for any order of summation and with or without FMA, so they do not depend
/// on how Eigen blocks and vectorises. Throws `Error` on construction when the floating-point
/// environment is not the one assumed (`require_ieee_environment`).
class DoubleMidpoints : public DoubleStorage {
 public:
  using Enclosure = Interval;

  DoubleMidpoints();

  [[nodiscard]] int bits() const { return 53; }
  /// γ_n: what rounding changes in a product's sums, relative to the sums of sizes; n counts the
  /// factors of a row (column) of the left operand that are not zero, since the others add nothing
  /// …
  [[nodiscard]] static Magnitude product_error(const Matrix& left, bool by_columns);
  /// … and what a product that underflows adds at most.
  [[nodiscard]] static Magnitude underflow() { return Magnitude::power_of_two(-1074); }

  /// The error of a product is left to `product_error`.
  [[nodiscard]] static RoundedMatrix<Matrix> product(const Matrix& a, const Matrix& b);
  [[nodiscard]] static RoundedMatrix<Matrix> product_tn(const Matrix& a, const Matrix& b);
  [[nodiscard]] static RoundedMatrix<Matrix> product_nt(const Matrix& a, const Matrix& b);
  /// u|C|.
  [[nodiscard]] static RoundedMatrix<Matrix> add_row(const Matrix& x, const Matrix& row);
  /// γ_n·1ᵀ|X|.
  [[nodiscard]] static RoundedMatrix<Matrix> column_sums(const Matrix& x);
  /// u(|α||X| + |C|), and η where αX is not exactly zero.
  [[nodiscard]] static RoundedMatrix<Matrix> axpy(double alpha, const Matrix& x, const Matrix& y);
  [[nodiscard]] static RoundedMatrix<Matrix> descend(double lr, double weight_decay,
                                                     const Matrix& gradient,
                                                     const Matrix& parameter);
  /// u|C|, and η where that may underflow; nothing where a product is exact. `factor` is a point.
  [[nodiscard]] static RoundedMatrix<Matrix> scale(const Interval& factor, const Matrix& x);
  [[nodiscard]] static RoundedMatrix<Matrix> square(const Matrix& x);
  /// 8u|Q|, and η where that may underflow: all terms of the divisor are positive.
  [[nodiscard]] static RoundedMatrix<Matrix> root_quotient(const Interval& a, const Matrix& m,
                                                           const Matrix& v, const Interval& b,
                                                           double epsilon,
                                                           const BoundMatrix& /*sizes*/,
                                                           const BoundMatrix& /*radii*/);
  /// Where a midpoint is not finite: zero, with an unbounded radius.
  static void normalise(Matrix& midpoints, BoundMatrix& radii);

  /// The sign of |x_ij| − bound.
  [[nodiscard]] static int compare_magnitude(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                             const Magnitude& bound);

  [[nodiscard]] static Interval enclosure(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                          const Magnitude& radius) {
    return widened(Interval(x(i, j)), radius);
  }
  /// Stores the midpoint of `value` and returns its radius.
  static Magnitude assign(Matrix& x, Eigen::Index i, Eigen::Index j, const Interval& value) {
    x(i, j) = value.midpoint();
    return Magnitude(value.radius());
  }
  /// A matrix of the midpoints, row by row.
  [[nodiscard]] static RoundedMatrix<Matrix> from_midpoints(Eigen::Index rows, Eigen::Index cols,
                                                            const std::vector<Interval>& values);
  [[nodiscard]] static Interval zero() { return Interval(0.0); }
  [[nodiscard]] static Interval real(const Constant& x);
  [[nodiscard]] static bool is_positive(const Interval& point) { return point.lower() > 0; }
  [[nodiscard]] static double lower_double(const Interval& x) { return x.lower(); }
  [[nodiscard]] static Interval positive_part(const Interval& x) { return max(x, Interval(0.0)); }
  [[nodiscard]] static Interval hull_with_zero(const Interval& x) { return hull(x, Interval(0.0)); }
  [[nodiscard]] static Interval midpoint_of(const Interval& x);
  [[nodiscard]] static Magnitude radius_of(const Interval& x) { return Magnitude(x.radius()); }
  [[nodiscard]] static Magnitude magnitude_of(const Interval& x) {
    return Magnitude(x.magnitude());
  }
  [[nodiscard]] static Interval widened(const Interval& x, const Magnitude& by);
  [[nodiscard]] static Magnitude exp_up(const Magnitude& x);

 private:
  [[nodiscard]] static Magnitude unit() { return Magnitude::power_of_two(-53); }
};

/// Softmax cross-entropy of one row as in the general form (softmax.hpp), with exponentials in
/// doubles that have a proved error instead of MPFR's. Source: proofs/exponential.md.
SoftmaxRow<Interval> softmax_row(const std::vector<Interval>& logits, int label,
                                 const DoubleMidpoints& midpoints);

/// Enclosing matrix arithmetic in doubles: fast, 53 bits.
using IntervalArithmetic = EnclosingArithmetic<DoubleMidpoints>;
static_assert(Arithmetic<IntervalArithmetic>);

extern template class EnclosingArithmetic<DoubleMidpoints>;

}  // namespace numgeom
