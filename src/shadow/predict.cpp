#include "numgeom/shadow/predict.hpp"

#include <algorithm>
#include <cmath>

#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/shadow/growth.hpp"
#include "numgeom/shadow/stepwise.hpp"
#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

/// A start from which the ladder climbs.
constexpr int kUnknownBits = 256;
constexpr int kSpareBits = 8;
/// Signs, and the Hessian, are looked at every so many steps; the Hessian more rarely where it is
/// dear.
constexpr int kStride = 4;
constexpr int kStrideOfWindows = 16;
/// Rows of the validation set that stand for all of them.
constexpr Eigen::Index kRows = 64;
/// So small that the terms of second order in ρ vanish, so large that nothing underflows.
const Magnitude kTinyDistance = Magnitude::power_of_two(-100);

IntervalArithmetic::Matrix as_points(const Matrix<double>& x) {
  return {x, BoundMatrix(x.rows(), x.cols())};
}

std::vector<IntervalArithmetic::Matrix> as_points(const std::vector<Matrix<double>>& matrices) {
  std::vector<IntervalArithmetic::Matrix> result;
  for (const Matrix<double>& x : matrices) result.push_back(as_points(x));
  return result;
}

/// What a step leaves of weights and velocity.
struct Defect {
  Magnitude weights;
  Magnitude velocity;
};

/// Follows ρ_t/u along a native run.
class StepwisePredictor : public TrainingObserver<Native<double>> {
 public:
  StepwisePredictor(const Trial& trial, const Defect& defect)
      : trial_(trial), defect_(defect), tube_(map_at(trial.configuration.lr)) {}

  [[nodiscard]] Prediction prediction() const { return prediction_; }

  void on_step(const Native<double>& /*native*/, const StepView<Native<double>>& view) override {
    if (!std::isfinite(view.passes.loss)) return;  // diverged: nothing is known at the end
    if (view.step % kStride == 0) take_range(view);
    tube_.advance(map_at(view.lr), range_);
    tube_.widen(defect_.weights, defect_.velocity);
  }

  void on_end(const Native<double>& native, const EndView<Native<double>>& view) override {
    if (!std::isfinite(view.loss)) return;
    const Eigen::Index rows = std::min(kRows, view.validation.rows());
    const Indices labels = view.targets.first(rows).labels;
    const auto outputs = forward(native, trial_.problem->network, view.parameters,
                                 Matrix<double>(view.validation.topRows(rows)));
    const auto deviations =
        output_deviations(IntervalArithmetic(), trial_.problem->network, as_points(view.parameters),
                          as_points(outputs), kTinyDistance);
    const auto top = native.softmax_cross_entropy(outputs.back(), labels);
    const BoundMatrix residuals =
        row_norms(Magnitude(static_cast<double>(rows)) * BoundMatrix(top.gradient));
    const Magnitude reach = detail::loss_deviation(residuals, deviations.back());
    prediction_.bits_lost = tube_.reach().log2() + reach.log2() - kTinyDistance.log2();
    prediction_.known = std::isfinite(view.loss) && std::isfinite(prediction_.bits_lost);
  }

 private:
  [[nodiscard]] StepMap map_at(double rate) const {
    return StepMap::of(trial_.problem->training.optimizer, trial_.configuration, rate);
  }

  void take_range(const StepView<Native<double>>& view) {
    const IntervalArithmetic interval;
    const Network& network = trial_.problem->network;
    const Passes<IntervalArithmetic> passes{as_points(view.passes.outputs),
                                            as_points(view.passes.deltas),
                                            {},
                                            Interval(view.passes.loss)};
    const auto parameters = as_points(view.parameters);
    const auto step =
        enclose_step(interval, network, parameters, passes, view.targets.labels, kTinyDistance);
    if (!step) return;  // closer to zero than doubles can tell: nothing to learn from this batch
    if (view.step % (has_windows(*step) ? kStrideOfWindows : kStride) == 0)
      range_ = hessian_range(*step, trial_.configuration.weight_decay, map_at(view.lr), tube_);
    take_signs(view,
               output_deviations(interval, network, parameters, passes.outputs, kTinyDistance));
  }

  static bool has_windows(const StepEnclosure& step) { return step.positions(0) > 1; }

