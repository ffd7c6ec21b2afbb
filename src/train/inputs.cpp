#include "numgeom/train/inputs.hpp"

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <cmath>

#include "numgeom/data/shuffle.hpp"

namespace numgeom {
namespace {

using Engine = boost::random::mt19937_64;

enum class Stream : std::uint64_t { kWeights = 1, kBatches = 2, kMasks = 3 };

/// An engine of its own for every purpose: SplitMix64 of seed and stream (Steele, Lea, Flood 2014).
Engine engine_for(std::uint64_t seed, Stream stream) {
  std::uint64_t z = seed + static_cast<std::uint64_t>(stream) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return Engine(z ^ (z >> 31));
}

double standard_deviation(Initialization initialization, const DenseShape& shape) {
  const double fan =
      initialization == Initialization::kHe ? shape.inputs : shape.inputs + shape.units;
  return std::sqrt(2.0 / fan);
}

ExactMatrix draw_weights(const DenseShape& shape, double deviation, Engine& engine) {
  boost::random::normal_distribution<double> normal(0.0, deviation);
  ExactMatrix weights(shape.inputs, shape.units);
  for (float& weight : weights.reshaped<Eigen::RowMajor>())
    weight = static_cast<float>(normal(engine));
  return weights;
}

std::vector<ExactMatrix> draw_parameters(const Problem& problem, int features, Engine& engine) {
  std::vector<ExactMatrix> parameters;
  for (const DenseShape& shape : problem.network.dense_shapes(features)) {
    const double deviation = standard_deviation(problem.training.initialization, shape);
    parameters.push_back(draw_weights(shape, deviation, engine));
    parameters.push_back(ExactMatrix::Zero(1, shape.units));
  }
  return parameters;
}

std::vector<Indices> draw_batches(int rows, const TrainingOptions& training, Engine& engine) {
  std::vector<Indices> batches;
  for (int epoch = 0; epoch < training.epochs; ++epoch) {
    const Indices order = random_permutation(rows, engine);
    for (int first = 0; first < rows; first += training.batch)
      batches.emplace_back(order.begin() + first,
                           order.begin() + std::min(rows, first + training.batch));
  }
  return batches;
}

/// Kept with probability 1 − rate.
Mask draw_mask(Eigen::Index rows, Eigen::Index cols, double rate, Engine& engine) {
  boost::random::uniform_01<double> uniform;
  Mask mask(rows, cols);
  for (unsigned char& kept : mask.reshaped<Eigen::RowMajor>()) kept = uniform(engine) >= rate;
  return mask;
}

std::vector<std::vector<Mask>> draw_masks(const Network& network, int features,
                                          const std::vector<Indices>& batches, Engine& engine) {
  const std::vector<int> widths = network.dropout_widths(features);
  std::vector<double> rates;
  for (const Layer& layer : network.layers)
    if (layer.kind == Layer::Kind::kDropout) rates.push_back(layer.rate);
  if (rates.empty()) return {};
  std::vector<std::vector<Mask>> masks(batches.size());
  for (std::size_t step = 0; step < batches.size(); ++step)
    for (std::size_t i = 0; i < rates.size(); ++i)
      masks[step].push_back(
          draw_mask(static_cast<Eigen::Index>(batches[step].size()), widths[i], rates[i], engine));
  return masks;
}

}  // namespace

TrialInputs draw_inputs(const Problem& problem, std::uint64_t seed) {
  TrialInputs inputs;
  Engine weights = engine_for(seed, Stream::kWeights);
  const int features = static_cast<int>(problem.data->train.features.cols());
  inputs.parameters = problem.initial_weights
                          ? problem.initial_weights->parameters_of(problem.network, features)
                          : draw_parameters(problem, features, weights);
  Engine batches = engine_for(seed, Stream::kBatches);
  inputs.batches = draw_batches(problem.data->train.samples(), problem.training, batches);
  Engine masks = engine_for(seed, Stream::kMasks);
  inputs.masks = draw_masks(problem.network, features, inputs.batches, masks);
  return inputs;
}

}  // namespace numgeom
