#include "numgeom/train/inputs.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "support/problems.hpp"

using numgeom::draw_inputs;
using numgeom::test::small_problem;

namespace {

double mean_square(const numgeom::ExactMatrix& x) {
  return x.cast<double>().array().square().mean();
}

}  // namespace

TEST_CASE("every epoch visits every row once") {
  const auto problem = small_problem({"dense 3"}, 37, 10, 3, 8);
  const auto inputs = draw_inputs(problem, 5);
  REQUIRE(inputs.batches.size() == 3 * 5);
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<int> rows;
    for (int i = 0; i < 5; ++i)
      rows.insert(rows.end(), inputs.batches[epoch * 5 + i].begin(),
                  inputs.batches[epoch * 5 + i].end());
    CHECK(inputs.batches[epoch * 5 + 4].size() == 5);
    std::sort(rows.begin(), rows.end());
    REQUIRE(rows.size() == 37);
    for (int i = 0; i < 37; ++i) CHECK(rows[i] == i);
  }
}

TEST_CASE("equal seeds give equal inputs, other seeds others") {
  const auto problem = small_problem({"dense 8", "relu", "dense 3"});
  const auto a = draw_inputs(problem, 1);
  const auto b = draw_inputs(problem, 1);
  const auto c = draw_inputs(problem, 2);
  CHECK(a.parameters == b.parameters);
  CHECK(a.batches == b.batches);
  CHECK(a.parameters != c.parameters);
  CHECK(a.batches != c.batches);
}

TEST_CASE("given weights take the place of drawn ones, and of nothing else") {
  auto problem = small_problem({"dense 8", "relu", "dense 3"});
  const auto drawn = draw_inputs(problem, 1);
  numgeom::Weights weights{"w.npz", "", {}};
  const auto names = problem.network.parameter_names();
  // In another order than the network's.
  for (std::size_t i = names.size(); i-- > 0;)
    weights.arrays.emplace_back(names[i], 2 * drawn.parameters[i]);
  problem.initial_weights = std::make_shared<const numgeom::Weights>(weights);
  problem.validate();
  const auto given = draw_inputs(problem, 1);
  CHECK(given.batches == drawn.batches);
  for (std::size_t i = 0; i < names.size(); ++i)
    CHECK(given.parameters[i] == 2 * drawn.parameters[i]);
  weights.arrays.pop_back();
  problem.initial_weights = std::make_shared<const numgeom::Weights>(weights);
  CHECK_THROWS_WITH(problem.validate(), "w.npz: array 'dense1.weight' is missing");
}

TEST_CASE("a wider layer does not change the batches") {
  const auto narrow = draw_inputs(small_problem({"dense 4", "relu", "dense 3"}), 9);
  const auto wide = draw_inputs(small_problem({"dense 40", "relu", "dense 3"}), 9);
  CHECK(narrow.batches == wide.batches);
}

TEST_CASE("initial weights have the variance of their scheme and biases are zero") {
  auto problem = small_problem({"dense 4000", "relu", "dense 3"});
  const auto he = draw_inputs(problem, 3);
  CHECK(mean_square(he.parameters[0]) == Approx(2.0 / 6).epsilon(0.05));
  CHECK(he.parameters[1].isZero(0));
  problem.training.initialization = numgeom::Initialization::kGlorot;
  const auto glorot = draw_inputs(problem, 3);
  CHECK(mean_square(glorot.parameters[0]) == Approx(2.0 / 4006).epsilon(0.05));
}

TEST_CASE("the streams of a seed are fixed for good") {
  const auto inputs = draw_inputs(small_problem({"dense 3"}), 0);
  CHECK(inputs.batches[0][0] == 37);
  CHECK(inputs.batches[0][1] == 14);
  CHECK(inputs.parameters[0](0, 0) == -0x1.0febe4p-1F);
  CHECK(inputs.parameters[0](5, 2) == -0x1.2fc272p-1F);
}
