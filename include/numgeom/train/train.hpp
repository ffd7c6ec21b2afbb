#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "numgeom/arithmetic/narrow_float.hpp"
#include "numgeom/arithmetic/native.hpp"
#include "numgeom/train/inputs.hpp"
#include "numgeom/train/observer.hpp"
#include "numgeom/train/refill.hpp"

namespace numgeom {

/// What training ends with: validation loss and classification errors in the arithmetic used.
template <Arithmetic A>
struct TrainingResult {
  typename A::Scalar loss;
  ErrorCount errors;
  std::vector<typename A::Matrix> parameters;
};

namespace detail {

/// Dropout: entries that are kept, divided by the probability of keeping one. Nothing changes
/// without a mask.
template <Arithmetic A>
typename A::Matrix drop(const A& arithmetic, const typename A::Matrix& x, double rate,
                        const Mask* mask) {
  if (mask == nullptr || rate == 0) return x;
  return arithmetic.scale(1 / (1 - Constant(rate)), arithmetic.hide(x, *mask));
}

/// The masks of a step, in the order of the dropout layers.
class MaskReader {
 public:
  explicit MaskReader(const std::vector<Mask>* masks) : masks_(masks) {}
  const Mask* next() { return masks_ == nullptr ? nullptr : &(*masks_)[next_++]; }

 private:
  const std::vector<Mask>* masks_;
  std::size_t next_ = 0;
};

/// Puts `count` rows behind the first `first` of `rows`, and zeros into the others.
inline Gather rows_among(Eigen::Index first, Eigen::Index count, Eigen::Index rows,
                         Eigen::Index cols) {
  Gather places{count, cols, rows, cols, {std::vector<int>(rows * cols, -1)}};
  for (Eigen::Index k = 0; k < count * cols; ++k)
    places.sources[0][static_cast<std::size_t>(first * cols + k)] = static_cast<int>(k);
  return places;
}

template <Arithmetic A>
typename A::Matrix activate(const A& arithmetic, const Layer& layer,
                            const std::vector<typename A::Matrix>& outputs,
                            const typename A::Matrix& input) {
  switch (layer.kind) {
    case Layer::Kind::kGather:
      return arithmetic.gather(input, layer.places->forward);
    case Layer::Kind::kDivide:
      return arithmetic.scale(1 / Constant(layer.divisor), input);
    case Layer::Kind::kLargest:
      return arithmetic.largest(input, layer.width);
    case Layer::Kind::kAdd:
      return arithmetic.add(input, outputs[layer.source]);
    default:
      return arithmetic.activate(layer.activation, input);
  }
}

template <Arithmetic A>
typename A::Matrix propagate_back(const A& arithmetic, const Layer& layer,
                                  const typename A::Matrix& input,
                                  const typename A::Matrix& delta) {
  switch (layer.kind) {
    case Layer::Kind::kGather:
      return arithmetic.gather(delta, layer.places->backward);
    case Layer::Kind::kDivide:
      return arithmetic.scale(1 / Constant(layer.divisor), delta);
    case Layer::Kind::kLargest:
      return arithmetic.largest_gradient(input, delta, layer.width);
    case Layer::Kind::kAdd:
      return delta;
    default:
      return arithmetic.activate_gradient(layer.activation, input, delta);
  }
}

}  // namespace detail

/// Outputs of all operations, [0] the batch, the last the outputs of the network; matrices that are
/// there are filled again. With `masks` (one a dropout layer) as in training, without as in
/// evaluation.
template <Arithmetic A>
void forward(const A& arithmetic, const Network& network,
             const std::vector<typename A::Matrix>& parameters,
             std::vector<typename A::Matrix>& outputs, const std::vector<Mask>* masks = nullptr) {
  outputs.resize(network.layers.size() + 1);
  std::size_t next = 0;
  detail::MaskReader mask(masks);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const auto& input = outputs[i];
    auto& output = outputs[i + 1];
    switch (layer.kind) {
      case Layer::Kind::kDense:
        refill::dense(arithmetic, input, parameters[next], parameters[next + 1], output);
        next += 2;
        break;
      case Layer::Kind::kRelu:
        refill::relu(arithmetic, input, output);
        break;
      case Layer::Kind::kTanh:
        refill::tanh(arithmetic, input, output);
        break;
      case Layer::Kind::kDropout:
        output = detail::drop(arithmetic, input, layer.rate, mask.next());
        break;
      default:
        output = detail::activate(arithmetic, layer, outputs, input);
    }
  }
}

