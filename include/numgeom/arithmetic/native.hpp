#pragma once

#include <Eigen/Core>
#include <cmath>
#include <concepts>
#include <utility>

#include "numgeom/arithmetic/concept.hpp"

namespace numgeom {

/// The machine's own arithmetic: what a training framework computes, rounding errors and all.
///
/// Every operation is Eigen's in T, in Eigen's summation order (blocked and vectorised, one
/// thread); exact scalars are first rounded to T. The result depends on the build flags and the
/// machine's vector width, never on the number of threads.
template <std::floating_point T>
class Native {
 public:
  using Scalar = T;
  using Matrix = numgeom::Matrix<T>;

  [[nodiscard]] Matrix embed(const ExactMatrix& exact) const { return exact.cast<T>(); }
  [[nodiscard]] Matrix gather_rows(const Matrix& x, const Indices& rows) const {
    return x(rows, Eigen::all);
  }
  [[nodiscard]] Matrix product(const Matrix& x, const Matrix& w) const { return x * w; }
  [[nodiscard]] Matrix product_tn(const Matrix& x, const Matrix& d) const {
    return x.transpose() * d;
  }
  [[nodiscard]] Matrix product_nt(const Matrix& d, const Matrix& w) const {
    return d * w.transpose();
  }
  [[nodiscard]] Matrix add_row(const Matrix& x, const Matrix& row) const {
    return x.rowwise() + row.row(0);
  }
  [[nodiscard]] Matrix column_sums(const Matrix& x) const { return x.colwise().sum(); }
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
                                                                 const Indices& labels) const {
    Matrix gradient;
    const T loss = fill_softmax_cross_entropy(logits, labels, gradient);
    return {loss, std::move(gradient)};
  }

  // The same operations into matrices that are there already.

  void fill_with_rows(const Matrix& x, const Indices& rows, Matrix& result) const {
    result.resize(static_cast<Eigen::Index>(rows.size()), x.cols());
    for (Eigen::Index i = 0; i < result.rows(); ++i) result.row(i) = x.row(rows[i]);
  }
  void fill_dense(const Matrix& x, const Matrix& w, const Matrix& b, Matrix& result) const {
    result.noalias() = x * w;
    result.rowwise() += b.row(0);
  }
  void fill_product_tn(const Matrix& x, const Matrix& d, Matrix& result) const {
    result.noalias() = x.transpose() * d;
  }
  void fill_product_nt(const Matrix& d, const Matrix& w, Matrix& result) const {
    result.noalias() = d * w.transpose();
  }
  void fill_column_sums(const Matrix& x, Matrix& result) const { result = x.colwise().sum(); }
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
    // Summed in lanes, as vector units do.
    constexpr Eigen::Index kLanes = 16;
    Eigen::Array<T, kLanes, 1> totals = Eigen::Array<T, kLanes, 1>::Zero();
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      auto row = gradient.row(i);
      row = logits.row(i).array() - logits.row(i).maxCoeff();
      const T shifted = row(labels[i]);
      row = row.array().exp();
      const T sum = row.sum();
      totals(i % kLanes) += std::log(sum) - shifted;
      row /= sum;
      row(labels[i]) -= T(1);
    }
    gradient /= rows;
    return totals.sum() / rows;
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
};

static_assert(Arithmetic<Native<float>>);
static_assert(Arithmetic<Native<double>>);

}  // namespace numgeom
