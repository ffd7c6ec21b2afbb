#pragma once

#include <utility>
#include <vector>

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

/// Outputs of all layers, [0] the batch, the last the logits; matrices that are there are filled
/// again.
template <Arithmetic A>
void forward(const A& arithmetic, const Network& network,
             const std::vector<typename A::Matrix>& parameters,
             std::vector<typename A::Matrix>& outputs) {
  outputs.resize(network.layers.size() + 1);
  std::size_t next = 0;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto& input = outputs[i];
    auto& output = outputs[i + 1];
    switch (network.layers[i].kind) {
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

/// Mean cross-entropy on the batch passes.outputs[0] and its gradient by every parameter
/// (backpropagation); the matrices of `passes` are filled again.
template <Arithmetic A>
void forward_backward(const A& arithmetic, const Network& network,
                      const std::vector<typename A::Matrix>& parameters, const Indices& labels,
                      Passes<A>& passes) {
  forward(arithmetic, network, parameters, passes.outputs);
  passes.deltas.resize(network.layers.size());
  passes.gradients.resize(parameters.size());
  passes.loss = refill::softmax_cross_entropy(arithmetic, passes.outputs.back(), labels,
                                              passes.deltas.back());
  std::size_t next = parameters.size();
  for (std::size_t i = network.layers.size(); i-- > 0;) {
    const auto& input = passes.outputs[i];
    const auto& delta = passes.deltas[i];
    const bool is_first = i == 0;
    switch (network.layers[i].kind) {
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
    }
  }
}

/// The same for one batch.
template <Arithmetic A>
Passes<A> forward_backward(const A& arithmetic, const Network& network,
                           const std::vector<typename A::Matrix>& parameters,
                           const typename A::Matrix& batch, const Indices& labels) {
  Passes<A> passes;
  passes.outputs.push_back(batch);
  forward_backward(arithmetic, network, parameters, labels, passes);
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
  const auto features = arithmetic.embed(problem.data->train.features);
  auto parameters = embed_parameters(arithmetic, inputs);
  const int steps = static_cast<int>(inputs.batches.size());
  Passes<A> passes;
  passes.outputs.resize(1);
  for (int step = 0; step < steps; ++step) {
    const Indices& rows = inputs.batches[step];
    const Indices labels = labels_of(problem.data->train.labels, rows);
    refill::gather_rows(arithmetic, features, rows, passes.outputs.front());
    forward_backward(arithmetic, problem.network, parameters, labels, passes);
    observer.on_step(arithmetic, StepView<A>{step, steps, rows, labels, parameters, passes});
    descend(arithmetic, configuration, passes.gradients, parameters);
  }

  const auto validation = arithmetic.embed(problem.data->validation.features);
  const Indices& labels = problem.data->validation.labels;
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
extern template void forward(const Native<float>&, const Network&,
                             const std::vector<Matrix<float>>&, std::vector<Matrix<float>>&);
extern template void forward(const Native<double>&, const Network&,
                             const std::vector<Matrix<double>>&, std::vector<Matrix<double>>&);
extern template void forward_backward(const Native<float>&, const Network&,
                                      const std::vector<Matrix<float>>&, const Indices&,
                                      Passes<Native<float>>&);
extern template void forward_backward(const Native<double>&, const Network&,
                                      const std::vector<Matrix<double>>&, const Indices&,
                                      Passes<Native<double>>&);
extern template TrainingResult<Native<float>> train(const Native<float>&, const Problem&,
                                                    const TrialInputs&, const Configuration&,
                                                    TrainingObserver<Native<float>>&);
extern template TrainingResult<Native<double>> train(const Native<double>&, const Problem&,
                                                     const TrialInputs&, const Configuration&,
                                                     TrainingObserver<Native<double>>&);

}  // namespace numgeom
