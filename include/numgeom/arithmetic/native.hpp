#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "numgeom/arithmetic/native_arithmetic.hpp"
#include "numgeom/arithmetic/summation.hpp"

namespace numgeom {

/// Activations and losses of one entry in floating point.
namespace native {

template <std::floating_point T>
T sigmoid(T z) {
  return T(1) / (T(1) + std::exp(-z));
}
template <std::floating_point T>
T softplus(T z) {
  return std::max(z, T(0)) + std::log1p(std::exp(-std::abs(z)));
}
template <std::floating_point T>
T normal_cdf(T z) {
  return T(0.5) * (T(1) + std::erf(z * static_cast<T>(std::numbers::sqrt2 / 2)));
}

template <std::floating_point T>
T value(const Activation& activation, T z) {
  switch (activation.kind) {
    case Activation::Kind::kLeakyRelu:
      return z > T(0) ? z : static_cast<T>(activation.slope) * z;
    case Activation::Kind::kSigmoid:
      return sigmoid(z);
    case Activation::Kind::kSoftplus:
      return softplus(z);
    case Activation::Kind::kGelu:
      break;
  }
  return z * normal_cdf(z);
}

template <std::floating_point T>
T slope(const Activation& activation, T z) {
  switch (activation.kind) {
    case Activation::Kind::kLeakyRelu:
      return z > T(0) ? T(1) : static_cast<T>(activation.slope);
    case Activation::Kind::kSigmoid:
      return sigmoid(z) * (T(1) - sigmoid(z));
    case Activation::Kind::kSoftplus:
      return sigmoid(z);
    case Activation::Kind::kGelu:
      break;
  }
  const T density =
      std::exp(-z * z / T(2)) * static_cast<T>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  return normal_cdf(z) + z * density;
}

template <std::floating_point T>
T loss_value(const EntryLoss& loss, T output, T target) {
  const T e = output - target;
  switch (loss.kind) {
    case EntryLoss::Kind::kBinaryCrossEntropy:
      return softplus(output) - target * output;
    case EntryLoss::Kind::kSquaredError:
      return e * e;
    case EntryLoss::Kind::kHuber:
      break;
  }
  const T delta = static_cast<T>(loss.delta);
  return std::abs(e) <= delta ? T(0.5) * e * e : delta * (std::abs(e) - T(0.5) * delta);
}

template <std::floating_point T>
T loss_slope(const EntryLoss& loss, T output, T target) {
  const T e = output - target;
  const T delta = static_cast<T>(loss.delta);
  switch (loss.kind) {
    case EntryLoss::Kind::kBinaryCrossEntropy:
      return sigmoid(output) - target;
    case EntryLoss::Kind::kSquaredError:
      return T(2) * e;
    case EntryLoss::Kind::kHuber:
      break;
  }
  return e > delta ? delta : (e < -delta ? -delta : e);
}

}  // namespace native

/// The machine's own arithmetic: what a training framework computes, rounding errors and all.
///
/// Every operation is Eigen's in T; exact scalars are first rounded to T. Products, column sums and
/// the sums of the loss (of exponentials in a row, and over the rows) are added up in the order of
/// `summation`: by default Eigen's, blocked and vectorised, and then the result depends on the
/// build flags and the machine's vector width, never on the number of threads.
template <std::floating_point T>
class Native {
 public:
  using Scalar = T;
  using Matrix = numgeom::Matrix<T>;

  Native() = default;
  explicit Native(Summation summation) : summation_(summation) {}
  [[nodiscard]] Summation summation() const { return summation_; }
  [[nodiscard]] static constexpr double unit_roundoff() {
    return std::numeric_limits<T>::epsilon() / 2;
  }
  [[nodiscard]] static constexpr double weight_roundoff() { return unit_roundoff(); }

