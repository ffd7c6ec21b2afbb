#pragma once

#include <memory>
#include <string>

#include "numgeom/arithmetic/activation.hpp"
#include "numgeom/data/dataset.hpp"
#include "numgeom/train/network.hpp"
#include "numgeom/train/optimizer.hpp"
#include "numgeom/train/weights.hpp"

namespace numgeom {

/// How the initial weights are drawn; biases start at zero. A convolution's inputs are those of a
/// window.
enum class Initialization {
  kHe,     ///< normal, variance 2/inputs
  kGlorot  ///< normal, variance 2/(inputs + units)
};

/// "he" and "glorot".
[[nodiscard]] std::string to_string(Initialization initialization);
/// Throws `Error` for any other name.
[[nodiscard]] Initialization parse_initialization(const std::string& name);

/// Everything about training that is no real-valued hyperparameter.
struct TrainingOptions {
  int epochs = 10;
  int batch = 32;
  Initialization initialization = Initialization::kHe;
  Optimizer optimizer = Optimizer::kSgd;
  Schedule schedule = {};

  /// Throws `Error` naming the option and its value when one is out of range.
  void validate() const;
  friend bool operator==(const TrainingOptions&, const TrainingOptions&) = default;
};

/// What training makes small, a mean over the batch; the same is reported on the validation set.
///
///     cross_entropy         log Σ_k exp o_k − Σ_k q_k o_k, q = (1−ε)·onehot(label) + ε/classes
///     binary_cross_entropy  log(1 + e^o) − label·o, for two classes and one output
///     squared_error         (o − t)², a mean over all outputs and rows, for real targets
///     huber                 ½e² for e = |o − t| ≤ δ, else δ(e − ½δ), likewise
struct Loss {
  enum class Kind { kCrossEntropy, kBinaryCrossEntropy, kSquaredError, kHuber };
  Kind kind = Kind::kCrossEntropy;
  double label_smoothing = 0;  ///< ε of cross-entropy, 0 ≤ ε < 1
  double huber_delta = 1;      ///< δ > 0

  [[nodiscard]] bool needs_targets() const {
    return kind == Kind::kSquaredError || kind == Kind::kHuber;
  }
  /// Throws `Error` naming the option and its value when one is out of range.
  void validate() const;
  /// The loss of one entry, where it is a mean over entries.
  [[nodiscard]] EntryLoss of_entries() const;
  friend bool operator==(const Loss&, const Loss&) = default;
};

[[nodiscard]] std::string to_string(Loss::Kind kind);
/// Throws `Error` listing the names above.
[[nodiscard]] Loss::Kind parse_loss(const std::string& name);

/// What some rows are compared with.
struct Targets {
  Indices labels;
  ExactMatrix values;  ///< for losses that are means over entries: one row a sample

  /// Of the named rows, or of all.
  static Targets of(const Dataset& data, const Loss& loss, const Indices& rows);
  static Targets of(const Dataset& data, const Loss& loss);
  /// Those of the first rows.
  [[nodiscard]] Targets first(Eigen::Index rows) const;
};

/// Data split, network, loss and training procedure: everything that is not tuned.
struct Problem {
  std::shared_ptr<const Split> data;  ///< shared: problems of one study differ in the rest
  Network network;
  TrainingOptions training = {};
  Loss loss = {};
  std::shared_ptr<const Weights> initial_weights =
      {};  ///< drawn from the seed where there are none

  /// Throws `Error` when there are no data, the options are out of range, or the network does not
  /// fit the data or the initial weights (both shapes are named).
  void validate() const;
  [[nodiscard]] int steps_per_epoch() const {
    return (data->train.samples() + training.batch - 1) / training.batch;
  }
};

}  // namespace numgeom
