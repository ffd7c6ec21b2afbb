#pragma once

#include <optional>
#include <vector>

#include "numgeom/arithmetic/bound_matrix.hpp"
#include "numgeom/arithmetic/concept.hpp"
#include "numgeom/arithmetic/softmax.hpp"

namespace numgeom {

/// A matrix of real numbers, each enclosed by a midpoint and a radius.
template <class Midpoints>
struct EnclosureMatrix {
  typename Midpoints::Matrix midpoints;
  BoundMatrix radii;

  [[nodiscard]] Eigen::Index rows() const { return radii.rows(); }
  [[nodiscard]] Eigen::Index cols() const { return radii.cols(); }
};

/// Computed midpoints, and bounds on what rounding changed.
template <class Matrix>
struct RoundedMatrix {
  Matrix value;
  BoundMatrix error;
};

/// Real numbers enclosed by doubles and radii, whatever arithmetic they come from.
struct DoubleEnclosures {
  Matrix<double> midpoints;
  BoundMatrix radii;
};

/// γ_n ≤ (n+1)·u: bound on the relative error of n roundings in a sum of products.
/// Throws `Error` where n(n+1)·u > 1 and the bound does not hold. Source:
/// proofs/matrix_products.md.
Magnitude gamma(Eigen::Index n, const Magnitude& unit);

namespace detail {

/// Outside the class, where its member of the same name does not hide the function.
template <class Enclosure>
Enclosure hyperbolic_tangent(const Enclosure& x) {
  return tanh(x);
}

/// W − η(G + ωW) by two rounded sums; the error of the first is scaled by η.
template <class Midpoints>
RoundedMatrix<typename Midpoints::Matrix> descend_in_two_sums(
    const Midpoints& midpoints, double lr, double weight_decay,
    const typename Midpoints::Matrix& gradient, const typename Midpoints::Matrix& parameter) {
  const auto decayed = midpoints.axpy(weight_decay, parameter, gradient);
  auto result = midpoints.axpy(-lr, decayed.value, parameter);
  result.error = scaled_sum(Magnitude(lr), decayed.error, result.error);
  return result;
}

/// An upper bound on |1 − ηω|.
Magnitude decay_factor(double lr, double weight_decay);

}  // namespace detail

/// Rigorous matrix arithmetic on midpoints and radii; the rules are the same for every kind of
/// midpoint.
///
/// Inclusion: for all exact matrices in the operands the exact result lies in the result
/// (proofs/matrix_products.md, proofs/inclusion.md). With C the computed midpoints, u the unit
/// roundoff and r the radii:
///
///     A·B           r = |A|(r_B + γ_n|B|) + r_A(|B| + r_B) + n·η + e
///     A + 1·b       r = r_A + r_b + e
///     α·X + Y       r = |α|r_X + r_Y + e
///     W − η(G + ωW) r = |1 − ηω|r_W + ηr_G + e
///     1ᵀ·X          r = 1ᵀr_X + e
///
/// with e what rounding changed by the word of `Midpoints`, and η the bound on one underflow, added
/// only where a product is not exactly zero: exact zeros stay exact. Factors that are points or
/// products that are exact save their terms. A branch (ReLU) is taken where the enclosure decides
/// it and is the hull of both sides where it does not. A midpoint that overflows gives an unbounded
/// radius. Precision: that of the midpoints. Thread-safe; the object is a value and holds no shared
/// state. `Midpoints` supplies the rounded operations; see `DoubleMidpoints`,
/// `LimbMidpoints` and `BigFloatMidpoints`.
template <class Midpoints>
class EnclosingArithmetic {
 public:
  using Scalar = typename Midpoints::Enclosure;
  using Matrix = EnclosureMatrix<Midpoints>;

  explicit EnclosingArithmetic(Midpoints midpoints = {}) : midpoints_(midpoints) {}

  [[nodiscard]] const Midpoints& midpoints() const { return midpoints_; }
  [[nodiscard]] Scalar at(const Matrix& x, Eigen::Index row, Eigen::Index col) const {
    return midpoints_.enclosure(x.midpoints, row, col, x.radii(row, col));
  }

