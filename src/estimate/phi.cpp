#include "numgeom/estimate/phi.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

/// Steps whose update is looked at, K, where weights are narrower than fp32 and where they are not.
constexpr int kNarrowSamples = 16;
constexpr int kSamples = 6;
/// Inputs that the cosines between them are taken of.
constexpr Eigen::Index kCosineRows = 16;
/// Rows of the validation set that its gradient is taken on.
constexpr Eigen::Index kGradientRows = 128;
/// A relative rounding error has the variance u²/6, for fractions as they are spread in practice.
constexpr double kRoundingVariance = 1.0 / 6;
/// Signs may be wrong below this many standard deviations …
constexpr double kReach = 1.5;
/// … with this probability, as normal errors are: E[max(0, N(0, 1))] / kReach.
constexpr double kWrongSign = 0.27;
/// Standard errors that the sum of the defects must exceed to be more than noise.
constexpr double kSignificance = 2;
/// A drift is taken to first order; this is for the rest.
constexpr double kDrift = 2;
/// Standard deviations of what wrong signs do.
constexpr double kKinks = 2;

double square(double x) { return x * x; }

template <class T>
double squared_norm(const std::vector<Matrix<T>>& matrices) {
  double sum = 0;
  for (const Matrix<T>& matrix : matrices) sum += static_cast<double>(matrix.squaredNorm());
  return sum;
}

template <class To, class From>
std::vector<Matrix<To>> cast(const std::vector<Matrix<From>>& matrices) {
  std::vector<Matrix<To>> result;
  result.reserve(matrices.size());
  for (const Matrix<From>& matrix : matrices) result.push_back(matrix.template cast<To>());
  return result;
}

template <class T>
double inner_product(const std::vector<Matrix<T>>& a, const std::vector<Matrix<float>>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i].cwiseProduct(b[i].template cast<T>()).sum());
  return sum;
}

bool is_narrow(double weight_roundoff) { return weight_roundoff > Native<float>::unit_roundoff(); }

template <class T>
double mean_square(const Matrix<T>& x) {
  return static_cast<double>(x.squaredNorm()) / static_cast<double>(x.size());
}

/// Mean of the squared cosines between rows of x, some of them evenly spread.
template <class T>
double mean_squared_cosine(const Matrix<T>& x) {
  const Eigen::Index rows = std::min(kCosineRows, x.rows());
  if (rows < 2) return 1;
  Matrix<T> directions(rows, x.cols());
  for (Eigen::Index i = 0; i < rows; ++i)
    directions.row(i) = x.row(i * x.rows() / rows).stableNormalized();
  const Matrix<T> cosines = directions * directions.transpose();
  const double squares = static_cast<double>(cosines.squaredNorm()) -
                         static_cast<double>(cosines.diagonal().squaredNorm());
  return squares / static_cast<double>(rows * (rows - 1));
}

bool is_leaky(const Layer& layer) {
  return layer.kind == Layer::Kind::kActivation &&
         layer.activation.kind == Activation::Kind::kLeakyRelu;
}

}  // namespace

double PhiTerms::total() const {
  return std::hypot(evaluation, 3 * walk) + drift + gradients + kinks;
}

template <NativeArithmetic A>
PhiObserver<A>::PhiObserver(const Problem& problem, const Configuration& configuration)
    : problem_(problem), configuration_(configuration) {
  const ExactMatrix& features = problem.data->train.features;
  row_norms_.reserve(static_cast<std::size_t>(features.rows()));
  for (Eigen::Index i = 0; i < features.rows(); ++i)
    row_norms_.push_back(static_cast<Scalar>(features.row(i).norm()));
  find_kinks();
}

template <NativeArithmetic A>
void PhiObserver<A>::find_kinks() {
  const auto& layers = problem_.network.layers;
  std::size_t operations = 0;
  std::size_t dense = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].kind == Layer::Kind::kDense) {
      dense = i;
      ++operations;
    }
    const bool leaky = is_leaky(layers[i]);
    if (operations == 0 || !(leaky || layers[i].kind == Layer::Kind::kRelu)) continue;
    Kinks kinks{dense, i, 2 * (operations - 1), leaky ? 1 - layers[i].activation.slope : 1};
    kinks.squared_errors = Eigen::ArrayXd::Zero(layers[dense].units);
    kinks_.push_back(std::move(kinks));
  }
}

