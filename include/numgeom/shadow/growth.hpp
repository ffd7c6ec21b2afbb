#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "numgeom/arithmetic/double_storage.hpp"

namespace numgeom {

/// A double and, to first order, the radius that enclosing it would take: at p bits the radius is
/// growth·2^-p.
struct GrowthScalar {
  double value = 0;
  Magnitude growth;

  GrowthScalar() = default;
  explicit GrowthScalar(double x, Magnitude g = {}) : value(x), growth(g) {}

  GrowthScalar& operator+=(const GrowthScalar& other);
  GrowthScalar& operator-=(const GrowthScalar& other);
};

GrowthScalar operator-(const GrowthScalar& x);
GrowthScalar operator+(const GrowthScalar& a, const GrowthScalar& b);
GrowthScalar operator-(const GrowthScalar& a, const GrowthScalar& b);
GrowthScalar operator*(const GrowthScalar& a, const GrowthScalar& b);
GrowthScalar operator/(const GrowthScalar& a, const GrowthScalar& b);
GrowthScalar exp(const GrowthScalar& x);
GrowthScalar log(const GrowthScalar& x);
GrowthScalar log1p(const GrowthScalar& x);
GrowthScalar tanh(const GrowthScalar& x);
GrowthScalar erf(const GrowthScalar& x);
GrowthScalar sqrt(const GrowthScalar& x);
GrowthScalar sqr(const GrowthScalar& x);
GrowthScalar abs(const GrowthScalar& x);
GrowthScalar min(const GrowthScalar& a, const GrowthScalar& b);
GrowthScalar max(const GrowthScalar& a, const GrowthScalar& b);
GrowthScalar pow(const GrowthScalar& x, int exponent);
/// Of the values: what is predicted is a run whose branches are decided.
inline bool certainly_less(const GrowthScalar& a, const GrowthScalar& b) {
  return a.value < b.value;
}
inline bool certainly_less_equal(const GrowthScalar& a, const GrowthScalar& b) {
  return a.value <= b.value;
}

/// Doubles that count what their enclosures would lose: the rules of `EnclosingArithmetic` run with
/// a unit roundoff so small that products of two radii vanish beside the rest.
///
/// At p bits the enclosure will be about growth·2^-p wide, as long as every sign is decided, which
/// takes `decision_bits()`. A prediction only: nothing here is an enclosure.
class GrowthMidpoints : public DoubleStorage {
 public:
  using Enclosure = GrowthScalar;
  /// Radii are kept as growth·2^-kBits.
  static constexpr std::int64_t kBits = std::int64_t{1} << 40;

  /// log₂ of the greatest growth/|z| over all signs that were asked for.
  [[nodiscard]] double decision_bits() const { return *decision_bits_; }
  [[nodiscard]] static Magnitude growth(const Magnitude& radius) {
    return radius * Magnitude::power_of_two(kBits);
  }

  [[nodiscard]] static Magnitude product_error(const Matrix& left, bool by_columns) {
    const Eigen::Index terms = by_columns ? left.rows() : left.cols();
    return Magnitude(static_cast<double>(terms + 1)) * unit();
  }
  [[nodiscard]] static Magnitude underflow() { return {}; }
  [[nodiscard]] static RoundedMatrix<Matrix> product(const Matrix& a, const Matrix& b);
  [[nodiscard]] static RoundedMatrix<Matrix> product_tn(const Matrix& a, const Matrix& b);
  [[nodiscard]] static RoundedMatrix<Matrix> product_nt(const Matrix& a, const Matrix& b);
  [[nodiscard]] static RoundedMatrix<Matrix> add_row(const Matrix& x, const Matrix& row);
  [[nodiscard]] static RoundedMatrix<Matrix> column_sums(const Matrix& x);
  [[nodiscard]] static RoundedMatrix<Matrix> axpy(double alpha, const Matrix& x, const Matrix& y);
  [[nodiscard]] RoundedMatrix<Matrix> descend(double lr, double weight_decay,
                                              const Matrix& gradient,
                                              const Matrix& parameter) const {
    return detail::descend_in_two_sums(*this, lr, weight_decay, gradient, parameter);
  }
  [[nodiscard]] static RoundedMatrix<Matrix> scale(const GrowthScalar& factor, const Matrix& x);
  [[nodiscard]] static RoundedMatrix<Matrix> square(const Matrix& x);
  [[nodiscard]] static RoundedMatrix<Matrix> root_quotient(const GrowthScalar& a, const Matrix& m,
                                                           const Matrix& v, const GrowthScalar& b,
                                                           double epsilon,
                                                           const BoundMatrix& /*sizes*/,
                                                           const BoundMatrix& /*radii*/);
  /// Where a midpoint is not finite nothing is known.
  static void normalise(Matrix& midpoints, BoundMatrix& radii);
  /// Records how many bits it takes to tell the sign; 1, since they are taken to be there.
  [[nodiscard]] int compare_magnitude(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                      const Magnitude& bound) const;

  [[nodiscard]] static GrowthScalar enclosure(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                              const Magnitude& radius) {
    return GrowthScalar(x(i, j), growth(radius));
  }
  static Magnitude assign(Matrix& x, Eigen::Index i, Eigen::Index j, const GrowthScalar& value) {
    x(i, j) = value.value;
    return radius_of(value);
  }
  [[nodiscard]] static RoundedMatrix<Matrix> from_midpoints(
      Eigen::Index rows, Eigen::Index cols, const std::vector<GrowthScalar>& values);
  [[nodiscard]] static GrowthScalar zero() { return {}; }
  [[nodiscard]] static GrowthScalar real(const Constant& x);
  [[nodiscard]] static bool is_positive(const GrowthScalar& point) { return point.value > 0; }
  [[nodiscard]] static double lower_double(const GrowthScalar& x) { return x.value; }
  [[nodiscard]] static GrowthScalar positive_part(const GrowthScalar& x) {
    return x.value > 0 ? x : GrowthScalar(0.0, x.growth);
  }
  [[nodiscard]] static GrowthScalar hull_with_zero(const GrowthScalar& x) { return x; }
  [[nodiscard]] static GrowthScalar midpoint_of(const GrowthScalar& x) {
    return GrowthScalar(x.value);
  }
  [[nodiscard]] static Magnitude radius_of(const GrowthScalar& x) {
    return x.growth * Magnitude::power_of_two(-kBits);
  }
  [[nodiscard]] static Magnitude magnitude_of(const GrowthScalar& x) { return Magnitude(x.value); }
  [[nodiscard]] static GrowthScalar widened(const GrowthScalar& x, const Magnitude& by) {
    return GrowthScalar(x.value, x.growth + growth(by));
  }
  /// Of something tiny.
  [[nodiscard]] static Magnitude exp_up(const Magnitude& /*x*/) { return Magnitude(1.0); }

 private:
  [[nodiscard]] static Magnitude unit() { return Magnitude::power_of_two(-kBits); }
  [[nodiscard]] static RoundedMatrix<Matrix> rounded(Matrix x);

  std::shared_ptr<double> decision_bits_ = std::make_shared<double>(0);
};

/// Predicts how many bits the direct way loses, by running the very algorithm that will be
/// enclosed.
using GrowthArithmetic = EnclosingArithmetic<GrowthMidpoints>;
static_assert(Arithmetic<GrowthArithmetic>);

extern template class EnclosingArithmetic<GrowthMidpoints>;

}  // namespace numgeom
