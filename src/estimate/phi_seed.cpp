#include "numgeom/estimate/phi_seed.hpp"

#include <algorithm>
#include <cmath>

#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

constexpr int kPowerIterations = 4;
/// Rows of the validation set that its curvature is taken on.
constexpr Eigen::Index kCurvatureRows = 128;

template <NativeArithmetic A>
using Parameters = std::vector<typename A::Matrix>;

template <class T>
double norm(const std::vector<Matrix<T>>& v) {
  double sum = 0;
  for (const Matrix<T>& part : v) sum += static_cast<double>(part.squaredNorm());
  return std::sqrt(sum);
}

/// w + factor·v
template <NativeArithmetic A>
Parameters<A> moved(const A& arithmetic, const Parameters<A>& w, double factor,
                    const Parameters<A>& v) {
  Parameters<A> result;
  for (std::size_t i = 0; i < w.size(); ++i) result.push_back(arithmetic.axpy(factor, v[i], w[i]));
  return result;
}

/// Greatest eigenvalue of the Hessian of the batch loss at w, in absolute value: power iteration
/// from the gradient, Hessian–vector products by central differences.
template <NativeArithmetic A>
double curvature(const A& arithmetic, const Problem& problem, const Parameters<A>& w,
                 const typename A::Matrix& batch, const Targets& targets, Parameters<A> v) {
  const double distance = std::cbrt(2 * arithmetic.unit_roundoff());
  double eigenvalue = 0;
  for (int i = 0; i < kPowerIterations; ++i) {
    const double length = norm(v);
    if (!(length > 0) || !std::isfinite(length)) return length == 0 ? 0 : length;
    const auto gradients = [&](double step) {
      return forward_backward(arithmetic, problem.network, problem.loss,
                              moved(arithmetic, w, step / length, v), batch, targets)
          .gradients;
    };
    const auto ahead = gradients(distance);
    const auto behind = gradients(-distance);
    v = moved(arithmetic, ahead, -1.0, behind);
    eigenvalue = norm(v) / (2 * distance);
  }
  return eigenvalue;
}

}  // namespace

template <NativeArithmetic A>
void PhiSeedObserver<A>::on_step(const A& arithmetic, const StepView<A>& view) {
  if (view.step % kCurvaturePeriod == 0) {
    const double lambda =
        curvature(arithmetic, problem_, view.parameters, view.passes.outputs.front(), view.targets,
                  view.passes.gradients);
    const double decay = view.lr * configuration_.weight_decay;
    lipschitz_ = std::max(std::abs(1 - decay), std::abs(1 - decay - view.lr * lambda));
  }
  accumulated_ = accumulated_ * lipschitz_ + norm(view.passes.gradients);
}

template <NativeArithmetic A>
void PhiSeedObserver<A>::on_end(const A& arithmetic, const EndView<A>& view) {
  const Eigen::Index rows = std::min(kCurvatureRows, view.validation.rows());
  const typename A::Matrix validation = view.validation.topRows(rows);
  const Targets targets = view.targets.first(rows);
  const auto passes = forward_backward(arithmetic, problem_.network, problem_.loss, view.parameters,
                                       validation, targets);
  const double loss_curvature =
      curvature(arithmetic, problem_, view.parameters, validation, targets, passes.gradients);
  const double epsilon = 2 * arithmetic.unit_roundoff();
  estimate_ = accumulated_ * epsilon + loss_curvature * view.steps * epsilon * epsilon;
}

template class PhiSeedObserver<Native<float>>;
template class PhiSeedObserver<Native<double>>;
template class PhiSeedObserver<NarrowFloat>;

}  // namespace numgeom
