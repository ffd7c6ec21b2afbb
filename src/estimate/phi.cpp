#include "numgeom/estimate/phi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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

template <class T>
constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2;

}  // namespace

template <std::floating_point T>
PhiObserver<T>::PhiObserver(const Problem& problem, const Configuration& configuration)
    : problem_(problem), configuration_(configuration) {
  const ExactMatrix& features = problem.data->train.features;
  row_norms_.reserve(static_cast<std::size_t>(features.rows()));
  for (Eigen::Index i = 0; i < features.rows(); ++i)
    row_norms_.push_back(static_cast<T>(features.row(i).norm()));
}

template <std::floating_point T>
void PhiObserver<T>::on_step(const Native<T>& /*arithmetic*/, const StepView<Native<T>>& view) {
  if (view.step % kNormPeriod == 0) {
    squared_norm_ = squared_norm(view.parameters);
    parameters_ = 0;
    for (const auto& parameter : view.parameters)
      parameters_ += static_cast<double>(parameter.size());
  }
  sum_of_squares_ += squared_norm_;
  const double weight_error = kUnit<T> * std::sqrt(squared_norm_ / parameters_);
  count_kinks(view, weight_error * std::sqrt(1 + view.step / 3.0));
}

template <std::floating_point T>
void PhiObserver<T>::count_kinks(const StepView<Native<T>>& view, double error_per_norm) {
  const auto& layers = problem_.network.layers;
  for (std::size_t i = 1; i < layers.size(); ++i) {
    if (layers[i].kind != Layer::Kind::kRelu) continue;
    const Matrix<T>& z = view.passes.outputs[i];
    for (Eigen::Index row = 0; row < z.rows(); ++row) {
      const double norm =
          i == 1 ? row_norms_[view.rows[row]] : view.passes.outputs[i - 1].row(row).norm();
      const T threshold = static_cast<T>(norm * error_per_norm);
      if (!(z.row(row).array().abs() < threshold).any()) continue;
      for (Eigen::Index h = 0; h < z.cols(); ++h) {
        if (!(std::abs(z(row, h)) < threshold)) continue;
        const double jump = configuration_.lr * norm * view.passes.deltas[i](row, h);
        squared_jumps_ += jump * jump;
      }
    }
  }
}

template <std::floating_point T>
void PhiObserver<T>::on_end(const Native<T>& arithmetic, const EndView<Native<T>>& view) {
  const Eigen::Index rows = std::min(kGradientRows, view.validation.rows());
  const Indices labels(view.labels.begin(), view.labels.begin() + rows);
  const auto passes = forward_backward(arithmetic, problem_.network, view.parameters,
                                       Matrix<T>(view.validation.topRows(rows)), labels);
  const double slope = std::sqrt(squared_norm(passes.gradients));
  const double walk = kUnit<T> * std::sqrt(sum_of_squares_ / 3) / std::sqrt(parameters_);
  const double evaluation = 2 * kUnit<T> * std::abs(static_cast<double>(view.loss));
  estimate_ = 3 * (slope * walk + evaluation) + slope * std::sqrt(squared_jumps_) / 3;
}

template class PhiObserver<float>;
template class PhiObserver<double>;

}  // namespace numgeom