  /// |z| must exceed ρ times how far a pre-activation moves in the unit ball.
  void take_signs(const StepView<Native<double>>& view, const std::vector<BoundMatrix>& reach) {
    const auto& layers = trial_.problem->network.layers;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (layers[i].kind != Layer::Kind::kRelu) continue;
      const Matrix<double>& z = view.passes.outputs[i];
      for (Eigen::Index row = 0; row < z.rows(); ++row) {
        const double least = z.row(row).cwiseAbs().minCoeff();
        const Magnitude moved = tube_.reach() * reach[i](row, 0);
        if (!(least > 0) || moved.is_zero()) continue;
        prediction_.sign_bits =
            std::max(prediction_.sign_bits, moved.log2() - kTinyDistance.log2() - std::log2(least));
      }
    }
  }

  const Trial& trial_;
  Defect defect_;
  Tube tube_;
  HessianRange range_;
  Prediction prediction_{Rung::Way::kStepwise, 0, 0, false};
};

/// The defect of the first step in units of u, as interval arithmetic finds it.
Defect first_defect(const Trial& trial, const TrialInputs& inputs) {
  const IntervalArithmetic interval;
  const Problem& problem = *trial.problem;
  const Indices& rows = inputs.batches.front();
  auto parameters = embed_parameters(interval, inputs);
  const ExactMatrix batch = problem.data->train.features(rows, Eigen::all);
  auto passes = forward_backward(interval, problem.network, parameters, interval.embed(batch),
                                 labels_of(problem.data->train.labels, rows));
  const double rate = problem.training.schedule
                          .rates(trial.configuration.lr, static_cast<int>(inputs.batches.size()),
                                 problem.steps_per_epoch())
                          .front();
  const Optimizer optimizer = problem.training.optimizer;
  auto state = initial_state(interval, optimizer, inputs);
  update(interval, optimizer, trial.configuration, rate, passes.gradients, state, parameters);
  const auto in_units = [](const std::vector<IntervalArithmetic::Matrix>& matrices) {
    return detail::radius_norm<IntervalArithmetic>(matrices) * Magnitude::power_of_two(53);
  };
  return {in_units(parameters), in_units(state.first)};
}

}  // namespace

int Prediction::bits(double width) const {
  if (!known) return kUnknownBits;
  const double for_width = bits_lost + 1 - std::log2(width);
  return static_cast<int>(
      std::ceil(std::clamp(std::max(for_width, sign_bits) + kSpareBits, 0.0, 1e9)));
}

Prediction predict_direct(const Trial& trial, const TrialInputs& inputs) {
  const GrowthArithmetic arithmetic;
  const GrowthScalar loss = train(arithmetic, *trial.problem, inputs, trial.configuration).loss;
  const bool known = std::isfinite(loss.value) && loss.growth.is_finite();
  return {Rung::Way::kDirect, known ? loss.growth.log2() : 0,
          arithmetic.midpoints().decision_bits(), known};
}

namespace {

/// log₂ of the greatest growth among the parameters, before every step.
class GrowthRecord : public TrainingObserver<GrowthArithmetic> {
 public:
  void on_step(const GrowthArithmetic& /*arithmetic*/,
               const StepView<GrowthArithmetic>& view) override {
    Magnitude greatest;
    for (const auto& parameter : view.parameters) {
      const Magnitude largest = GrowthMidpoints::growth(parameter.radii.largest());
      if (greatest < largest) greatest = largest;
    }
    bits.push_back(greatest.log2());
  }
  std::vector<double> bits;
};

}  // namespace

Prediction predict_direct_early(const Trial& trial, const TrialInputs& inputs) {
  constexpr std::size_t kLeastSteps = 32;
  const std::size_t steps = inputs.batches.size();
  const std::size_t early = std::max(kLeastSteps, steps / 8);
  if (steps <= 2 * early) return predict_direct(trial, inputs);
  const TrialInputs first{
      inputs.parameters,
      {inputs.batches.begin(), inputs.batches.begin() + static_cast<std::ptrdiff_t>(early)},
      inputs.masks};
  GrowthRecord record;
  const GrowthArithmetic arithmetic;
  const GrowthScalar loss =
      train(arithmetic, *trial.problem, first, trial.configuration, record).loss;
  const std::size_t middle = early / 2;
  const double rate =
      (record.bits.back() - record.bits[middle]) / static_cast<double>(early - 1 - middle);
  const double ahead = rate * static_cast<double>(steps - early);
  const bool known = std::isfinite(loss.value) && loss.growth.is_finite() && std::isfinite(ahead);
  return {Rung::Way::kDirect, known ? loss.growth.log2() + ahead : 0,
          arithmetic.midpoints().decision_bits() + (known ? ahead : 0), known};
}

Prediction predict_stepwise(const Trial& trial, const TrialInputs& inputs) {
  StepwisePredictor predictor(trial, first_defect(trial, inputs));
  train(Native<double>(), *trial.problem, inputs, trial.configuration, predictor);
  return predictor.prediction();
}

}  // namespace numgeom
