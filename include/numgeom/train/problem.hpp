#pragma once

#include <memory>

#include "numgeom/data/dataset.hpp"
#include "numgeom/train/network.hpp"

namespace numgeom {

/// How the initial weights of dense layers are drawn; biases start at zero.
enum class Initialization {
  kHe,     ///< normal, variance 2/inputs
  kGlorot  ///< normal, variance 2/(inputs + units)
};

/// Everything about training that is not tuned.
struct TrainingOptions {
  int epochs = 10;
  int batch = 32;
  Initialization initialization = Initialization::kHe;

  /// Throws `Error` naming the option and its value when one is out of range.
  void validate() const;
};

/// Data split, network and training procedure: everything that is not tuned. The loss is softmax
/// cross-entropy, the optimiser stochastic gradient descent with weight decay.
struct Problem {
  std::shared_ptr<const Split> data;  ///< shared: problems of one study differ in the rest
  Network network;
  TrainingOptions training;

  /// Throws `Error` when there are no data, the options are out of range or the network does not
  /// fit the data (both shapes are named).
  void validate() const;
};

/// θ: one value per hyperparameter, IEEE doubles taken as exact reals.
struct Configuration {
  double lr = 0.01;
  double weight_decay = 0;

  /// Throws `Error` naming the hyperparameter and its value unless both are finite and ≥ 0.
  void validate() const;
  friend bool operator==(const Configuration&, const Configuration&) = default;
};

}  // namespace numgeom