/// The same for one batch.
template <Arithmetic A>
std::vector<typename A::Matrix> forward(const A& arithmetic, const Network& network,
                                        const std::vector<typename A::Matrix>& parameters,
                                        const typename A::Matrix& batch) {
  std::vector<typename A::Matrix> outputs{batch};
  forward(arithmetic, network, parameters, outputs);
  return outputs;
}

/// Outputs of the network for all rows of `features`.
///
/// Where layers are moved about in memory (convolutions, pools), `part` rows at a time: their
/// intermediate matrices are many times as large as the images. `see` gets the outputs of all
/// operations, part by part.
template <Arithmetic A, class See>
typename A::Matrix outputs_of(const A& arithmetic, const Network& network,
                              const std::vector<typename A::Matrix>& parameters,
                              const ExactMatrix& features, Eigen::Index part, const See& see) {
  const bool in_parts =
      std::any_of(network.layers.begin(), network.layers.end(),
                  [](const Layer& layer) { return layer.kind == Layer::Kind::kGather; });
  const Eigen::Index rows = features.rows();
  if (!in_parts || rows <= part) {
    auto outputs = forward(arithmetic, network, parameters, arithmetic.embed(features));
    see(outputs);
    return std::move(outputs.back());
  }
  auto all = arithmetic.embed(ExactMatrix::Zero(rows, network.outputs()));
  for (Eigen::Index first = 0; first < rows; first += part) {
    const Eigen::Index count = std::min(part, rows - first);
    const ExactMatrix some = features.middleRows(first, count);
    const auto outputs = forward(arithmetic, network, parameters, arithmetic.embed(some));
    see(outputs);
    const Gather places = detail::rows_among(first, count, rows, network.outputs());
    all = arithmetic.add(arithmetic.gather(outputs.back(), places), all);
  }
  return all;
}

/// The same, seen by nobody.
template <Arithmetic A>
typename A::Matrix outputs_of(const A& arithmetic, const Network& network,
                              const std::vector<typename A::Matrix>& parameters,
                              const ExactMatrix& features, Eigen::Index part) {
  return outputs_of(arithmetic, network, parameters, features, part, [](const auto&) {});
}

/// The loss of outputs; `gradient` gets its derivatives.
template <Arithmetic A>
typename A::Scalar evaluate(const A& arithmetic, const Loss& loss,
                            const typename A::Matrix& outputs, const Targets& targets,
                            typename A::Matrix& gradient) {
  if (loss.kind == Loss::Kind::kCrossEntropy && loss.label_smoothing == 0)
    return refill::softmax_cross_entropy(arithmetic, outputs, targets.labels, gradient);
  auto result =
      loss.kind == Loss::Kind::kCrossEntropy
          ? arithmetic.softmax_cross_entropy(outputs, targets.labels, loss.label_smoothing)
          : arithmetic.entry_loss(loss.of_entries(), outputs, targets.values);
  gradient = std::move(result.gradient);
  return std::move(result.loss);
}

/// Rows that are classified wrongly; none where there are no classes.
template <Arithmetic A>
ErrorCount count_errors(const A& arithmetic, const Loss& loss, const typename A::Matrix& outputs,
                        const Targets& targets) {
  if (loss.kind == Loss::Kind::kCrossEntropy)
    return arithmetic.count_errors(outputs, targets.labels);
  if (loss.kind == Loss::Kind::kBinaryCrossEntropy)
    return arithmetic.count_sign_errors(outputs, targets.labels);
  return {};
}

