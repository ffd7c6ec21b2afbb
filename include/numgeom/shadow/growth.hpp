#pragma once

#include <memory>

#include "numgeom/arithmetic/bound_matrix.hpp"
#include "numgeom/arithmetic/concept.hpp"

namespace numgeom {

/// A double and, to first order, the radius that enclosing it would take, in units of u.
struct GrowthScalar {
  double value = 0;
  Magnitude growth;
};

struct GrowthMatrix {
  Matrix<double> values;
  BoundMatrix growth;
};

/// Predicts how many bits the direct way loses: values in doubles, radii to first order in u.
///
/// Models `Arithmetic`, so the prediction runs the very algorithm that will be enclosed. The rules
/// are those of `EnclosingArithmetic` with u → 0: products of two radii are dropped and ReLU
/// follows the sign of the value. At p bits the enclosure will be about growth·2^-p wide, as long
/// as every sign is decided, which takes `decision_bits()`. A prediction only: nothing here is an
/// enclosure, and nothing is certified by it.
class GrowthArithmetic {
 public:
  using Scalar = GrowthScalar;
  using Matrix = GrowthMatrix;

  /// log₂ of the greatest growth/|z| over all pre-activations so far.
  [[nodiscard]] double decision_bits() const { return *decision_bits_; }

  [[nodiscard]] Matrix embed(const ExactMatrix& exact) const;
  [[nodiscard]] Matrix gather_rows(const Matrix& x, const Indices& rows) const;
  [[nodiscard]] Matrix product(const Matrix& x, const Matrix& w) const;
  [[nodiscard]] Matrix product_tn(const Matrix& x, const Matrix& d) const;
  [[nodiscard]] Matrix product_nt(const Matrix& d, const Matrix& w) const;
  [[nodiscard]] Matrix add_row(const Matrix& x, const Matrix& row) const;
  [[nodiscard]] Matrix column_sums(const Matrix& x) const;
  [[nodiscard]] Matrix axpy(double alpha, const Matrix& x, const Matrix& y) const;
  void descend(double lr, double weight_decay, const Matrix& gradient, Matrix& parameter) const {
    parameter = axpy(-lr, axpy(weight_decay, parameter, gradient), parameter);
  }
  [[nodiscard]] Matrix relu(const Matrix& z) const;
  [[nodiscard]] Matrix relu_gradient(const Matrix& z, const Matrix& d) const;
  [[nodiscard]] Matrix tanh(const Matrix& z) const;
  [[nodiscard]] Matrix tanh_gradient(const Matrix& t, const Matrix& d) const;
  [[nodiscard]] LossAndGradient<Scalar, Matrix> softmax_cross_entropy(const Matrix& logits,
                                                                      const Indices& labels) const;
  [[nodiscard]] ErrorCount count_errors(const Matrix& logits, const Indices& labels) const;

 private:
  std::shared_ptr<double> decision_bits_ = std::make_shared<double>(0);
};

static_assert(Arithmetic<GrowthArithmetic>);

}  // namespace numgeom
