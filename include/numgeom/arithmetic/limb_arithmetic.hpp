#pragma once

#include <string>
#include <vector>

#include "numgeom/arithmetic/ball_scalars.hpp"
#include "numgeom/arithmetic/enclosing_arithmetic.hpp"
#include "numgeom/arithmetic/limb_matrix.hpp"

namespace numgeom {

/// Which inner loops a product uses; all of them give the same result.
enum class LimbPath {
  kBest,      ///< the fastest that this processor has
  kPortable,  ///< plain C++
  kAvx2,
  kIfma  ///< AVX-512 with 52-bit integer multiply–add
};

/// Whether this processor can run it.
[[nodiscard]] bool is_available(LimbPath path);
/// "portable", "avx2" or "ifma": what `path` stands for on this processor.
[[nodiscard]] std::string name_of(LimbPath path);

/// Midpoints in limbs (`LimbMatrix`): p bits *relative to the greatest entry of a matrix*.
///
/// Products are exact before one rounding: integers are multiplied by residues modulo word-sized
/// primes, or limb by limb where the left operand has one limb; zeros of a one-limb operand are
/// skipped. Sums are rounded once. A rounded entry errs by at most ½ + 2^-39 units of the last
/// place of its matrix, and not at all where nothing was cut off. Precision: that unit is at most
/// 2^-p times the greatest entry, p = `bits()`. Throws `Error` for fewer than 53 or more than 8192
/// bits. Source: proofs/limb_products.md.
class LimbMidpoints : public BallScalars {
 public:
  using Matrix = LimbMatrix;
  using Enclosure = Ball;
  static constexpr int kMinBits = 53;
  static constexpr int kMostBits = 8192;

  /// With as many bits as the limbs for `bits` hold.
  explicit LimbMidpoints(int bits, LimbPath path = LimbPath::kBest);

  /// The least number of bits ≥ `bits` that fills its limbs.
  [[nodiscard]] static int full_bits(int bits);
  [[nodiscard]] int bits() const { return bits_; }
  [[nodiscard]] LimbPath path() const { return path_; }
  /// Products are exact before they are rounded.
  [[nodiscard]] static Magnitude product_error(const Matrix& /*left*/, bool /*by_columns*/) {
    return {};
  }
  [[nodiscard]] static Magnitude underflow() { return {}; }

  [[nodiscard]] static Matrix zeros(Eigen::Index rows, Eigen::Index cols) {
    return {rows, cols, 1, 0};
  }
  [[nodiscard]] static Matrix embed(const ExactMatrix& exact);
  [[nodiscard]] static Matrix gather_rows(const Matrix& x, const Indices& rows);
  [[nodiscard]] RoundedMatrix<Matrix> product(const Matrix& a, const Matrix& b) const;
  [[nodiscard]] RoundedMatrix<Matrix> product_tn(const Matrix& a, const Matrix& b) const;
  [[nodiscard]] RoundedMatrix<Matrix> product_nt(const Matrix& a, const Matrix& b) const;
  [[nodiscard]] RoundedMatrix<Matrix> add_row(const Matrix& x, const Matrix& row) const;
  [[nodiscard]] RoundedMatrix<Matrix> column_sums(const Matrix& x) const;
  [[nodiscard]] RoundedMatrix<Matrix> axpy(double alpha, const Matrix& x, const Matrix& y) const;
  [[nodiscard]] RoundedMatrix<Matrix> descend(double lr, double weight_decay,
                                              const Matrix& gradient,
                                              const Matrix& parameter) const {
    return detail::descend_in_two_sums(*this, lr, weight_decay, gradient, parameter);
  }
  [[nodiscard]] static Matrix gather(const Matrix& x, const Gather& places, int term);
  /// `factor` is a point.
  [[nodiscard]] RoundedMatrix<Matrix> scale(const Ball& factor, const Matrix& x) const;
  [[nodiscard]] RoundedMatrix<Matrix> square(const Matrix& x) const;
  /// By MPFR, entry by entry, with as many bits as `radii` leave in use: relative errors of at most
  /// 8u, and what storing takes. `sizes` ≥ |Q|.
  [[nodiscard]] RoundedMatrix<Matrix> root_quotient(const Ball& a, const Matrix& m, const Matrix& v,
                                                    const Ball& b, double epsilon,
                                                    const BoundMatrix& sizes,
                                                    const BoundMatrix& radii) const;
  [[nodiscard]] static BoundMatrix magnitudes(const Matrix& x);
  [[nodiscard]] static DoubleEnclosures to_doubles(const Matrix& x);
  /// Drops the limbs that the radii make idle. Exponents beyond ±2^28: zeros with radii that take
  /// the midpoints in.
  static void normalise(Matrix& midpoints, BoundMatrix& radii);

  [[nodiscard]] static int sign(const Matrix& x, Eigen::Index i, Eigen::Index j) {
    if (x.is_negative(i, j)) return -1;
    return x.is_zero(i, j) ? 0 : 1;
  }
  [[nodiscard]] static int compare_magnitude(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                             const Magnitude& bound);

  [[nodiscard]] Ball enclosure(const Matrix& x, Eigen::Index i, Eigen::Index j,
                               const Magnitude& radius) const;
  /// Stores the midpoint of `value` and returns its radius and what storing it changed.
  Magnitude assign(Matrix& x, Eigen::Index i, Eigen::Index j, const Ball& value) const;
  static void set_zero(Matrix& x, Eigen::Index i, Eigen::Index j) { x.set_zero(i, j); }
  /// A matrix of the midpoints, row by row, and what rounding them to it takes.
  [[nodiscard]] RoundedMatrix<Matrix> from_midpoints(Eigen::Index rows, Eigen::Index cols,
                                                     const std::vector<Ball>& values) const;

  [[nodiscard]] Ball zero() const { return Ball(0.0, bits_); }
  [[nodiscard]] Ball real(const Constant& x) const { return BallScalars::real(x, bits_); }

 private:
  /// Bits that are kept below the least radius: rounding them off widens radii by 2^-17 at the
  /// most.
  static constexpr int kKeptBits = 40;
  /// Limbs wholly below what the radii leave open cost time and tell nothing.
  static void drop_low_limbs(Matrix& midpoints, BoundMatrix& radii);

  int limbs_;
  int bits_;
  LimbPath path_;
};

/// Enclosing matrix arithmetic with p-bit midpoints in limbs: the fast one.
using LimbArithmetic = EnclosingArithmetic<LimbMidpoints>;
static_assert(Arithmetic<LimbArithmetic>);

extern template class EnclosingArithmetic<LimbMidpoints>;

}  // namespace numgeom
