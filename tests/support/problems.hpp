#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "numgeom/data/load.hpp"
#include "numgeom/train/problem.hpp"

namespace numgeom::test {

/// Synthetic tabular data and a small network on it.
inline Problem small_problem(const std::vector<std::string>& layers, int train = 40,
                             int validation = 20, int epochs = 2, int batch = 16,
                             std::uint64_t seed = 1) {
  DataOptions options;
  options.dataset = "synthetic";
  options.split = {.train = train, .validation = validation, .shuffle_seed = {}};
  options.synthetic = {.features = 6, .informative = 4, .classes = 3, .seed = seed};
  Problem problem;
  problem.data = std::make_shared<const Split>(load_problem_data(options));
  problem.network = Network::parse(layers);
  problem.training.epochs = epochs;
  problem.training.batch = batch;
  return problem;
}

}  // namespace numgeom::test
