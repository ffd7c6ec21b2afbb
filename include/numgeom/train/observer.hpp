#pragma once

#include <vector>

#include "numgeom/arithmetic/concept.hpp"
#include "numgeom/train/optimizer.hpp"
#include "numgeom/train/problem.hpp"

namespace numgeom {

/// What a forward and a backward pass leave behind, layer by layer.
template <Arithmetic A>
struct Passes {
  std::vector<typename A::Matrix> outputs;    ///< [0] the batch, [i+1] the output of layer i
  std::vector<typename A::Matrix> deltas;     ///< [i] derivative of the loss by outputs[i+1]; none
                                              ///< below the first dense operation
  std::vector<typename A::Matrix> gradients;  ///< one a parameter, without weight decay
  typename A::Scalar loss{};                  ///< mean over the batch
};

/// One step of training, seen before the parameters are updated.
template <Arithmetic A>
struct StepView {
  int step = 0;
  int steps = 0;
  double lr = 0;           ///< of this step
  const Indices& rows;     ///< of the training set
  const Targets& targets;  ///< of those rows
  const std::vector<typename A::Matrix>& parameters;
  const Passes<A>& passes;
  const OptimizerState<A>& state;
};

/// The end of training: the final parameters and the validation set that the loss is taken on.
template <Arithmetic A>
struct EndView {
  int steps = 0;
  const typename A::Matrix& validation;
  const Targets& targets;
  const std::vector<typename A::Matrix>& parameters;
  typename A::Scalar loss;
};

/// Watches training go by: error estimates, progress, logging. An exception ends the training.
template <Arithmetic A>
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  virtual void on_step(const A& /*arithmetic*/, const StepView<A>& /*view*/) {}
  virtual void on_end(const A& /*arithmetic*/, const EndView<A>& /*view*/) {}
};

}  // namespace numgeom
