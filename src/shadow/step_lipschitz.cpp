#include "numgeom/shadow/step_lipschitz.hpp"

#include <algorithm>
#include <cmath>

#include "gauss_newton_part.hpp"
#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"
#include "residual_part.hpp"

namespace numgeom {

bool has_step_lipschitz(const Problem& problem, const Configuration& configuration) {
  if (!StepMap::is_known(problem.training.optimizer) || !(problem.loss == Loss{})) return false;
  if (configuration.l1 > 0 || configuration.clip_norm > 0) return false;
  return links_of(problem.network).has_value();
}

NormBall with_bias(const NormBall& x) {
  Matrix<double> result(x.rows(), x.cols() + 1);
  result << x.midpoint(), Matrix<double>::Ones(x.rows(), 1);
  return {std::move(result), x.radius()};
}

NormBall reshaped(const NormBall& x, Eigen::Index rows, Eigen::Index cols) {
  if (x.rows() == rows && x.cols() == cols) return x;
  if (x.rows() * x.cols() != rows * cols) throw Error("reshaped: as many entries expected");
  return {Eigen::Map<const Matrix<double>>(x.midpoint().data(), rows, cols), x.radius()};
}

namespace detail {

BoundMatrix gathered_row_norms(const Places& places, const BoundMatrix& rows) {
  const Gather& gather = places.forward;
  const Eigen::Index samples = gather.samples(rows.rows());
  const Matrix<double> mantissas = rows.mantissas();
  const BoundMatrix by_sample(
      Matrix<double>(Eigen::Map<const Matrix<double>>(mantissas.data(), samples, gather.in_rows)),
      rows.exponent());
  Indices sample_of;
  for (Eigen::Index row = 0; row < samples * gather.out_rows; ++row)
    sample_of.push_back(static_cast<int>(row / gather.out_rows));
  return sqrt_up(Magnitude(gather.terms()) * Magnitude(places.backward.terms())) *
         gather_rows(row_norms(by_sample), sample_of);
}

}  // namespace detail

Magnitude gauss_newton_bound(const StepEnclosure& step, GaussNewtonStage stage) {
  return GaussNewtonPart(step).bound(stage);
}

HessianRange hessian_range(const StepEnclosure& step, double weight_decay,
                           const std::function<bool(const HessianRange&)>& is_enough,
                           GaussNewtonStage last) {
  using rounding::add_up;
  using rounding::sub_down;
  const double residual = residual_part_norm(step).to_double_up();
  HessianRange range{sub_down(weight_decay, residual), rounding::kInfinity};
  GaussNewtonPart part(step);
  for (const GaussNewtonStage stage : kGaussNewtonStages) {
    const double lambda = part.bound(stage).to_double_up();
    range.upper = std::min(range.upper, add_up(add_up(weight_decay, lambda), residual));
    if (stage == last || is_enough(range)) break;
  }
  return range;
}

HessianRange hessian_range(const StepEnclosure& step, double weight_decay, const StepMap& map,
                           const Tube& tube) {
  // With momentum λ nearly always matters, but not by so much as to be worth any price.
  constexpr Eigen::Index kMostRows = 512;
  const bool is_dear = map.kind != StepMap::Kind::kPlain &&
                       step.residuals.rows() * step.residuals.cols() > kMostRows;
  return hessian_range(
      step, weight_decay, [&](const HessianRange& range) { return tube.is_enough(map, range); },
      is_dear ? GaussNewtonStage::kSamples : GaussNewtonStage::kEigenvalue);
}

Magnitude step_lipschitz(const StepEnclosure& step, const Configuration& configuration) {
  const StepMap map{StepMap::Kind::kPlain, configuration.lr, 0};
  const Tube tube(map);
  return step_lipschitz(map, tube.coordinates(),
                        hessian_range(step, configuration.weight_decay, map, tube));
}

}  // namespace numgeom
