#include "numgeom/shadow/step_lipschitz.hpp"

#include <algorithm>
#include <cmath>

#include "gauss_newton_part.hpp"
#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"
#include "residual_part.hpp"

namespace numgeom {
namespace {

/// max(|c|, ηλ − c), c = 1 − ηω; λ no better than it takes to see that it does not matter.
Magnitude contraction(const StepEnclosure& step, const Configuration& configuration) {
  using rounding::mul_down;
  using rounding::mul_up;
  using rounding::sub_down;
  using rounding::sub_up;
  const double eta = configuration.lr;
  const double c_lower = sub_down(1.0, mul_up(eta, configuration.weight_decay));
  const double c_upper = sub_up(1.0, mul_down(eta, configuration.weight_decay));
  const double size = std::max(std::fabs(c_lower), std::fabs(c_upper));
  const auto with = [&](const Magnitude& lambda) {
    const double reach = sub_up(mul_up(eta, lambda.to_double_up()), c_lower);
    return std::isfinite(reach) ? std::max(size, reach) : rounding::kInfinity;
  };
  GaussNewtonPart part(step);
  double best = rounding::kInfinity;
  for (const GaussNewtonStage stage : kGaussNewtonStages) {
    best = std::min(best, with(part.bound(stage)));
    if (best <= size) break;
  }
  return Magnitude(best);
}

}  // namespace

bool has_step_lipschitz(const Problem& problem, const Configuration& configuration) {
  if (problem.training.optimizer != Optimizer::kSgd || !(problem.loss == Loss{})) return false;
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

Magnitude step_lipschitz(const StepEnclosure& step, const Configuration& configuration) {
  return contraction(step, configuration) + Magnitude(configuration.lr) * residual_part_norm(step);
}

}  // namespace numgeom