  /// Upper bounds on the absolute values of all members.
  [[nodiscard]] BoundMatrix magnitudes(const Matrix& x) const {
    return midpoints_.magnitudes(x.midpoints) + x.radii;
  }
  /// The midpoints as points.
  [[nodiscard]] Matrix centre(Matrix x) const {
    x.radii = BoundMatrix(x.rows(), x.cols());
    return x;
  }
  [[nodiscard]] Matrix widened(Matrix x, const BoundMatrix& by) const {
    x.radii = x.radii + by;
    return x;
  }
  /// The same enclosures around doubles: radii grow by what rounding the midpoints takes.
  [[nodiscard]] DoubleEnclosures to_doubles(const Matrix& x) const {
    auto [values, errors] = midpoints_.to_doubles(x.midpoints);
    return {std::move(values), errors + x.radii};
  }
  /// 1 where all members are positive, 0 where none is; nothing if an entry is neither.
  [[nodiscard]] std::optional<numgeom::Matrix<double>> activity(const Matrix& z) const {
    numgeom::Matrix<double> result(z.rows(), z.cols());
    for (Eigen::Index i = 0; i < z.rows(); ++i) {
      for (Eigen::Index j = 0; j < z.cols(); ++j) {
        const Sign s = sign(z, i, j);
        if (s != Sign::kPositive && s != Sign::kNonpositive) return std::nullopt;
        result(i, j) = s == Sign::kPositive ? 1 : 0;
      }
    }
    return result;
  }

  [[nodiscard]] Matrix embed(const ExactMatrix& exact) const {
    return {midpoints_.embed(exact), BoundMatrix(exact.rows(), exact.cols())};
  }

  [[nodiscard]] Matrix gather_rows(const Matrix& x, const Indices& rows) const {
    return {midpoints_.gather_rows(x.midpoints, rows), numgeom::gather_rows(x.radii, rows)};
  }

  [[nodiscard]] Matrix product(const Matrix& x, const Matrix& w) const {
    const auto multiply = [](const BoundMatrix& a, const BoundMatrix& b) {
      return numgeom::product(a, b);
    };
    return enclosed(
        midpoints_.product(x.midpoints, w.midpoints),
        product_radii(x, w, midpoints_.product_error(x.midpoints, false), x.cols(), multiply));
  }

  [[nodiscard]] Matrix product_tn(const Matrix& x, const Matrix& d) const {
    const auto multiply = [](const BoundMatrix& a, const BoundMatrix& b) {
      return numgeom::product_tn(a, b);
    };
    return enclosed(
        midpoints_.product_tn(x.midpoints, d.midpoints),
        product_radii(x, d, midpoints_.product_error(x.midpoints, true), x.rows(), multiply));
  }

  [[nodiscard]] Matrix product_nt(const Matrix& d, const Matrix& w) const {
    const auto multiply = [](const BoundMatrix& a, const BoundMatrix& b) {
      return numgeom::product_nt(a, b);
    };
    return enclosed(
        midpoints_.product_nt(d.midpoints, w.midpoints),
        product_radii(d, w, midpoints_.product_error(d.midpoints, false), d.cols(), multiply));
  }

  [[nodiscard]] Matrix add_row(const Matrix& x, const Matrix& row) const {
    return enclosed(midpoints_.add_row(x.midpoints, row.midpoints),
                    numgeom::add_row(x.radii, row.radii));
  }

  [[nodiscard]] Matrix column_sums(const Matrix& x) const {
    return enclosed(midpoints_.column_sums(x.midpoints), numgeom::column_sums(x.radii));
  }

  [[nodiscard]] Matrix axpy(double alpha, const Matrix& x, const Matrix& y) const {
    return enclosed(midpoints_.axpy(alpha, x.midpoints, y.midpoints),
                    scaled_sum(Magnitude(alpha), x.radii, y.radii));
  }

