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

}  // namespace detail

/// Rigorous matrix arithmetic on midpoints and radii; the rules are the same for every kind of
/// midpoint.
///
/// Inclusion: for all exact matrices in the operands the exact result lies in the result
/// (proofs/matrix_products.md, proofs/inclusion.md). With C the computed midpoints, u the unit
/// roundoff and r the radii:
///
///     A·B           r = |A|(r_B + γ_n|B|) + r_A(|B| + r_B) + n·η
///     A + 1·b       r = r_A + r_b + u|C|
///     α·X + Y       r = |α|r_X + r_Y + u(|α||X| + |C|) + η
///     1ᵀ·X          r = 1ᵀ(r_X + γ_n|X|)
///
/// with η the bound on one underflow, added only where a product is not exactly zero: exact zeros
/// stay exact. A branch (ReLU) is taken where the enclosure decides it and
/// is the hull of both sides where it does not. A midpoint that overflows gives an unbounded
/// radius. Precision: that of the midpoints. Thread-safe; the object is a value and holds no shared
/// state. `Midpoints` supplies the rounded operations; see `DoubleMidpoints` and
/// `BigFloatMidpoints`.
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
    return in_range(
        {midpoints_.product(x.midpoints, w.midpoints), product_radii(x, w, x.cols(), multiply)});
  }

  [[nodiscard]] Matrix product_tn(const Matrix& x, const Matrix& d) const {
    const auto multiply = [](const BoundMatrix& a, const BoundMatrix& b) {
      return numgeom::product_tn(a, b);
    };
    return in_range(
        {midpoints_.product_tn(x.midpoints, d.midpoints), product_radii(x, d, x.rows(), multiply)});
  }

  [[nodiscard]] Matrix product_nt(const Matrix& d, const Matrix& w) const {
    const auto multiply = [](const BoundMatrix& a, const BoundMatrix& b) {
      return numgeom::product_nt(a, b);
    };
    return in_range(
        {midpoints_.product_nt(d.midpoints, w.midpoints), product_radii(d, w, d.cols(), multiply)});
  }

  [[nodiscard]] Matrix add_row(const Matrix& x, const Matrix& row) const {
    auto sum = midpoints_.add_row(x.midpoints, row.midpoints);
    BoundMatrix radii = numgeom::add_row(x.radii, row.radii) + rounding_error(sum);
    return in_range({std::move(sum), std::move(radii)});
  }

  [[nodiscard]] Matrix column_sums(const Matrix& x) const {
    const Magnitude error = gamma(x.rows(), midpoints_.unit());
    return in_range({midpoints_.column_sums(x.midpoints),
                     numgeom::column_sums(x.radii + error * midpoints_.magnitudes(x.midpoints))});
  }

  [[nodiscard]] Matrix axpy(double alpha, const Matrix& x, const Matrix& y) const {
    const Magnitude size(alpha);
    auto sum = midpoints_.axpy(alpha, x.midpoints, y.midpoints);
    const BoundMatrix scaling_error =
        ((midpoints_.unit() * size) * midpoints_.magnitudes(x.midpoints))
            .plus_where_positive(midpoints_.underflow());
    BoundMatrix radii = size * x.radii + y.radii + scaling_error + rounding_error(sum);
    return in_range({std::move(sum), std::move(radii)});
  }

  [[nodiscard]] Matrix relu(const Matrix& z) const {
    return replace(z, [this, &z](Eigen::Index i, Eigen::Index j) -> std::optional<Scalar> {
      switch (sign(z, i, j)) {
        case Sign::kPositive:
        case Sign::kNonnegative:
          return std::nullopt;
        case Sign::kNonpositive:
          return midpoints_.zero();
        case Sign::kUndecided:
          break;
      }
      return midpoints_.positive_part(at(z, i, j));
    });
  }

  [[nodiscard]] Matrix relu_gradient(const Matrix& z, const Matrix& d) const {
    return replace(d, [this, &z, &d](Eigen::Index i, Eigen::Index j) -> std::optional<Scalar> {
      switch (sign(z, i, j)) {
        case Sign::kPositive:
          return std::nullopt;
        case Sign::kNonpositive:
          return midpoints_.zero();
        case Sign::kNonnegative:
        case Sign::kUndecided:
          break;
      }
      return midpoints_.hull_with_zero(at(d, i, j));
    });
  }

  [[nodiscard]] Matrix tanh(const Matrix& z) const {
    return replace(z, [this, &z](Eigen::Index i, Eigen::Index j) -> std::optional<Scalar> {
      return detail::hyperbolic_tangent(at(z, i, j));
    });
  }

  [[nodiscard]] Matrix tanh_gradient(const Matrix& t, const Matrix& d) const {
    return replace(d, [this, &t, &d](Eigen::Index i, Eigen::Index j) -> std::optional<Scalar> {
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
    const auto entry = [&gradient, &logits](Eigen::Index i, Eigen::Index j) {
      return std::optional<Scalar>(gradient[static_cast<std::size_t>(i * logits.cols() + j)]);
    };
    return {total / rows, replace(logits, entry)};
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

  BoundMatrix rounding_error(const typename Midpoints::Matrix& computed) const {
    return midpoints_.unit() * midpoints_.magnitudes(computed);
  }

  template <class Multiply>
  BoundMatrix product_radii(const Matrix& a, const Matrix& b, Eigen::Index terms,
                            const Multiply& multiply) const {
    const BoundMatrix size_a = midpoints_.magnitudes(a.midpoints);
    const BoundMatrix size_b = midpoints_.magnitudes(b.midpoints);
    const Magnitude error = gamma(terms, midpoints_.unit());
    // Where this is zero, every product has a factor that is exactly zero, and nothing is rounded.
    const BoundMatrix from_b =
        multiply(size_a, b.radii + error * size_b)
            .plus_where_positive(Magnitude(static_cast<double>(terms)) * midpoints_.underflow());
    return a.radii.is_zero() ? from_b : from_b + multiply(a.radii, size_b + b.radii);
  }

  /// A copy of `x` in which every entry for which f(i, j) has a value is replaced by it.
  template <class Function>
  Matrix replace(const Matrix& x, const Function& f) const {
    auto midpoints = x.midpoints;
    std::vector<Magnitude> radii;
    radii.reserve(static_cast<std::size_t>(x.rows() * x.cols()));
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      for (Eigen::Index j = 0; j < x.cols(); ++j) {
        const std::optional<Scalar> value = f(i, j);
        radii.push_back(value ? midpoints_.assign(midpoints, i, j, *value) : x.radii(i, j));
      }
    }
    return {std::move(midpoints), BoundMatrix(x.rows(), x.cols(), radii)};
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

  /// Entries whose midpoint left the range in which the error bounds hold.
  static Matrix in_range(Matrix x) {
    Midpoints::restore_range(x.midpoints, x.radii);
    return x;
  }

  Midpoints midpoints_;
};

}  // namespace numgeom