/// Mean loss on the batch passes.outputs[0] and its gradient by every parameter (backpropagation);
/// the matrices of `passes` are filled again.
template <Arithmetic A>
void forward_backward(const A& arithmetic, const Network& network, const Loss& loss,
                      const std::vector<typename A::Matrix>& parameters, const Targets& targets,
                      const std::vector<Mask>* masks, Passes<A>& passes) {
  forward(arithmetic, network, parameters, passes.outputs, masks);
  passes.deltas.resize(network.layers.size());
  passes.gradients.resize(parameters.size());
  passes.loss = evaluate(arithmetic, loss, passes.outputs.back(), targets, passes.deltas.back());
  std::size_t next = parameters.size();
  std::size_t next_mask = masks == nullptr ? 0 : masks->size();
  std::vector<std::size_t> sums;  // residual sums that were passed
  // Below the first parameters nobody asks for derivatives.
  const auto is_dense = [](const Layer& layer) { return layer.kind == Layer::Kind::kDense; };
  const auto first = static_cast<std::size_t>(
      std::find_if(network.layers.begin(), network.layers.end(), is_dense) -
      network.layers.begin());
  for (std::size_t i = network.layers.size(); i-- > first;) {
    const Layer& layer = network.layers[i];
    const auto& input = passes.outputs[i];
    const auto& delta = passes.deltas[i];
    const bool is_first = i == first;
    switch (layer.kind) {
      case Layer::Kind::kDense:
        next -= 2;
        refill::product_tn(arithmetic, input, delta, passes.gradients[next]);
        refill::column_sums(arithmetic, delta, passes.gradients[next + 1]);
        if (!is_first)
          refill::product_nt(arithmetic, delta, parameters[next], passes.deltas[i - 1]);
        break;
      case Layer::Kind::kRelu:
        if (!is_first) refill::relu_gradient(arithmetic, input, delta, passes.deltas[i - 1]);
        break;
      case Layer::Kind::kTanh:
        if (!is_first)
          refill::tanh_gradient(arithmetic, passes.outputs[i + 1], delta, passes.deltas[i - 1]);
        break;
      case Layer::Kind::kDropout: {
        const Mask* mask = masks == nullptr ? nullptr : &(*masks)[--next_mask];
        if (!is_first) passes.deltas[i - 1] = detail::drop(arithmetic, delta, layer.rate, mask);
        break;
      }
      default:
        if (layer.kind == Layer::Kind::kAdd) sums.push_back(i);
        if (!is_first)
          passes.deltas[i - 1] = detail::propagate_back(arithmetic, layer, input, delta);
    }
    if (is_first) break;
    for (const std::size_t sum : sums)
      if (network.layers[sum].source == i)
        passes.deltas[i - 1] = arithmetic.add(passes.deltas[i - 1], passes.deltas[sum]);
  }
  for (auto& delta : passes.deltas) refill::unscale(arithmetic, delta);
  for (auto& gradient : passes.gradients) refill::unscale(arithmetic, gradient);
}

/// The same for one batch, without dropout.
template <Arithmetic A>
Passes<A> forward_backward(const A& arithmetic, const Network& network, const Loss& loss,
                           const std::vector<typename A::Matrix>& parameters,
                           const typename A::Matrix& batch, const Targets& targets) {
  Passes<A> passes;
  passes.outputs.push_back(batch);
  forward_backward(arithmetic, network, loss, parameters, targets, nullptr, passes);
  return passes;
}

/// The same for cross-entropy.
template <Arithmetic A>
Passes<A> forward_backward(const A& arithmetic, const Network& network,
                           const std::vector<typename A::Matrix>& parameters,
                           const typename A::Matrix& batch, const Indices& labels) {
  return forward_backward(arithmetic, network, Loss{}, parameters, batch, Targets{labels, {}});
}

/// Of the named rows.
inline Indices labels_of(const Indices& labels, const Indices& rows) {
  Indices result;
  result.reserve(rows.size());
  for (const int row : rows) result.push_back(labels[row]);
  return result;
}

/// The exact initial weights in an arithmetic.
template <Arithmetic A>
std::vector<typename A::Matrix> embed_parameters(const A& arithmetic, const TrialInputs& inputs) {
  std::vector<typename A::Matrix> parameters;
  for (const ExactMatrix& parameter : inputs.parameters)
    parameters.push_back(arithmetic.embed(parameter));
  return parameters;
}