  void descend(double lr, double weight_decay, const Matrix& gradient, Matrix& parameter) const {
    const BoundMatrix radii = scaled_sum(detail::decay_factor(lr, weight_decay), parameter.radii,
                                         Magnitude(lr) * gradient.radii);
    parameter = enclosed(
        midpoints_.descend(lr, weight_decay, gradient.midpoints, parameter.midpoints), radii);
  }

  [[nodiscard]] Matrix relu(const Matrix& z) const {
    Matrix result = z;
    for_entries(z, [&](Eigen::Index i, Eigen::Index j) {
      const Sign s = sign(z, i, j);
      if (s == Sign::kNonpositive) set_zero(result, i, j);
      if (s == Sign::kUndecided) assign(result, i, j, midpoints_.positive_part(at(z, i, j)));
    });
    return result;
  }

  [[nodiscard]] Matrix relu_gradient(const Matrix& z, const Matrix& d) const {
    Matrix result = d;
    for_entries(z, [&](Eigen::Index i, Eigen::Index j) {
      const Sign s = sign(z, i, j);
      if (s == Sign::kPositive) return;
      if (s == Sign::kNonpositive)
        set_zero(result, i, j);
      else
        assign(result, i, j, midpoints_.hull_with_zero(at(d, i, j)));
    });
    return result;
  }

  [[nodiscard]] Matrix tanh(const Matrix& z) const {
    return from_entries(z.rows(), z.cols(), [&](Eigen::Index i, Eigen::Index j) {
      return detail::hyperbolic_tangent(at(z, i, j));
    });
  }

  [[nodiscard]] Matrix tanh_gradient(const Matrix& t, const Matrix& d) const {
    return from_entries(d.rows(), d.cols(), [&](Eigen::Index i, Eigen::Index j) {
      return at(d, i, j) * (Scalar(1.0) - sqr(at(t, i, j)));
    });
  }

  [[nodiscard]] LossAndGradient<Scalar, Matrix> softmax_cross_entropy(const Matrix& logits,
                                                                      const Indices& labels) const {
    const Scalar rows(static_cast<double>(logits.rows()));
    Scalar total = midpoints_.zero();
    std::vector<Scalar> gradient;
    gradient.reserve(static_cast<std::size_t>(logits.rows() * logits.cols()));
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      SoftmaxRow<Scalar> row = softmax_row(row_of(logits, i), labels[i], midpoints_);
      total += row.loss;
      for (const Scalar& residual : row.residuals) gradient.push_back(residual / rows);
    }
    return {total / rows, from_entries(logits.rows(), logits.cols(), std::move(gradient))};
  }

