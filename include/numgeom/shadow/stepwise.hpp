#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "numgeom/error.hpp"
#include "numgeom/shadow/enclosure.hpp"
#include "numgeom/shadow/step_lipschitz.hpp"

namespace numgeom {

/// One step of the stepwise way: ρ_{t+1} = Λ_t ρ_t + d_t.
struct StepBound {
  int step = 0;
  int steps = 0;
  StepCoordinates coordinates;  ///< those of ρ_{t+1}
  Magnitude lipschitz;  ///< Λ_t, with a change of coordinates; 0 where ρ_t = 0: it is not needed
  Magnitude defect;     ///< d_t
  Magnitude radius;     ///< ρ_{t+1} ≥ ‖(u, q) − (ũ, q̃)‖₂ after the step
  Magnitude distance;   ///< ≥ ‖w̃ − w*‖₂ after the step
};

/// Sees every step go by, with the points w̃ and ṽ after it (no ṽ where there is no velocity); an
/// exception ends the run.
template <class Arithmetic>
using StepObserver =
    std::function<void(const StepBound&, const std::vector<typename Arithmetic::Matrix>& weights,
                       const std::vector<typename Arithmetic::Matrix>& velocity)>;

/// What the stepwise way found.
struct StepwiseResult {
  Enclosure loss;        ///< the whole line where the run was given up
  ErrorCount errors;     ///< of the validation rows
  double bits_lost = 0;  ///< Σ log₂ max(1, Λ_t), changes of coordinates included
  std::string open;      ///< why the run was given up; empty where it was not
};

namespace detail {

/// ‖radii of all matrices‖₂.
template <class Arithmetic>
Magnitude radius_norm(const std::vector<typename Arithmetic::Matrix>& matrices) {
  Magnitude squares;
  for (const auto& matrix : matrices) {
    const Magnitude norm = frobenius_norm(matrix.radii);
    squares += norm * norm;
  }
  return sqrt_up(squares);
}

/// Replaces enclosures by their midpoints.
template <class Arithmetic>
void centre(const Arithmetic& arithmetic, std::vector<typename Arithmetic::Matrix>& matrices) {
  for (auto& matrix : matrices) matrix = arithmetic.centre(std::move(matrix));
}

/// |L(ξ) − L(w̃)| for all logits within e_i of those at w̃, row by row:
/// mean_i min(√2·e_i, ‖softmax_i − onehot_i‖·e_i + e_i²/4). Source: proofs/stepwise.md, lemma 5.
Magnitude loss_deviation(const BoundMatrix& residual_norms, const BoundMatrix& deviations);

}  // namespace detail

/// Encloses the validation loss of the exact run, the stepwise way.
///
/// Every step starts from a point: w̃_t, with momentum (w̃_t, ṽ_t). It is enclosed in the arithmetic
/// at hand; the midpoint of the result is the next point and the norm of its radii the defect
/// d_t ≥ ‖G_t(w̃_t) − w̃_{t+1}‖₂. One number is carried on: ρ_t ≥ ‖w̃_t − w*_t‖₂ with
/// ρ_{t+1} = Λ_t ρ_t + d_t, Λ_t for the ball of radius ρ_t; norms with momentum are those of the
/// `StepCoordinates` in force. So bits are paid for the growth of true errors only, not for the
/// wrapping of boxes.
///
/// Inclusion: the loss of the exact run lies in `loss`, its errors in `errors`
/// (proofs/stepwise.md, theorem 1). Throws `Error` unless `has_step_lipschitz(problem,
/// configuration)`: nothing would be proved of that training. Returns
/// the whole line and a reason where the sign of a pre-activation is open on the ball, or ρ has no
/// bound.
template <class Arithmetic>
StepwiseResult train_stepwise(const Arithmetic& arithmetic, const Problem& problem,
                              const TrialInputs& inputs, const Configuration& configuration,
                              const StepObserver<Arithmetic>& observer) {
  if (!has_step_lipschitz(problem, configuration))
    throw Error("the stepwise way does not know this training");
  const Network& network = problem.network;
  const auto features = arithmetic.embed(problem.data->train.features);
  auto parameters = embed_parameters(arithmetic, inputs);
  const int steps = static_cast<int>(inputs.batches.size());
  const std::vector<double> rates =
      problem.training.schedule.rates(configuration.lr, steps, problem.steps_per_epoch());
  const Optimizer optimizer = problem.training.optimizer;
  const auto map_at = [&](double rate) { return StepMap::of(optimizer, configuration, rate); };
  auto state = initial_state(arithmetic, optimizer, inputs);
  StepwiseResult result;
  result.errors = {0, problem.data->validation.samples()};
  Tube tube(map_at(steps > 0 ? rates.front() : configuration.lr));
  Passes<Arithmetic> passes;
  passes.outputs.resize(1);
  for (int t = 0; t < steps; ++t) {
    const Indices labels = labels_of(problem.data->train.labels, inputs.batches[t]);
    passes.outputs.front() = arithmetic.gather_rows(features, inputs.batches[t]);
    forward_backward(arithmetic, network, Loss{}, parameters, Targets{labels, {}}, nullptr, passes);
    const StepMap map = map_at(rates[t]);
    StepBound bound{t, steps, {}, {}, {}, {}, {}};
    if (!tube.radius().is_zero()) {
      const auto step = enclose_step(arithmetic, network, parameters, passes, labels, tube.reach());
      if (!step) {
        result.open = "the sign of a pre-activation is open in step " + std::to_string(t);
        return result;
      }
      const HessianRange range = hessian_range(*step, configuration.weight_decay, map, tube);
      bound.lipschitz = tube.advance(map, range);
      result.bits_lost += std::max(0.0, bound.lipschitz.log2());
    }
    update(arithmetic, optimizer, configuration, rates[t], passes.gradients, state, parameters);
    bound.defect = tube.widen(detail::radius_norm<Arithmetic>(parameters),
                              detail::radius_norm<Arithmetic>(state.first));
    detail::centre(arithmetic, parameters);
    detail::centre(arithmetic, state.first);
    bound.coordinates = tube.coordinates();
    bound.radius = tube.radius();
    bound.distance = tube.reach();
    if (!bound.distance.is_finite()) {
      result.open = "the distance to the exact run has no bound after step " + std::to_string(t);
      return result;
    }
    observer(bound, parameters, state.first);
  }

  const Indices& labels = problem.data->validation.labels;
  std::vector<Magnitude> deviation_of;
  const auto add_deviations = [&](const std::vector<typename Arithmetic::Matrix>& some) {
    const BoundMatrix rows =
        output_deviations(arithmetic, network, parameters, some, tube.reach()).back();
    for (Eigen::Index i = 0; i < rows.rows(); ++i) deviation_of.push_back(rows(i, 0));
  };
  const auto outputs =
      outputs_of(arithmetic, network, parameters, problem.data->validation.features,
                 problem.training.batch, add_deviations);
  const BoundMatrix deviations(outputs.rows(), 1, deviation_of);
  const auto top = arithmetic.softmax_cross_entropy(outputs, labels);
  const BoundMatrix residuals = row_norms(Magnitude(static_cast<double>(labels.size())) *
                                          arithmetic.magnitudes(top.gradient));
  result.loss = Enclosure(
      arithmetic.midpoints().widened(top.loss, detail::loss_deviation(residuals, deviations)));
  result.errors = arithmetic.count_errors(
      arithmetic.widened(outputs, detail::spread(deviations, outputs.cols())), labels);
  return result;
}

}  // namespace numgeom