/// An optimiser's memory before the first step.
template <Arithmetic A>
OptimizerState<A> initial_state(const A& arithmetic, Optimizer optimizer,
                                const TrialInputs& inputs) {
  OptimizerState<A> state;
  if (optimizer == Optimizer::kSgd) return state;
  for (const ExactMatrix& parameter : inputs.parameters) {
    const ExactMatrix zero = ExactMatrix::Zero(parameter.rows(), parameter.cols());
    state.first.push_back(arithmetic.embed(zero));
    state.second.push_back(arithmetic.embed(zero));
  }
  return state;
}

/// Trains and evaluates: the one algorithm that runs in every arithmetic.
///
/// Inclusion: in an enclosing arithmetic the result encloses that of the exact run, for the exact
/// `inputs`, data and configuration; a count of errors is enclosed likewise.
/// Shapes: as in `Network`. Precision: that of the arithmetic. Throws: what the observer throws.
template <Arithmetic A>
TrainingResult<A> train(const A& arithmetic, const Problem& problem, const TrialInputs& inputs,
                        const Configuration& configuration, TrainingObserver<A>& observer) {
  const auto features = arithmetic.embed(problem.data->train.features);
  auto parameters = embed_parameters(arithmetic, inputs);
  const int steps = static_cast<int>(inputs.batches.size());
  const Optimizer optimizer = problem.training.optimizer;
  const std::vector<double> rates =
      problem.training.schedule.rates(configuration.lr, steps, problem.steps_per_epoch());
  auto state = initial_state(arithmetic, optimizer, inputs);
  Passes<A> passes;
  passes.outputs.resize(1);
  for (int step = 0; step < steps; ++step) {
    const Indices& rows = inputs.batches[step];
    const Targets targets = Targets::of(problem.data->train, problem.loss, rows);
    refill::gather_rows(arithmetic, features, rows, passes.outputs.front());
    forward_backward(arithmetic, problem.network, problem.loss, parameters, targets,
                     inputs.masks.empty() ? nullptr : &inputs.masks[step], passes);
    // A copy: what observers compute must not move on the random numbers of stochastic rounding.
    observer.on_step(A(arithmetic), StepView<A>{step, steps, rates[step], rows, targets, parameters,
                                                passes, state});
    update(arithmetic, optimizer, configuration, rates[step], passes.gradients, state, parameters);
  }

  const auto validation = arithmetic.embed(problem.data->validation.features);
  const Targets targets = Targets::of(problem.data->validation, problem.loss);
  const auto outputs = outputs_of(arithmetic, problem.network, parameters,
                                  problem.data->validation.features, problem.training.batch);
  typename A::Matrix gradient;
  auto loss = evaluate(arithmetic, problem.loss, outputs, targets, gradient);
  const ErrorCount errors = count_errors(arithmetic, problem.loss, outputs, targets);
  observer.on_end(arithmetic, EndView<A>{steps, validation, targets, parameters, loss});
  return {std::move(loss), errors, std::move(parameters)};
}

/// The same without an observer.
template <Arithmetic A>
TrainingResult<A> train(const A& arithmetic, const Problem& problem, const TrialInputs& inputs,
                        const Configuration& configuration) {
  TrainingObserver<A> nobody;
  return train(arithmetic, problem, inputs, configuration, nobody);
}

// The native instances are compiled once, in src/train/train.cpp.
#define NUMGEOM_TRAINING(LINKAGE, A, T)                                                  \
  LINKAGE template void forward(const A&, const Network&, const std::vector<Matrix<T>>&, \
                                std::vector<Matrix<T>>&, const std::vector<Mask>*);      \
  LINKAGE template void forward_backward(const A&, const Network&, const Loss&,          \
                                         const std::vector<Matrix<T>>&, const Targets&,  \
                                         const std::vector<Mask>*, Passes<A>&);          \
  LINKAGE template TrainingResult<A> train(const A&, const Problem&, const TrialInputs&, \
                                           const Configuration&, TrainingObserver<A>&)
NUMGEOM_TRAINING(extern, Native<float>, float);
NUMGEOM_TRAINING(extern, Native<double>, double);
NUMGEOM_TRAINING(extern, NarrowFloat, float);

}  // namespace numgeom
