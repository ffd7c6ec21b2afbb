#pragma once

#include <string>

#include "numgeom/data/load.hpp"
#include "numgeom/train/problem.hpp"

namespace numgeom::bench {

/// 784-64-10 on 1000 rows of MNIST, 500 for validation, batches of 32 (needs 'numgeom data fetch
/// mnist').
inline Problem mnist_problem(int epochs = 10, int width = 64) {
  DataOptions options;
  options.dataset = "mnist";
  options.split = {.train = 1000, .validation = 500, .shuffle_seed = {}};
  return {std::make_shared<const Split>(load_problem_data(options)),
          Network::parse({"dense " + std::to_string(width), "relu", "dense 10"}),
          {.epochs = epochs, .batch = 32}};
}

}  // namespace numgeom::bench