template <NativeArithmetic A>
void PhiObserver<A>::on_step(const A& arithmetic, const StepView<A>& view) {
  take_defect(view.parameters);
  const int samples = is_narrow(arithmetic.weight_roundoff()) ? kNarrowSamples : kSamples;
  if (view.step % ((view.steps + samples - 1) / samples) == 0) take_sample(view);
  double relative_error = 0;
  for (std::size_t i = 0; i < kinks_.size(); ++i)
    relative_error = count_kinks(arithmetic, view, i, relative_error);
}

template <NativeArithmetic A>
void PhiObserver<A>::take_sample(const StepView<A>& view) {
  auto gradients = cast<Wide>(view.passes.gradients);
  OptimizerState<Native<Wide>> state{cast<Wide>(view.state.first), cast<Wide>(view.state.second),
                                     view.state.updates};
  updated_ = cast<Wide>(view.parameters);
  update(Native<Wide>(), problem_.training.optimizer, configuration_, view.lr, gradients, state,
         updated_);
  double squared_move = 0;
  for (std::size_t i = 0; i < updated_.size(); ++i)
    squared_move +=
        static_cast<double>((updated_[i] - view.parameters[i].template cast<Wide>()).squaredNorm());
  squared_moves_ += squared_move;
  const double force = view.lr * std::sqrt(squared_norm(view.passes.gradients));
  gain_ = force > 0 ? std::sqrt(squared_move) / force : 1;
  for (Kinks& kinks : kinks_) {
    kinks.mean_square = mean_square(view.parameters[kinks.weights]);
    kinks.squared_cosine = mean_squared_cosine(view.passes.outputs[kinks.dense]);
  }
}

template <NativeArithmetic A>
void PhiObserver<A>::take_defect(const Matrices& parameters) {
  if (updated_.empty()) return;
  std::vector<Matrix<float>> defect;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    defect.push_back((parameters[i].template cast<Wide>() - updated_[i]).template cast<float>());
  defects_.push_back(std::move(defect));
  updated_.clear();
}

template <NativeArithmetic A>
double PhiObserver<A>::count_kinks(const A& arithmetic, const StepView<A>& view, std::size_t index,
                                   double relative_error) {
  using Row = Eigen::Array<Scalar, 1, Eigen::Dynamic>;
  const Kinks& kinks = kinks_[index];
  const typename A::Matrix& z = view.passes.outputs[kinks.activation];
  const typename A::Matrix& deltas = view.passes.deltas[kinks.activation];
  const auto terms = static_cast<double>(view.parameters[kinks.weights].rows());
  const double rounding = kRoundingVariance * (2 * square(arithmetic.unit_roundoff()) +
                                               square(Native<Scalar>::unit_roundoff()) * terms / 2 +
                                               square(arithmetic.weight_roundoff()) * view.step);
  const Eigen::ArrayXd variances =
      kinks.mean_square * (rounding + relative_error) + kinks.squared_cosine * kinks.squared_errors;
  const Eigen::Index units = variances.size();
  const Row reach = (kReach * variances.sqrt())
                        .transpose()
                        .template cast<Scalar>()
                        .replicate(1, z.cols() / units);
  for (Eigen::Index row = 0; row < z.rows(); ++row) {
    const double norm = input_norm(view, kinks, row);
    const auto factor = static_cast<Scalar>(norm);
    // any() is not vectorised.
    if (!((z.row(row).array().abs() - factor * reach).minCoeff() < 0)) continue;
    const double scale = kinks.share * gain_ * view.lr * norm;
    for (Eigen::Index k = 0; k < z.cols(); ++k)
      if (std::abs(z(row, k)) < factor * reach(k))
        add_jump(index, k % units, square(scale * static_cast<double>(deltas(row, k))));
  }
  return kinks.mean_square > 0 ? variances.mean() / kinks.mean_square : 0;
}