  [[nodiscard]] ErrorCount count_errors(const Matrix& logits, const Indices& labels) const {
    ErrorCount count;
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      const std::vector<Scalar> row = row_of(logits, i);
      if (certainly_wrong(row, labels[i])) ++count.lower;
      if (!certainly_right(row, labels[i])) ++count.upper;
    }
    return count;
  }

 private:
  enum class Sign { kPositive, kNonnegative, kNonpositive, kUndecided };

  /// Of all members: every comparison of midpoint and radius is exact.
  Sign sign(const Matrix& z, Eigen::Index i, Eigen::Index j) const {
    const Magnitude radius = z.radii(i, j);
    const int midpoint_sign = midpoints_.sign(z.midpoints, i, j);
    const int excess = midpoints_.compare_magnitude(z.midpoints, i, j, radius);
    if (midpoint_sign > 0 && excess > 0) return Sign::kPositive;
    if (midpoint_sign > 0 && excess == 0) return Sign::kNonnegative;
    if (midpoint_sign <= 0 && excess >= 0) return Sign::kNonpositive;
    return Sign::kUndecided;
  }

  template <class Multiply>
  BoundMatrix product_radii(const Matrix& a, const Matrix& b, const Magnitude& error,
                            Eigen::Index terms, const Multiply& multiply) const {
    const BoundMatrix& r_a = a.radii;
    const BoundMatrix& r_b = b.radii;
    const bool rounds = !error.is_zero();
    if (!rounds && r_a.is_zero() && r_b.is_zero()) return {};
    const BoundMatrix size_a = midpoints_.magnitudes(a.midpoints);
    const BoundMatrix size_b = rounds || !r_a.is_zero() ? midpoints_.magnitudes(b.midpoints)
                                                        : BoundMatrix(b.rows(), b.cols());
    const Magnitude underflow = Magnitude(static_cast<double>(terms)) * midpoints_.underflow();
    // Where the first product is zero, every product has a factor that is exactly zero, and nothing
    // is rounded.
    if (r_a.is_zero())
      return multiply(size_a, scaled_sum(error, size_b, r_b)).plus_where_positive(underflow);
    if (r_b.is_zero())
      return multiply(scaled_sum(error, size_a, r_a), size_b).plus_where_positive(underflow);
    // Sums are taken of the smaller factor.
    if (a.rows() * a.cols() < b.rows() * b.cols())
      return multiply(scaled_sum(error, size_a, r_a), size_b).plus_where_positive(underflow) +
             multiply(size_a + r_a, r_b);
    return multiply(size_a, scaled_sum(error, size_b, r_b)).plus_where_positive(underflow) +
           multiply(r_a, size_b + r_b);
  }

  template <class Function>
  static void for_entries(const Matrix& x, const Function& f) {
    for (Eigen::Index i = 0; i < x.rows(); ++i)
      for (Eigen::Index j = 0; j < x.cols(); ++j) f(i, j);
  }

  void set_zero(Matrix& x, Eigen::Index i, Eigen::Index j) const {
    midpoints_.set_zero(x.midpoints, i, j);
    x.radii.set(i, j, {});
  }
  void assign(Matrix& x, Eigen::Index i, Eigen::Index j, const Scalar& value) const {
    x.radii.set(i, j, midpoints_.assign(x.midpoints, i, j, value));
  }

  /// Row by row.
  Matrix from_entries(Eigen::Index rows, Eigen::Index cols, std::vector<Scalar> values) const {
    std::vector<Magnitude> radii;
    radii.reserve(values.size());
    for (const Scalar& value : values) radii.push_back(midpoints_.radius_of(value));
    return enclosed(midpoints_.from_midpoints(rows, cols, values), BoundMatrix(rows, cols, radii));
  }
  template <class Function>
  Matrix from_entries(Eigen::Index rows, Eigen::Index cols, const Function& f) const {
    std::vector<Scalar> values;
    values.reserve(static_cast<std::size_t>(rows * cols));
    for (Eigen::Index i = 0; i < rows; ++i)
      for (Eigen::Index j = 0; j < cols; ++j) values.push_back(f(i, j));
    return from_entries(rows, cols, std::move(values));
  }

  std::vector<Scalar> row_of(const Matrix& x, Eigen::Index i) const {
    std::vector<Scalar> row;
    row.reserve(static_cast<std::size_t>(x.cols()));
    for (Eigen::Index j = 0; j < x.cols(); ++j) row.push_back(at(x, i, j));
    return row;
  }

  /// The label's logit is the first greatest for every choice of logits.
  static bool certainly_right(const std::vector<Scalar>& logits, int label) {
    for (int k = 0; k < static_cast<int>(logits.size()); ++k)
      if (k != label && !certainly_less(logits[k], logits[label])) return false;
    return true;
  }
  /// Some other logit is greater for every choice of logits.
  static bool certainly_wrong(const std::vector<Scalar>& logits, int label) {
    for (int k = 0; k < static_cast<int>(logits.size()); ++k)
      if (k != label && certainly_less(logits[label], logits[k])) return true;
    return false;
  }

  /// Midpoints as computed, with the radii that come from the operands (none for no rows).
  /// Entries whose midpoint left the range in which the error bounds hold are seen to.
  static Matrix enclosed(RoundedMatrix<typename Midpoints::Matrix> computed, BoundMatrix radii) {
    if (radii.rows() == 0)
      radii = std::move(computed.error);
    else if (!computed.error.is_zero())
      radii = radii + computed.error;
    Matrix result{std::move(computed.value), std::move(radii)};
    Midpoints::restore_range(result.midpoints, result.radii);
    return result;
  }

  Midpoints midpoints_;
};

}  // namespace numgeom