  [[nodiscard]] Matrix embed(const ExactMatrix& exact) const { return exact.cast<T>(); }
  [[nodiscard]] Matrix gather_rows(const Matrix& x, const Indices& rows) const {
    return x(rows, Eigen::all);
  }
  [[nodiscard]] Matrix product(const Matrix& x, const Matrix& w) const {
    Matrix result;
    fill_product(x, w, result);
    return result;
  }
  [[nodiscard]] Matrix product_tn(const Matrix& x, const Matrix& d) const {
    Matrix result;
    fill_product_tn(x, d, result);
    return result;
  }
  [[nodiscard]] Matrix product_nt(const Matrix& d, const Matrix& w) const {
    Matrix result;
    fill_product_nt(d, w, result);
    return result;
  }
  [[nodiscard]] Matrix add_row(const Matrix& x, const Matrix& row) const {
    return x.rowwise() + row.row(0);
  }
  [[nodiscard]] Matrix column_sums(const Matrix& x) const {
    Matrix result;
    fill_column_sums(x, result);
    return result;
  }
  [[nodiscard]] Matrix axpy(double alpha, const Matrix& x, const Matrix& y) const {
    return static_cast<T>(alpha) * x + y;
  }
  void descend(double lr, double weight_decay, const Matrix& gradient, Matrix& parameter) const {
    const T eta = static_cast<T>(lr);
    const T omega = static_cast<T>(weight_decay);
    parameter.array() -= eta * (omega * parameter.array() + gradient.array());
  }
  [[nodiscard]] Matrix relu(const Matrix& z) const {
    Matrix result;
    fill_relu(z, result);
    return result;
  }
  [[nodiscard]] Matrix relu_gradient(const Matrix& z, const Matrix& d) const {
    return (z.array() > T(0)).select(d, T(0));
  }
  [[nodiscard]] Matrix tanh(const Matrix& z) const { return z.array().tanh(); }
  [[nodiscard]] Matrix tanh_gradient(const Matrix& t, const Matrix& d) const {
    return d.array() * (T(1) - t.array().square());
  }
  [[nodiscard]] LossAndGradient<T, Matrix> softmax_cross_entropy(const Matrix& logits,
                                                                 const Indices& labels,
                                                                 double smoothing = 0) const {
    Matrix gradient;
    T loss = fill_softmax_cross_entropy(logits, labels, gradient);
    if (smoothing != 0) loss += smooth_labels(logits, labels, smoothing, gradient);
    return {loss, std::move(gradient)};
  }

  // The same operations into matrices that are there already.

  void fill_with_rows(const Matrix& x, const Indices& rows, Matrix& result) const {
    result.resize(static_cast<Eigen::Index>(rows.size()), x.cols());
    for (Eigen::Index i = 0; i < result.rows(); ++i) result.row(i) = x.row(rows[i]);
  }
  void fill_product(const Matrix& x, const Matrix& w, Matrix& result) const {
    if (is_blocked())
      result.noalias() = x * w;
    else
      ordered_product(summation_, x, w, result);
  }
  void fill_dense(const Matrix& x, const Matrix& w, const Matrix& b, Matrix& result) const {
    fill_product(x, w, result);
    result.rowwise() += b.row(0);
  }
  void fill_product_tn(const Matrix& x, const Matrix& d, Matrix& result) const {
    if (is_blocked())
      result.noalias() = x.transpose() * d;
    else
      ordered_product_tn(summation_, x, d, result);
  }
  void fill_product_nt(const Matrix& d, const Matrix& w, Matrix& result) const {
    if (is_blocked())
      result.noalias() = d * w.transpose();
    else
      ordered_product_nt(summation_, d, w, result);
  }
  void fill_column_sums(const Matrix& x, Matrix& result) const {
    if (is_blocked())
      result = x.colwise().sum();
    else
      ordered_column_sums(summation_, x, result);
  }
  void fill_relu(const Matrix& z, Matrix& result) const {
    // NaN stays NaN.
    result = (z.array() <= T(0)).select(T(0), z);
  }
  void fill_relu_gradient(const Matrix& z, const Matrix& d, Matrix& result) const {
    result = (z.array() > T(0)).select(d, T(0));
  }
  T fill_softmax_cross_entropy(const Matrix& logits, const Indices& labels,
                               Matrix& gradient) const {
    const T rows = static_cast<T>(logits.rows());
    gradient.resize(logits.rows(), logits.cols());
    Eigen::Array<T, Eigen::Dynamic, 1> losses(logits.rows());
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      auto row = gradient.row(i);
      row = logits.row(i).array() - logits.row(i).maxCoeff();
      const T shifted = row(labels[i]);
      row = row.array().exp();
      const T sum = is_blocked() ? row.sum() : ordered_sum(summation_, row.data(), row.size());
      losses(i) = std::log(sum) - shifted;
      row /= sum;
      row(labels[i]) -= T(1);
    }
    gradient /= rows;
    return sum_of_losses(losses) / rows;
  }

