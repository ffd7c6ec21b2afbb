#include "numgeom/estimate/phi.hpp"

#include <algorithm>
#include <cmath>

#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

/// Weights move slowly: their norm is taken every so many steps.
constexpr int kNormPeriod = 16;
/// Rows of the validation set that its gradient is taken on.
constexpr Eigen::Index kGradientRows = 128;

template <class T>
double squared_norm(const std::vector<Matrix<T>>& matrices) {
  double sum = 0;
  for (const Matrix<T>& matrix : matrices) sum += static_cast<double>(matrix.squaredNorm());
  return sum;
}

}  // namespace

template <NativeArithmetic A>
PhiObserver<A>::PhiObserver(const Problem& problem, const Configuration& configuration)
    : problem_(problem), configuration_(configuration) {
  const ExactMatrix& features = problem.data->train.features;
  row_norms_.reserve(static_cast<std::size_t>(features.rows()));
  for (Eigen::Index i = 0; i < features.rows(); ++i)
    row_norms_.push_back(static_cast<typename A::Scalar>(features.row(i).norm()));
}

template <NativeArithmetic A>
void PhiObserver<A>::on_step(const A& arithmetic, const StepView<A>& view) {
  if (view.step % kNormPeriod == 0) {
    squared_norm_ = squared_norm(view.parameters);
    parameters_ = 0;
    for (const auto& parameter : view.parameters)
      parameters_ += static_cast<double>(parameter.size());
  }
  sum_of_squares_ += squared_norm_;
  const double weight_error = arithmetic.unit_roundoff() * std::sqrt(squared_norm_ / parameters_);
  count_kinks(view, weight_error * std::sqrt(1 + view.step / 3.0));
}

template <NativeArithmetic A>
void PhiObserver<A>::count_kinks(const StepView<A>& view, double error_per_norm) {
  const auto& layers = problem_.network.layers;
  std::size_t input = 0;  // of the last dense operation, one row a sample
  bool after_dense = false;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const typename A::Matrix& z = view.passes.outputs[i];
    if (layers[i].kind == Layer::Kind::kDense) {
      input = layers[i].is_convolution ? i - 1 : i;
      after_dense = true;
    }
    if (!after_dense || layers[i].kind != Layer::Kind::kRelu) continue;
    for (Eigen::Index row = 0; row < z.rows(); ++row) {
      const double norm =
          input == 0 ? row_norms_[view.rows[row]] : view.passes.outputs[input].row(row).norm();
      const auto threshold = static_cast<typename A::Scalar>(norm * error_per_norm);
      if (!(z.row(row).array().abs() < threshold).any()) continue;
      for (Eigen::Index h = 0; h < z.cols(); ++h) {
        if (!(std::abs(z(row, h)) < threshold)) continue;
        const double jump = view.lr * norm * view.passes.deltas[i](row, h);
        squared_jumps_ += jump * jump;
      }
    }
  }
}

template <NativeArithmetic A>
void PhiObserver<A>::on_end(const A& arithmetic, const EndView<A>& view) {
  const Eigen::Index rows = std::min(kGradientRows, view.validation.rows());
  const auto passes =
      forward_backward(arithmetic, problem_.network, problem_.loss, view.parameters,
                       typename A::Matrix(view.validation.topRows(rows)), view.targets.first(rows));
  const double slope = std::sqrt(squared_norm(passes.gradients));
  const double unit = arithmetic.unit_roundoff();
  const double walk = unit * std::sqrt(sum_of_squares_ / 3) / std::sqrt(parameters_);
  const double evaluation = 2 * unit * std::abs(static_cast<double>(view.loss));
  estimate_ = 3 * (slope * walk + evaluation) + slope * std::sqrt(squared_jumps_) / 3;
}

template class PhiObserver<Native<float>>;
template class PhiObserver<Native<double>>;
template class PhiObserver<NarrowFloat>;

}  // namespace numgeom
