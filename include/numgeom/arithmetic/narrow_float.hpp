#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "numgeom/arithmetic/float_format.hpp"
#include "numgeom/arithmetic/native.hpp"

namespace numgeom {

/// Native arithmetic in a format narrower than fp32, as frameworks have it: numbers are stored
/// narrow, and every operation computes in fp32 and rounds each entry of its result once.
///
/// Matrices are of floats. round(·) below rounds to `format`; the fp32 operation is that of
/// `Native<float>` in the order of `summation`.
///
/// What each operation stores and rounds in each form is listed in docs/precisions.md: results of
/// layers and gradients (products, sums, activations) are rounded to the format, updates of weights
/// and the optimiser's state are too unless the form is mixed, and tf32 rounds the operands of
/// products only. Moving entries (gathers, masks, maxima) never rounds. Losses are kept in fp32.
///
/// Not mixed, every matrix holds numbers of the format. Mixed, activations, deltas and gradients
/// do, and weights are fp32. In fp16-mixed the gradient of the loss is multiplied by `loss_scale()`
/// so that small deltas do not underflow; `unscale` takes it out of a gradient, in fp32.
///
/// Stochastic rounding draws from a counter: entry i of the n-th rounding since the arithmetic was
/// made gets bits that depend on `seed`, n and i only. A copy goes on from the same n by itself;
/// one object must not be used by two threads at once.
class NarrowFloat {
 public:
  using Scalar = float;
  using Matrix = numgeom::Matrix<float>;

  struct Options {
    FloatFormat format = FloatFormat::kBf16;  ///< tf32, fp16 or bf16
    bool mixed = false;                       ///< fp16 and bf16
    bool stochastic = false;                  ///< fp16 and bf16
    Summation summation = Summation::kBlocked;
    std::uint64_t seed = 0;  ///< of stochastic rounding

    /// Throws `Error` where there is no such arithmetic.
    void validate() const;
  };

  /// Throws as `Options::validate`.
  explicit NarrowFloat(const Options& options);

  [[nodiscard]] const Options& options() const { return options_; }
  /// Of the format.
  [[nodiscard]] double unit_roundoff() const { return numgeom::unit_roundoff(options_.format); }
  /// Of the format, or of fp32 where weights and updates are kept in it: mixed forms and tf32.
  [[nodiscard]] double weight_roundoff() const {
    return is_pure() ? unit_roundoff() : Native<float>::unit_roundoff();
  }

  [[nodiscard]] Matrix embed(const ExactMatrix& exact) const;
  [[nodiscard]] Matrix gather_rows(const Matrix& x, const Indices& rows) const;
  [[nodiscard]] Matrix product(const Matrix& x, const Matrix& w) const;
  [[nodiscard]] Matrix product_tn(const Matrix& x, const Matrix& d) const;
  [[nodiscard]] Matrix product_nt(const Matrix& d, const Matrix& w) const;
  [[nodiscard]] Matrix add_row(const Matrix& x, const Matrix& row) const;
  [[nodiscard]] Matrix column_sums(const Matrix& x) const;
  [[nodiscard]] Matrix axpy(double alpha, const Matrix& x, const Matrix& y) const;
  void descend(double lr, double weight_decay, const Matrix& gradient, Matrix& parameter) const;
  [[nodiscard]] Matrix relu(const Matrix& z) const;
  [[nodiscard]] Matrix relu_gradient(const Matrix& z, const Matrix& d) const;
  [[nodiscard]] Matrix tanh(const Matrix& z) const;
  [[nodiscard]] Matrix tanh_gradient(const Matrix& t, const Matrix& d) const;
  [[nodiscard]] Matrix activate(const Activation& f, const Matrix& z) const {
    return activation(wide_.activate(f, z));
  }
  [[nodiscard]] Matrix activate_gradient(const Activation& f, const Matrix& z,
                                         const Matrix& d) const {
    return activation(wide_.activate_gradient(f, z, d));
  }
  [[nodiscard]] Matrix gather(const Matrix& x, const Gather& places) const;
  [[nodiscard]] Matrix add(const Matrix& x, const Matrix& y) const {
    return activation(wide_.add(x, y));
  }
  [[nodiscard]] Matrix scale(const Constant& factor, const Matrix& x) const {
    return activation(wide_.scale(factor, x));
  }
  [[nodiscard]] Matrix hide(const Matrix& x, const Mask& mask) const { return wide_.hide(x, mask); }
  [[nodiscard]] Matrix largest(const Matrix& x, int width) const { return wide_.largest(x, width); }
  [[nodiscard]] Matrix largest_gradient(const Matrix& x, const Matrix& d, int width) const {
    return wide_.largest_gradient(x, d, width);
  }
  [[nodiscard]] LossAndGradient<float, Matrix> softmax_cross_entropy(const Matrix& logits,
                                                                     const Indices& labels,
                                                                     double smoothing = 0) const;
  [[nodiscard]] LossAndGradient<float, Matrix> entry_loss(const EntryLoss& loss,
                                                          const Matrix& outputs,
                                                          const ExactMatrix& targets) const;
  [[nodiscard]] ErrorCount count_errors(const Matrix& logits, const Indices& labels) const;

  [[nodiscard]] ErrorCount count_sign_errors(const Matrix& outputs, const Indices& labels) const {
    return wide_.count_sign_errors(outputs, labels);
  }

  [[nodiscard]] Matrix blend(double beta, const Matrix& m, const Matrix& g) const {
    return master(wide_.blend(beta, m, g));
  }
  [[nodiscard]] Matrix blend_squares(double beta, const Matrix& v, const Matrix& g) const {
    return master(wide_.blend_squares(beta, v, g));
  }
  [[nodiscard]] Matrix root_quotient(const Constant& a, const Matrix& m, const Matrix& v,
                                     const Constant& b, double epsilon) const {
    return master(wide_.root_quotient(a, m, v, b, epsilon));
  }
  [[nodiscard]] Matrix add_signs(double lambda, const Matrix& w, const Matrix& g) const {
    return master(wide_.add_signs(lambda, w, g));
  }
  [[nodiscard]] std::vector<Matrix> clipped(std::vector<Matrix> gradients, double limit) const;

  /// 1024 in fp16-mixed, else 1.
  [[nodiscard]] float loss_scale() const;
  /// G / loss_scale(): exact unless it underflows in fp32.
  void unscale(Matrix& gradient) const;

 private:
  // What an operation computed in fp32 passes through one of these: activations and gradients,
  // weights and updates, factors of a product and addends.

  [[nodiscard]] Matrix activation(Matrix result) const;
  [[nodiscard]] LossAndGradient<float, Matrix> scaled(LossAndGradient<float, Matrix> loss) const;
  [[nodiscard]] Matrix master(Matrix result) const;
  /// x itself, or rounded in `room`.
  const Matrix& factor(const Matrix& x, Matrix& room) const;

  void round(Matrix& x) const;
  [[nodiscard]] bool is_tf32() const { return options_.format == FloatFormat::kTf32; }
  /// Weights and updates are numbers of the format.
  [[nodiscard]] bool is_pure() const { return !options_.mixed && !is_tf32(); }

  Options options_;
  Native<float> wide_;
  mutable std::uint64_t roundings_ = 0;
};

static_assert(NativeArithmetic<NarrowFloat>);

}  // namespace numgeom