  [[nodiscard]] ErrorCount count_errors(const Matrix& logits, const Indices& labels) const {
    Eigen::Index wrong = 0;
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      Eigen::Index best = 0;
      logits.row(i).maxCoeff(&best);
      if (best != labels[i]) ++wrong;
    }
    return {wrong, wrong};
  }
  [[nodiscard]] ErrorCount count_sign_errors(const Matrix& outputs, const Indices& labels) const {
    Eigen::Index wrong = 0;
    for (Eigen::Index i = 0; i < outputs.rows(); ++i) wrong += (outputs(i, 0) > T(0)) != labels[i];
    return {wrong, wrong};
  }

  // Layers beyond dense ones.

  [[nodiscard]] Matrix activate(const Activation& activation, const Matrix& z) const {
    return z.unaryExpr([&](T x) { return native::value<T>(activation, x); });
  }
  [[nodiscard]] Matrix activate_gradient(const Activation& activation, const Matrix& z,
                                         const Matrix& d) const {
    return d.binaryExpr(z, [&](T y, T x) { return y * native::slope<T>(activation, x); });
  }
  [[nodiscard]] Matrix gather(const Matrix& x, const Gather& places) const {
    Matrix result(places.samples(x.rows()) * places.out_rows, places.out_cols);
    for (int term = 0; term < places.terms(); ++term)
      detail::gather_entries(places, term, x.rows(), x.data(), result.data(), term > 0);
    return result;
  }
  [[nodiscard]] Matrix add(const Matrix& x, const Matrix& y) const { return x + y; }
  [[nodiscard]] Matrix scale(const Constant& factor, const Matrix& x) const {
    return static_cast<T>(factor.nearest()) * x;
  }
  [[nodiscard]] Matrix hide(const Matrix& x, const Mask& mask) const {
    return (mask.array() != 0).select(x, T(0));
  }
  [[nodiscard]] Matrix largest(const Matrix& x, int width) const {
    Matrix result(x.rows(), x.cols() / width);
    for (Eigen::Index i = 0; i < result.rows(); ++i)
      for (Eigen::Index j = 0; j < result.cols(); ++j)
        result(i, j) = x.row(i).segment(j * width, width).maxCoeff();
    return result;
  }
  [[nodiscard]] Matrix largest_gradient(const Matrix& x, const Matrix& d, int width) const {
    Matrix result = Matrix::Zero(x.rows(), x.cols());
    for (Eigen::Index i = 0; i < d.rows(); ++i)
      for (Eigen::Index j = 0; j < d.cols(); ++j) {
        Eigen::Index first = 0;
        x.row(i).segment(j * width, width).maxCoeff(&first);
        result(i, j * width + first) = d(i, j);
      }
    return result;
  }
  [[nodiscard]] LossAndGradient<T, Matrix> entry_loss(const EntryLoss& loss, const Matrix& outputs,
                                                      const ExactMatrix& targets) const {
    const T count = static_cast<T>(outputs.size());
    const Matrix t = embed(targets);
    Matrix values =
        outputs.binaryExpr(t, [&](T o, T y) { return native::loss_value<T>(loss, o, y); });
    Matrix gradient =
        outputs.binaryExpr(t, [&](T o, T y) { return native::loss_slope<T>(loss, o, y) / count; });
    const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> all(values.data(), values.size());
    return {sum_of_losses(all) / count, std::move(gradient)};
  }

  // Optimisers.

  [[nodiscard]] Matrix blend(double beta, const Matrix& m, const Matrix& g) const {
    return static_cast<T>(beta) * m + static_cast<T>(1 - beta) * g;
  }
  [[nodiscard]] Matrix blend_squares(double beta, const Matrix& v, const Matrix& g) const {
    return static_cast<T>(beta) * v.array() + static_cast<T>(1 - beta) * g.array().square();
  }
  [[nodiscard]] Matrix root_quotient(const Constant& a, const Matrix& m, const Matrix& v,
                                     const Constant& b, double epsilon) const {
    const T numerator = static_cast<T>(a.nearest());
    const T factor = static_cast<T>(b.nearest());
    return numerator * m.array() / (factor * v.array().sqrt() + static_cast<T>(epsilon));
  }
  [[nodiscard]] Matrix add_signs(double lambda, const Matrix& w, const Matrix& g) const {
    return g.array() + static_cast<T>(lambda) * w.array().sign();
  }
  [[nodiscard]] std::vector<Matrix> clipped(std::vector<Matrix> gradients, double limit) const {
    T squares = 0;
    for (const Matrix& g : gradients) squares += g.squaredNorm();
    const T factor = static_cast<T>(limit) / (std::sqrt(squares) + static_cast<T>(1e-6));
    if (factor < T(1))
      for (Matrix& g : gradients) g *= factor;
    return gradients;
  }

 private:
  /// What label smoothing adds to the loss; its gradient is added in place.
  static T smooth_labels(const Matrix& logits, const Indices& labels, double smoothing,
                         Matrix& gradient) {
    const T rows = static_cast<T>(logits.rows());
    const T share = static_cast<T>(smoothing / static_cast<double>(logits.cols()));
    T total = 0;
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      total += (logits(i, labels[i]) - logits.row(i).array()).sum();
      gradient.row(i).array() -= share / rows;
      gradient(i, labels[i]) += static_cast<T>(smoothing) / rows;
    }
    return share * total / rows;
  }

  [[nodiscard]] bool is_blocked() const { return summation_ == Summation::kBlocked; }

  [[nodiscard]] T sum_of_losses(const Eigen::Array<T, Eigen::Dynamic, 1>& losses) const {
    if (!is_blocked()) return ordered_sum(summation_, losses.data(), losses.size());
    // Summed in lanes, as vector units do.
    constexpr Eigen::Index kLanes = 16;
    Eigen::Array<T, kLanes, 1> totals = Eigen::Array<T, kLanes, 1>::Zero();
    for (Eigen::Index i = 0; i < losses.size(); ++i) totals(i % kLanes) += losses(i);
    return totals.sum();
  }

  Summation summation_ = Summation::kBlocked;
};

static_assert(NativeArithmetic<Native<float>>);
static_assert(NativeArithmetic<Native<double>>);

}  // namespace numgeom
