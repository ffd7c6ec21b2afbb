#pragma once

#include <utility>
#include <vector>

#include "numgeom/arithmetic/native.hpp"
#include "numgeom/train/inputs.hpp"
#include "numgeom/train/observer.hpp"

namespace numgeom {

/// What training ends with: validation loss and classification errors in the arithmetic used.
template <Arithmetic A>
struct TrainingResult {
  typename A::Scalar loss;
  ErrorCount errors;
  std::vector<typename A::Matrix> parameters;
};

/// Outputs of all layers; the last are the logits.
template <Arithmetic A>
std::vector<typename A::Matrix> forward(const A& arithmetic, const Network& network,
                                        const std::vector<typename A::Matrix>& parameters,
                                        const typename A::Matrix& batch) {
  std::vector<typename A::Matrix> outputs{batch};
  std::size_t next = 0;
  for (const Layer& layer : network.layers) {
    const auto& input = outputs.back();
    switch (layer.kind) {
      case Layer::Kind::kDense:
        outputs.push_back(
            arithmetic.add_row(arithmetic.product(input, parameters[next]), parameters[next + 1]));
        next += 2;
        break;
      case Layer::Kind::kRelu:
        outputs.push_back(arithmetic.relu(input));
        break;
      case Layer::Kind::kTanh:
        outputs.push_back(arithmetic.tanh(input));
        break;
    }
  }
  return outputs;
}

/// Mean cross-entropy on a batch and its gradient by every parameter (backpropagation).
template <Arithmetic A>
Passes<A> forward_backward(const A& arithmetic, const Network& network,
                           const std::vector<typename A::Matrix>& parameters,
                           const typename A::Matrix& batch, const Indices& labels) {
  auto outputs = forward(arithmetic, network, parameters, batch);
  auto top = arithmetic.softmax_cross_entropy(outputs.back(), labels);
  Passes<A> passes{std::move(outputs), {}, {}, top.loss};
  passes.deltas.resize(network.layers.size());
  passes.gradients.resize(parameters.size());
  passes.deltas.back() = std::move(top.gradient);
  std::size_t next = parameters.size();
  for (std::size_t i = network.layers.size(); i-- > 0;) {
    const auto& input = passes.outputs[i];
    const auto& delta = passes.deltas[i];
    const bool is_first = i == 0;
    switch (network.layers[i].kind) {
      case Layer::Kind::kDense:
        next -= 2;
        passes.gradients[next] = arithmetic.product_tn(input, delta);
        passes.gradients[next + 1] = arithmetic.column_sums(delta);
        if (!is_first) passes.deltas[i - 1] = arithmetic.product_nt(delta, parameters[next]);
        break;
      case Layer::Kind::kRelu:
        if (!is_first) passes.deltas[i - 1] = arithmetic.relu_gradient(input, delta);
        break;
      case Layer::Kind::kTanh:
        if (!is_first)
          passes.deltas[i - 1] = arithmetic.tanh_gradient(passes.outputs[i + 1], delta);
        break;
    }
  }
  return passes;
}

/// One step of stochastic gradient descent with weight decay ω at learning rate η:
///
///     w ← w − η·(∇L(w) + ω·w)
template <Arithmetic A>
void descend(const A& arithmetic, const Configuration& configuration,
             const std::vector<typename A::Matrix>& gradients,
             std::vector<typename A::Matrix>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i)
    arithmetic.descend(configuration.lr, configuration.weight_decay, gradients[i], parameters[i]);
}

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

/// Trains and evaluates: the one algorithm that runs in every arithmetic.
///
/// Inclusion: in an enclosing arithmetic the result encloses that of the exact run, for the exact
/// `inputs`, data and configuration; a count of errors is enclosed likewise.
/// Shapes: as in `Network`. Precision: that of the arithmetic. Throws: what the observer throws.
template <Arithmetic A>
TrainingResult<A> train(const A& arithmetic, const Problem& problem, const TrialInputs& inputs,
                        const Configuration& configuration, TrainingObserver<A>& observer) {
  const auto features = arithmetic.embed(problem.data.train.features);
  auto parameters = embed_parameters(arithmetic, inputs);
  const int steps = static_cast<int>(inputs.batches.size());
  for (int step = 0; step < steps; ++step) {
    const Indices& rows = inputs.batches[step];
    const Indices labels = labels_of(problem.data.train.labels, rows);
    const auto passes = forward_backward(arithmetic, problem.network, parameters,
                                         arithmetic.gather_rows(features, rows), labels);
    observer.on_step(arithmetic, StepView<A>{step, steps, rows, labels, parameters, passes});
    descend(arithmetic, configuration, passes.gradients, parameters);
  }

  const auto validation = arithmetic.embed(problem.data.validation.features);
  const Indices& labels = problem.data.validation.labels;
  const auto logits = forward(arithmetic, problem.network, parameters, validation).back();
  auto loss = arithmetic.softmax_cross_entropy(logits, labels).loss;
  const ErrorCount errors = arithmetic.count_errors(logits, labels);
  observer.on_end(arithmetic, EndView<A>{steps, validation, labels, parameters, loss});
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
extern template std::vector<Matrix<float>> forward(const Native<float>&, const Network&,
                                                   const std::vector<Matrix<float>>&,
                                                   const Matrix<float>&);
extern template std::vector<Matrix<double>> forward(const Native<double>&, const Network&,
                                                    const std::vector<Matrix<double>>&,
                                                    const Matrix<double>&);
extern template Passes<Native<float>> forward_backward(const Native<float>&, const Network&,
                                                       const std::vector<Matrix<float>>&,
                                                       const Matrix<float>&, const Indices&);
extern template Passes<Native<double>> forward_backward(const Native<double>&, const Network&,
                                                        const std::vector<Matrix<double>>&,
                                                        const Matrix<double>&, const Indices&);
extern template TrainingResult<Native<float>> train(const Native<float>&, const Problem&,
                                                    const TrialInputs&, const Configuration&,
                                                    TrainingObserver<Native<float>>&);
extern template TrainingResult<Native<double>> train(const Native<double>&, const Problem&,
                                                     const TrialInputs&, const Configuration&,
                                                     TrainingObserver<Native<double>>&);

}  // namespace numgeom
