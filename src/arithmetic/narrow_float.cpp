#include "numgeom/arithmetic/narrow_float.hpp"

#include <utility>

#include "numgeom/error.hpp"
#include "split_mix.hpp"

namespace numgeom {
namespace {

using FloatMatrix = NarrowFloat::Matrix;

constexpr float kFp16LossScale = 1024;

}  // namespace

void NarrowFloat::Options::validate() const {
  if (format != FloatFormat::kTf32 && !is_storage(format))
    throw Error("NarrowFloat: a format narrower than fp32 expected: tf32, fp16 or bf16");
  if ((mixed || stochastic) && !is_storage(format))
    throw Error("NarrowFloat: only fp16 and bf16 are mixed or stochastic");
}

NarrowFloat::NarrowFloat(const Options& options) : options_(options), wide_(options.summation) {
  options.validate();
}

void NarrowFloat::round(Matrix& x) const {
  if (options_.stochastic)
    round_stochastically(options_.format, split_mix(options_.seed, roundings_++), x);
  else
    round_to_nearest(options_.format, x);
}

FloatMatrix NarrowFloat::activation(Matrix result) const {
  if (!is_tf32()) round(result);
  return result;
}

FloatMatrix NarrowFloat::master(Matrix result) const {
  if (is_pure()) round(result);
  return result;
}

const FloatMatrix& NarrowFloat::factor(const Matrix& x, Matrix& room) const {
  if (is_pure()) return x;
  room = x;
  round(room);
  return room;
}

FloatMatrix NarrowFloat::embed(const ExactMatrix& exact) const { return master(exact); }

FloatMatrix NarrowFloat::gather_rows(const Matrix& x, const Indices& rows) const {
  return wide_.gather_rows(x, rows);
}

FloatMatrix NarrowFloat::product(const Matrix& x, const Matrix& w) const {
  Matrix left;
  Matrix right;
  return activation(wide_.product(factor(x, left), factor(w, right)));
}

FloatMatrix NarrowFloat::product_tn(const Matrix& x, const Matrix& d) const {
  Matrix left;
  Matrix right;
  return activation(wide_.product_tn(factor(x, left), factor(d, right)));
}

FloatMatrix NarrowFloat::product_nt(const Matrix& d, const Matrix& w) const {
  Matrix left;
  Matrix right;
  return activation(wide_.product_nt(factor(d, left), factor(w, right)));
}

FloatMatrix NarrowFloat::add_row(const Matrix& x, const Matrix& row) const {
  if (is_tf32()) return wide_.add_row(x, row);
  Matrix room;
  return activation(wide_.add_row(x, factor(row, room)));
}

FloatMatrix NarrowFloat::column_sums(const Matrix& x) const {
  return activation(wide_.column_sums(x));
}

FloatMatrix NarrowFloat::axpy(double alpha, const Matrix& x, const Matrix& y) const {
  return master(wide_.axpy(alpha, x, y));
}

void NarrowFloat::descend(double lr, double weight_decay, const Matrix& gradient,
                          Matrix& parameter) const {
  wide_.descend(lr, weight_decay, gradient, parameter);
  parameter = master(std::move(parameter));
}

FloatMatrix NarrowFloat::relu(const Matrix& z) const { return wide_.relu(z); }

FloatMatrix NarrowFloat::relu_gradient(const Matrix& z, const Matrix& d) const {
  return wide_.relu_gradient(z, d);
}

FloatMatrix NarrowFloat::tanh(const Matrix& z) const { return activation(wide_.tanh(z)); }

FloatMatrix NarrowFloat::tanh_gradient(const Matrix& t, const Matrix& d) const {
  return activation(wide_.tanh_gradient(t, d));
}

FloatMatrix NarrowFloat::gather(const Matrix& x, const Gather& places) const {
  Matrix result = wide_.gather(x, places);
  return places.terms() == 1 ? result : activation(std::move(result));
}

LossAndGradient<float, FloatMatrix> NarrowFloat::scaled(LossAndGradient<float, Matrix> loss) const {
  if (loss_scale() != 1) loss.gradient *= loss_scale();
  return {loss.loss, activation(std::move(loss.gradient))};
}

LossAndGradient<float, FloatMatrix> NarrowFloat::softmax_cross_entropy(const Matrix& logits,
                                                                       const Indices& labels,
                                                                       double smoothing) const {
  return scaled(wide_.softmax_cross_entropy(logits, labels, smoothing));
}

LossAndGradient<float, FloatMatrix> NarrowFloat::entry_loss(const EntryLoss& loss,
                                                            const Matrix& outputs,
                                                            const ExactMatrix& targets) const {
  return scaled(wide_.entry_loss(loss, outputs, targets));
}

std::vector<FloatMatrix> NarrowFloat::clipped(std::vector<Matrix> gradients, double limit) const {
  gradients = wide_.clipped(std::move(gradients), limit);
  for (Matrix& gradient : gradients) gradient = master(std::move(gradient));
  return gradients;
}

ErrorCount NarrowFloat::count_errors(const Matrix& logits, const Indices& labels) const {
  return wide_.count_errors(logits, labels);
}

float NarrowFloat::loss_scale() const {
  return options_.format == FloatFormat::kFp16 && options_.mixed ? kFp16LossScale : 1;
}

void NarrowFloat::unscale(Matrix& gradient) const {
  if (loss_scale() != 1) gradient /= loss_scale();
}

}  // namespace numgeom