template <NativeArithmetic A>
void PhiObserver<A>::add_jump(std::size_t index, Eigen::Index unit, double squared_jump) {
  kinks_[index].squared_errors[unit] += kWrongSign * squared_jump;
  for (std::size_t lower = 0; lower < index; ++lower) {
    auto& errors = kinks_[lower].squared_errors;
    errors += kWrongSign * squared_jump / static_cast<double>(errors.size());
  }
}

/// Of a sample's input to a dense operation; of a convolution, the root mean square over windows.
template <NativeArithmetic A>
double PhiObserver<A>::input_norm(const StepView<A>& view, const Kinks& kinks,
                                  Eigen::Index row) const {
  if (kinks.dense == 0) return static_cast<double>(row_norms_[view.rows[row]]);
  const typename A::Matrix& inputs = view.passes.outputs[kinks.dense];
  const Eigen::Index windows = inputs.rows() / view.passes.outputs.front().rows();
  return static_cast<double>(inputs.middleRows(row * windows, windows).norm()) /
         std::sqrt(static_cast<double>(windows));
}

template <NativeArithmetic A>
void PhiObserver<A>::on_end(const A& arithmetic, const EndView<A>& view) {
  take_defect(view.parameters);
  // The arithmetic of the sums: does not round results to a narrower format.
  const Native<Scalar> fine;
  const Dataset& data = problem_.data->validation;
  const auto loss = static_cast<double>(view.loss);
  terms_.evaluation = 2 * fine.unit_roundoff() * std::abs(loss);
  if (arithmetic.unit_roundoff() > fine.unit_roundoff()) {
    typename A::Matrix unused;
    const auto outputs =
        outputs_of(fine, problem_.network, view.parameters, data.features, problem_.training.batch);
    terms_.evaluation += std::abs(
        loss - static_cast<double>(evaluate(fine, problem_.loss, outputs, view.targets, unused)));
  }

  const Eigen::Index rows = std::min(kGradientRows, view.validation.rows());
  const Matrices slopes =
      forward_backward(fine, problem_.network, problem_.loss, view.parameters,
                       fine.embed(data.features.topRows(rows)), view.targets.first(rows))
          .gradients;
  finish_rounding(arithmetic.weight_roundoff(), view, slopes);
  const double samples = std::max(1.0, static_cast<double>(defects_.size()));
  terms_.gradients = arithmetic.unit_roundoff() *
                     std::sqrt(squared_norm(slopes) * view.steps * squared_moves_ / samples) / 3;
  double squares = 0;
  for (const Kinks& kinks : kinks_) {
    const Eigen::ArrayXd steepness =
        slopes[kinks.weights].colwise().squaredNorm().transpose().template cast<double>();
    squares += kinks.squared_cosine * (steepness * kinks.squared_errors).sum();
  }
  terms_.kinks = kKinks * std::sqrt(squares);
}

/// walk and drift.
template <NativeArithmetic A>
void PhiObserver<A>::finish_rounding(double weight_roundoff, const EndView<A>& view,
                                     const Matrices& slopes) {
  const auto samples = static_cast<double>(defects_.size());
  double sum = 0;
  double squares = 0;
  for (const auto& defect : defects_) {
    const double along = inner_product(slopes, defect);
    sum += along;
    squares += square(along);
  }
  double initial = 0;
  if (is_narrow(weight_roundoff))
    for (std::size_t i = 0; i < slopes.size(); ++i)
      initial += static_cast<double>(slopes[i].cwiseProduct(view.parameters[i]).squaredNorm());
  terms_.walk = std::sqrt(view.steps * squares / std::max(1.0, samples) +
                          kRoundingVariance * square(weight_roundoff) * initial);
  if (samples < 2) return;
  const double excess = std::max(0.0, square(sum) - square(kSignificance) * squares);
  terms_.drift = kDrift * view.steps * std::sqrt(excess / (samples * (samples - 1)));
}

template class PhiObserver<Native<float>>;
template class PhiObserver<Native<double>>;
template class PhiObserver<NarrowFloat>;

}  // namespace numgeom
