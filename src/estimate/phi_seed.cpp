#include "numgeom/estimate/phi_seed.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

constexpr int kPowerIterations = 4;

template <class T>
using Parameters = std::vector<Matrix<T>>;

template <class T>
double norm(const Parameters<T>& v) {
  double sum = 0;
  for (const Matrix<T>& part : v) sum += static_cast<double>(part.squaredNorm());
  return std::sqrt(sum);
}

/// w + factor·v
template <class T>
Parameters<T> moved(const Parameters<T>& w, double factor, const Parameters<T>& v) {
  Parameters<T> result;
  for (std::size_t i = 0; i < w.size(); ++i) result.push_back(Native<T>().axpy(factor, v[i], w[i]));
  return result;
}

/// Greatest eigenvalue of the Hessian of the batch loss at w, in absolute value: power iteration
/// from the gradient, Hessian–vector products by central differences.
template <class T>
double curvature(const Native<T>& arithmetic, const Network& network, const Parameters<T>& w,
                 const Matrix<T>& batch, const Indices& labels, Parameters<T> v) {
  const double distance = std::cbrt(static_cast<double>(std::numeric_limits<T>::epsilon()));
  double eigenvalue = 0;
  for (int i = 0; i < kPowerIterations; ++i) {
    const double length = norm(v);
    if (!(length > 0) || !std::isfinite(length)) return length == 0 ? 0 : length;
    const auto ahead =
        forward_backward(arithmetic, network, moved(w, distance / length, v), batch, labels);
    const auto behind =
        forward_backward(arithmetic, network, moved(w, -distance / length, v), batch, labels);
    v = moved(ahead.gradients, -1.0, behind.gradients);
    eigenvalue = norm(v) / (2 * distance);
  }
  return eigenvalue;
}

}  // namespace

template <std::floating_point T>
void PhiSeedObserver<T>::on_step(const Native<T>& arithmetic, const StepView<Native<T>>& view) {
  if (view.step % kCurvaturePeriod == 0) {
    const double lambda =
        curvature(arithmetic, problem_.network, view.parameters, view.passes.outputs.front(),
                  view.labels, view.passes.gradients);
    const double decay = configuration_.lr * configuration_.weight_decay;
    lipschitz_ = std::max(std::abs(1 - decay), std::abs(1 - decay - configuration_.lr * lambda));
  }
  accumulated_ = accumulated_ * lipschitz_ + norm(view.passes.gradients);
}

template <std::floating_point T>
void PhiSeedObserver<T>::on_end(const Native<T>& arithmetic, const EndView<Native<T>>& view) {
  const auto passes =
      forward_backward(arithmetic, problem_.network, view.parameters, view.validation, view.labels);
  const double loss_curvature = curvature(arithmetic, problem_.network, view.parameters,
                                          view.validation, view.labels, passes.gradients);
  const double epsilon = std::numeric_limits<T>::epsilon();
  estimate_ = accumulated_ * epsilon + loss_curvature * view.steps * epsilon * epsilon;
}

template class PhiSeedObserver<float>;
template class PhiSeedObserver<double>;

}  // namespace numgeom
