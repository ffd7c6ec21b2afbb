#pragma once

#include <atomic>
#include <optional>

#include "ball.hpp"
#include "certificate.hpp"

namespace verify {

/// An array from an NPY file; every element as a double, row by row.
struct Array {
  long rows = 0;
  long columns = 1;
  std::vector<double> values;

  [[nodiscard]] double at(long i, long j = 0) const {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
};

/// From the bytes of an NPY file of the type "<f4", "<f8", "<i8" or "|u1". Throws `Refusal`.
Array parse_npy(const std::string& bytes, const std::string& type);

/// One layer of a network.
struct Layer {
  std::string kind;  ///< dense, relu, leaky_relu, tanh, sigmoid or dropout
  long inputs = 0;
  long outputs = 0;
  double number = 0;  ///< slope of a leaky ReLU, rate of dropout
};

/// A trial's inputs as exact numbers, checked to fit each other.
struct Experiment {
  std::vector<Layer> layers;
  Array train_x, train_y, validation_x, validation_y;
  Array rates;                             ///< one a step
  std::vector<std::vector<long>> batches;  ///< rows of the training set, one entry a step
  std::vector<Array> parameters;           ///< weights before biases
  std::vector<Array> masks;  ///< one a dropout layer: bits, all steps one below the other
};

/// Inputs are files in the directory, named by the SHA-256 of their bytes. Throws `Refusal` where
/// some are missing, have another hash or do not fit; `Unsupported` for what this program has no
/// code for.
Experiment read_experiment(const Certificate& certificate, const Trial& trial,
                           const std::string& directory);

/// The bytes of a regular file. Throws `std::runtime_error` with the reason, without the path.
std::string read_file(const std::string& path);

/// What one run at some precision gave.
struct Run {
  std::optional<Ball> loss;  ///< encloses the exact loss; none where the run was given up
  long steps = 0;            ///< that were done
};

/// Trains in balls of `bits` bits, every operation enclosed, and evaluates. Given up once a bias is
/// so uncertain that no useful loss can follow. `tick` is called after every step.
Run train(const Certificate& certificate, const Trial& trial, const Experiment& experiment,
          long bits, const std::atomic<bool>& stop);

/// Whether every member of the ball lies in the enclosure (true), none does (false), or neither is
/// shown.
std::optional<bool> is_inside(const Ball& loss, const Enclosure& enclosure);

}  // namespace verify
