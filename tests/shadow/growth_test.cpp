#include "numgeom/shadow/growth.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/shadow/predict.hpp"
#include "numgeom/shadow/shadow_run.hpp"
#include "numgeom/train/train.hpp"
#include "support/problems.hpp"

using namespace numgeom;
using numgeom::test::small_problem;

TEST_CASE("predicted growth agrees with the width that balls reach") {
  const auto layers = GENERATE(std::vector<std::string>{"dense 6", "relu", "dense 3"},
                               std::vector<std::string>{"dense 6", "tanh", "dense 3"});
  const Problem problem = small_problem(layers, 60, 20, 4);
  const double lr = GENERATE(0.001, 0.05, 0.4);
  const Trial trial{&problem, {lr, 1e-3}, 0};
  const auto inputs = draw_inputs(problem, 0);
  const GrowthArithmetic arithmetic;
  const auto loss = train(arithmetic, problem, inputs, trial.configuration).loss;
  const Rung rung = Rung::for_bits(512);
  const ShadowRun run = run_shadow(trial, inputs, rung);
  BigFloat width;
  mpfr_sub(width.get(), run.loss.upper.get(), run.loss.lower.get(), MPFR_RNDU);
  const double reached = Magnitude::upper(width).log2() + rung.bits;
  const double predicted = loss.growth.log2() + 1;
  CHECK(std::abs(reached - predicted) < 5);
  CHECK(run.loss.contains(BigFloat::exact(loss.value)) == false);  // a double, not the exact loss
  CHECK(loss.value == Approx(run.loss.midpoint()).epsilon(1e-9));
}

TEST_CASE("the ladder meets the goal at its first rung when training is regular") {
  const Problem problem = small_problem({"dense 6", "relu", "dense 3"}, 60, 20, 4);
  for (const double lr : {0.003, 0.03, 0.3}) {
    const Trial trial{&problem, {lr, 0}, 1};
    const auto inputs = draw_inputs(problem, 1);
    const int bits = predict_direct(trial, inputs).bits(1e-30);
    const ShadowRun run = run_shadow(trial, inputs, Rung::for_bits(bits));
    CHECK(run.loss.width() <= 1e-30);
  }
}
