#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "numgeom/arithmetic/bound_matrix.hpp"
#include "numgeom/arithmetic/concept.hpp"
#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/arithmetic/softmax.hpp"
#include "numgeom/error.hpp"

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

/// Constant numbers enclosed by doubles and radii, whatever arithmetic they come from.
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

/// Zeros where the mask is zero.
BoundMatrix hidden(const BoundMatrix& x, const Mask& mask);

/// What is known of √V and 1/(b√V + ε) before they are computed, entry by entry.
struct RootBounds {
  numgeom::Matrix<double> roots;     ///< lower bounds on √V for all members V ≥ 0
  BoundMatrix reciprocals;           ///< upper bounds on 1/(b√V + ε) for all members
  BoundMatrix midpoint_reciprocals;  ///< the same for the midpoints alone
};
/// For V within `radii` of the reals that `midpoints` encloses, and b ≥ factor. Reciprocals are ∞
/// where the factor is negative.
RootBounds root_bounds(const DoubleEnclosures& midpoints, const BoundMatrix& radii, double factor,
                       double epsilon);
/// Upper bounds on what √V changes where V moves by `radii` and all that it passes has a root of at
/// least `roots`: the lesser of √r and r/root. Zero where the quotient, at most `sizes`, is zero:
/// there it does not matter, and √r lies far above what the other entries change.
BoundMatrix root_change(const BoundMatrix& radii, const numgeom::Matrix<double>& roots,
                        const BoundMatrix& sizes);

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
///     c·X           r = |c|r_X + r_c(|X| + r_X) + e
///     X∘X           r = (2|X| + r_X)r_X + e
///     βM + (1−β)G   r = |β|r_M + |1−β|r_G + e
///     aM/(b√V + ε)  r = (|a|r_M + r_a(|M| + r_M) + |Q|(|b|s + r_b(√V + s)))/(lower bound on the
///                       divisor) + e, s = min(√r_V, r_V/√V) the most that √V can change
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

  [[nodiscard]] Matrix activate(const Activation& activation, const Matrix& z) const {
    if (activation.kind == Activation::Kind::kLeakyRelu) return leaky_relu(activation.slope, z);
    return from_entries(z.rows(), z.cols(), [&](Eigen::Index i, Eigen::Index j) {
      return smooth::activation(activation.kind, at(z, i, j), midpoints_);
    });
  }

  [[nodiscard]] Matrix activate_gradient(const Activation& activation, const Matrix& z,
                                         const Matrix& d) const {
    if (activation.kind == Activation::Kind::kLeakyRelu)
      return leaky_relu_gradient(activation.slope, z, d);
    return from_entries(d.rows(), d.cols(), [&](Eigen::Index i, Eigen::Index j) {
      return at(d, i, j) * smooth::derivative(activation.kind, at(z, i, j), midpoints_);
    });
  }

  [[nodiscard]] Matrix gather(const Matrix& x, const Gather& places) const {
    Matrix result = gather_term(x, places, 0);
    for (int term = 1; term < places.terms(); ++term)
      result = add(gather_term(x, places, term), result);
    return result;
  }

  [[nodiscard]] Matrix add(const Matrix& x, const Matrix& y) const { return axpy(1.0, x, y); }

  [[nodiscard]] Matrix scale(const Constant& factor, const Matrix& x) const {
    return scale(midpoints_.real(factor), x);
  }
  /// The same for a factor that is only enclosed.
  [[nodiscard]] Matrix scale(const Scalar& factor, const Matrix& x) const {
    const Magnitude radius = midpoints_.radius_of(factor);
    const Scalar midpoint = midpoints_.midpoint_of(factor);
    BoundMatrix radii = midpoints_.magnitude_of(midpoint) * x.radii;
    if (!radius.is_zero()) radii = scaled_sum(radius, magnitudes(x), radii);
    return enclosed(midpoints_.scale(midpoint, x.midpoints), std::move(radii));
  }

  [[nodiscard]] Matrix hide(Matrix x, const Mask& mask) const {
    for_entries(x, [&](Eigen::Index i, Eigen::Index j) {
      if (mask(i, j) == 0) midpoints_.set_zero(x.midpoints, i, j);
    });
    x.radii = detail::hidden(x.radii, mask);
    return x;
  }

  /// Where several members may be the greatest, the hull of what each of them gives.
  [[nodiscard]] Matrix largest(const Matrix& x, int width) const {
    const auto winners = first_largest(x, width);
    Matrix result = gather(x, places_of(winners, x));
    for_entries(result, [&](Eigen::Index i, Eigen::Index j) {
      if (winners(i, j) >= 0) return;
      Scalar greatest = at(x, i, j * width);
      for (int k = 1; k < width; ++k) greatest = max(greatest, at(x, i, j * width + k));
      assign(result, i, j, greatest);
    });
    return result;
  }

  [[nodiscard]] Matrix largest_gradient(const Matrix& x, const Matrix& d, int width) const {
    const auto winners = first_largest(x, width);
    Matrix result = gather(d, places_of(winners, x).transposed());
    for_entries(d, [&](Eigen::Index i, Eigen::Index j) {
      if (winners(i, j) >= 0) return;
      const Scalar share = midpoints_.hull_with_zero(at(d, i, j));
      for (int k = 0; k < width; ++k) assign(result, i, j * width + k, share);
    });
    return result;
  }

  [[nodiscard]] Matrix blend(double beta, const Matrix& m, const Matrix& g) const {
    const auto difference = midpoints_.axpy(-1.0, g.midpoints, m.midpoints);
    auto result = midpoints_.axpy(beta, difference.value, g.midpoints);
    result.error = scaled_sum(Magnitude(beta), difference.error, result.error);
    return enclosed(std::move(result),
                    scaled_sum(Magnitude(beta), m.radii, detail::decay_factor(1, beta) * g.radii));
  }

  [[nodiscard]] Matrix blend_squares(double beta, const Matrix& v, const Matrix& g) const {
    return blend(beta, v, square(g));
  }

  [[nodiscard]] Matrix square(const Matrix& x) const {
    BoundMatrix radii =
        hadamard(scaled_sum(Magnitude(2.0), midpoints_.magnitudes(x.midpoints), x.radii), x.radii);
    return enclosed(midpoints_.square(x.midpoints), std::move(radii));
  }

  [[nodiscard]] Matrix root_quotient(const Constant& a, const Matrix& m, const Matrix& v,
                                     const Constant& b, double epsilon) const {
    const Scalar numerator = midpoints_.real(a);
    const Scalar factor = midpoints_.real(b);
    const detail::RootBounds bounds = detail::root_bounds(
        midpoints_.to_doubles(v.midpoints), v.radii, midpoints_.lower_double(factor), epsilon);
    const BoundMatrix sizes_m = midpoints_.magnitudes(m.midpoints);
    const BoundMatrix sizes =
        midpoints_.magnitude_of(numerator) * hadamard(sizes_m, bounds.midpoint_reciprocals);
    BoundMatrix radii = root_quotient_radii(numerator, m, sizes_m, v, factor, bounds, sizes);
    auto quotient =
        midpoints_.root_quotient(midpoints_.midpoint_of(numerator), m.midpoints, v.midpoints,
                                 midpoints_.midpoint_of(factor), epsilon, sizes, radii);
    return enclosed(std::move(quotient), std::move(radii));
  }

  /// The sign of what is not decided is anything from −1 to 1.
  [[nodiscard]] Matrix add_signs(double lambda, const Matrix& w, const Matrix& g) const {
    ExactMatrix signs(w.rows(), w.cols());
    numgeom::Matrix<double> open = numgeom::Matrix<double>::Zero(w.rows(), w.cols());
    for_entries(w, [&](Eigen::Index i, Eigen::Index j) {
      const bool decided = midpoints_.compare_magnitude(w.midpoints, i, j, w.radii(i, j)) > 0;
      const bool zero = w.radii(i, j).is_zero() && midpoints_.sign(w.midpoints, i, j) == 0;
      signs(i, j) = decided ? static_cast<float>(midpoints_.sign(w.midpoints, i, j)) : 0.0F;
      open(i, j) = decided || zero ? 0 : 1;
    });
    return axpy(lambda, {midpoints_.embed(signs), BoundMatrix(std::move(open))}, g);
  }

  [[nodiscard]] std::vector<Matrix> clipped(std::vector<Matrix> gradients, double limit) const {
    Scalar squares = midpoints_.zero();
    for (const Matrix& g : gradients) {
      const Matrix sums = column_sums(square(g));
      for (Eigen::Index j = 0; j < sums.cols(); ++j) squares += at(sums, 0, j);
    }
    const Scalar norm = sqrt(midpoints_.positive_part(squares));
    const Scalar factor = min(Scalar(1.0), Scalar(limit) / (norm + Scalar(1e-6)));
    for (Matrix& g : gradients) g = scale(factor, g);
    return gradients;
  }

  [[nodiscard]] LossAndGradient<Scalar, Matrix> entry_loss(const EntryLoss& loss,
                                                           const Matrix& outputs,
                                                           const ExactMatrix& targets) const {
    const Scalar count =
        midpoints_.real(Constant(static_cast<double>(outputs.rows() * outputs.cols())));
    Scalar total = midpoints_.zero();
    Matrix gradient =
        from_entries(outputs.rows(), outputs.cols(), [&](Eigen::Index i, Eigen::Index j) {
          const Scalar output = at(outputs, i, j);
          const double target = targets(i, j);
          total += smooth::loss_value(loss, output, target, midpoints_);
          return smooth::loss_slope(loss, output, target, midpoints_) / count;
        });
    return {total / count, std::move(gradient)};
  }

  [[nodiscard]] LossAndGradient<Scalar, Matrix> softmax_cross_entropy(const Matrix& logits,
                                                                      const Indices& labels,
                                                                      double smoothing = 0) const {
    const Scalar rows(static_cast<double>(logits.rows()));
    Scalar total = midpoints_.zero();
    std::vector<Scalar> gradient;
    gradient.reserve(static_cast<std::size_t>(logits.rows() * logits.cols()));
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      SoftmaxRow<Scalar> row = softmax_row(row_of(logits, i), labels[i], midpoints_);
      if (smoothing != 0) smooth_label(logits, i, labels[i], smoothing, row);
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

  [[nodiscard]] ErrorCount count_sign_errors(const Matrix& outputs, const Indices& labels) const {
    ErrorCount count;
    for (Eigen::Index i = 0; i < outputs.rows(); ++i) {
      const Sign s = sign(outputs, i, 0);
      const bool known = s == Sign::kPositive || s == Sign::kNonpositive;
      const bool wrong = (s == Sign::kPositive) != (labels[i] != 0);
      if (known && wrong) ++count.lower;
      if (!known || wrong) ++count.upper;
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

  Matrix gather_term(const Matrix& x, const Gather& places, int term) const {
    return {midpoints_.gather(x.midpoints, places, term), numgeom::gather(x.radii, places, term)};
  }

  /// The column of the first greatest member of every run of `width`; −1 where that is open.
  numgeom::Matrix<int> first_largest(const Matrix& x, int width) const {
    const DoubleEnclosures near = to_doubles(x);
    const numgeom::Matrix<double> radii = near.radii.mantissas();
    const Magnitude unit = Magnitude::power_of_two(near.radii.exponent());
    const auto radius = [&](Eigen::Index i, Eigen::Index j) {
      return (Magnitude(radii(i, j)) * unit).to_double_up();
    };
    const auto low = [&](Eigen::Index i, Eigen::Index j) {
      return rounding::sub_down(near.midpoints(i, j), radius(i, j));
    };
    const auto high = [&](Eigen::Index i, Eigen::Index j) {
      return rounding::add_up(near.midpoints(i, j), radius(i, j));
    };
    numgeom::Matrix<int> result(x.rows(), x.cols() / width);
    for (Eigen::Index i = 0; i < result.rows(); ++i)
      for (Eigen::Index j = 0; j < result.cols(); ++j) {
        Eigen::Index best = 0;
        near.midpoints.row(i).segment(j * width, width).maxCoeff(&best);
        Eigen::Index winner = j * width + best;
        // Where doubles do not tell which of two is greater, all bits may.
        for (Eigen::Index k = j * width; k < (j + 1) * width; ++k)
          if (k != winner && high(i, k) > low(i, winner) &&
              certainly_less(at(x, i, winner), at(x, i, k)))
            winner = k;
        bool decided = true;
        for (Eigen::Index k = j * width; k < (j + 1) * width && decided; ++k) {
          if (k == winner) continue;
          decided = k < winner ? high(i, k) < low(i, winner) : high(i, k) <= low(i, winner);
          if (!decided)
            decided = k < winner ? certainly_less(at(x, i, k), at(x, i, winner))
                                 : certainly_less_equal(at(x, i, k), at(x, i, winner));
        }
        result(i, j) = decided ? static_cast<int>(winner) : -1;
      }
    return result;
  }

  /// Takes the winners out of x, which is one sample here.
  static Gather places_of(const numgeom::Matrix<int>& winners, const Matrix& x) {
    if (x.rows() * x.cols() > std::numeric_limits<int>::max())
      throw Error("pooling: fewer than 2^31 entries expected");
    Gather places{x.rows(), x.cols(), winners.rows(), winners.cols(), {{}}};
    for (Eigen::Index i = 0; i < winners.rows(); ++i)
      for (Eigen::Index j = 0; j < winners.cols(); ++j)
        places.sources[0].push_back(
            winners(i, j) < 0 ? -1 : static_cast<int>(i * x.cols()) + winners(i, j));
    return places;
  }

  /// max(z, slope·z), 0 ≤ slope ≤ 1.
  Matrix leaky_relu(double slope, const Matrix& z) const {
    const Matrix scaled = scale(Scalar(slope), z);
    Matrix result = z;
    for_entries(z, [&](Eigen::Index i, Eigen::Index j) {
      const Sign s = sign(z, i, j);
      if (s == Sign::kNonpositive) assign(result, i, j, at(scaled, i, j));
      if (s == Sign::kUndecided) assign(result, i, j, max(at(z, i, j), at(scaled, i, j)));
    });
    return result;
  }
  Matrix leaky_relu_gradient(double slope, const Matrix& z, const Matrix& d) const {
    const Scalar low(slope);
    const Scalar half(0.5);
    const Scalar either = midpoints_.widened(
        midpoints_.midpoint_of(half * (Scalar(1.0) + low)),
        Magnitude(1 + 0x1p-40) * midpoints_.magnitude_of(half * (Scalar(1.0) - low)) +
            Magnitude(0x1p-50));
    Matrix result = d;
    for_entries(z, [&](Eigen::Index i, Eigen::Index j) {
      const Sign s = sign(z, i, j);
      if (s == Sign::kNonpositive) assign(result, i, j, low * at(d, i, j));
      if (s == Sign::kUndecided || s == Sign::kNonnegative)
        assign(result, i, j, either * at(d, i, j));
    });
    return result;
  }

  /// (1−ε)·onehot + ε/K in place of the label.
  void smooth_label(const Matrix& logits, Eigen::Index i, int label, double smoothing,
                    SoftmaxRow<Scalar>& row) const {
    const Scalar share =
        midpoints_.real(Constant(smoothing) / Constant(static_cast<double>(logits.cols())));
    const Scalar target = at(logits, i, label);
    Scalar differences = midpoints_.zero();
    for (Eigen::Index k = 0; k < logits.cols(); ++k) {
      if (k != label) differences += target - at(logits, i, k);
      row.residuals[static_cast<std::size_t>(k)] -= share;
    }
    row.residuals[static_cast<std::size_t>(label)] += Scalar(smoothing);
    row.loss += share * differences;
  }

  /// What uncertain operands change in Q = a·M/(b√V + ε), for upper bounds on |M| and |Q| at the
  /// midpoints.
  BoundMatrix root_quotient_radii(const Scalar& a, const Matrix& m, const BoundMatrix& sizes_m,
                                  const Matrix& v, const Scalar& b,
                                  const detail::RootBounds& bounds,
                                  const BoundMatrix& sizes) const {
    const BoundMatrix change = detail::root_change(v.radii, bounds.roots, sizes);
    const BoundMatrix roots = square_roots(midpoints_.magnitudes(v.midpoints));
    const BoundMatrix divisor =
        scaled_sum(midpoints_.radius_of(b), roots + change, midpoints_.magnitude_of(b) * change);
    const BoundMatrix numerator = scaled_sum(midpoints_.radius_of(a), sizes_m + m.radii,
                                             midpoints_.magnitude_of(a) * m.radii);
    return hadamard(numerator + hadamard(sizes, divisor), bounds.reciprocals);
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
    Midpoints::normalise(result.midpoints, result.radii);
    return result;
  }

  Midpoints midpoints_;
};

}  // namespace numgeom
