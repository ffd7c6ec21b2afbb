#include "numgeom/train/train.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/arithmetic/native.hpp"
#include "numgeom/train/native_run.hpp"
#include "support/problems.hpp"

using namespace numgeom;
using numgeom::test::small_problem;

namespace {

using Double = Native<double>;

double loss_at(const Problem& problem, const std::vector<Matrix<double>>& parameters) {
  const Double arithmetic;
  const auto batch = arithmetic.embed(problem.data->train.features);
  const auto logits = forward(arithmetic, problem.network, parameters, batch).back();
  return arithmetic.softmax_cross_entropy(logits, problem.data->train.labels).loss;
}

std::vector<Matrix<double>> initial(const Problem& problem) {
  std::vector<Matrix<double>> parameters;
  for (const auto& one : draw_inputs(problem, 4).parameters)
    parameters.push_back(one.cast<double>());
  return parameters;
}

}  // namespace

TEST_CASE("gradients agree with finite differences for every layer") {
  const auto layers = GENERATE(
      std::vector<std::string>{"dense 3"}, std::vector<std::string>{"dense 5", "relu", "dense 3"},
      std::vector<std::string>{"dense 5", "tanh", "dense 3"},
      std::vector<std::string>{"relu", "dense 4", "tanh", "dense 4", "relu", "dense 3"});
  const Problem problem = small_problem(layers);
  const Double arithmetic;
  auto parameters = initial(problem);
  const auto passes =
      forward_backward(arithmetic, problem.network, parameters,
                       arithmetic.embed(problem.data->train.features), problem.data->train.labels);
  constexpr double kStep = 1e-6;
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    for (Eigen::Index i = 0; i < parameters[k].size(); i += 3) {
      double& weight = parameters[k].data()[i];
      const double saved = weight;
      weight = saved + kStep;
      const double ahead = loss_at(problem, parameters);
      weight = saved - kStep;
      const double behind = loss_at(problem, parameters);
      weight = saved;
      CHECK(passes.gradients[k].data()[i] == Approx((ahead - behind) / (2 * kStep)).margin(1e-8));
    }
  }
}

TEST_CASE("gradients agree with finite differences through images, sums and dropout") {
  Problem problem =
      small_problem({"conv 2x2x3 padding 1", "sigmoid", "max_pool 2 stride 1", "conv 1x1x3",
                     "leaky_relu 0.1", "residual 2", "dropout 0.4", "average_pool 2 stride 1",
                     "gelu", "residual 1", "dense 4", "softplus", "dropout 0.5", "dense 3"},
                    40, 20, 1, 40);
  problem.network = problem.network.for_input(6, {2, 3, 1});
  const auto inputs = draw_inputs(problem, 4);
  const Double arithmetic;
  std::vector<Matrix<double>> parameters;
  for (const auto& one : inputs.parameters) parameters.push_back(one.cast<double>());
  const Targets targets = Targets::of(problem.data->train, problem.loss);
  const std::vector<Mask>& masks = inputs.masks.at(0);
  const auto passes_of = [&] {
    Passes<Double> passes;
    passes.outputs = {arithmetic.embed(problem.data->train.features)};
    forward_backward(arithmetic, problem.network, problem.loss, parameters, targets, &masks,
                     passes);
    return passes;
  };
  // Dropout keeps the mean: 0.5 leaves twice what it lets through.
  const auto outputs = passes_of().outputs;
  const auto& before = outputs[outputs.size() - 3];
  for (Eigen::Index i = 0; i < before.size(); ++i)
    CHECK(outputs[outputs.size() - 2].data()[i] ==
          (masks.back().data()[i] != 0 ? 2 * before.data()[i] : 0));

  const auto gradients = passes_of().gradients;
  constexpr double kStep = 1e-6;
  for (std::size_t k = 0; k < parameters.size(); ++k)
    for (Eigen::Index i = 0; i < parameters[k].size(); ++i) {
      double& weight = parameters[k].data()[i];
      const double saved = weight;
      weight = saved + kStep;
      const double ahead = passes_of().loss;
      weight = saved - kStep;
      const double behind = passes_of().loss;
      weight = saved;
      CHECK(gradients[k].data()[i] == Approx((ahead - behind) / (2 * kStep)).margin(1e-8));
    }
}

TEST_CASE("a step of descent follows its formula") {
  const Double arithmetic;
  std::vector<Matrix<double>> w{Matrix<double>::Constant(2, 2, 3.0)};
  const std::vector<Matrix<double>> g{Matrix<double>::Constant(2, 2, 0.5)};
  descend(arithmetic, {0.25, 0.125}, g, w);
  CHECK(w[0](0, 0) == 3.0 - 0.25 * (0.5 + 0.125 * 3.0));
}

TEST_CASE("training learns") {
  const Problem problem = small_problem({"dense 16", "relu", "dense 3"}, 200, 100, 20);
  const auto inputs = draw_inputs(problem, 0);
  const auto lazy = run_native({&problem, {0.0, 0.0}, 0}, inputs, Precision::kFp64);
  const auto eager = run_native({&problem, {0.1, 1e-4}, 0}, inputs, Precision::kFp64);
  CHECK(eager.loss < 0.5 * lazy.loss);
  CHECK(eager.errors.upper < lazy.errors.upper);
}

TEST_CASE("a diverged run is a result with a name") {
  const Problem problem =
      small_problem({"dense 16", "relu", "dense 16", "relu", "dense 3"}, 40, 20, 30);
  const auto run =
      run_native({&problem, {1e30, 0.0}, 0}, draw_inputs(problem, 0), Precision::kFp32);
  CHECK(run.diverged());
}

TEST_CASE("ReLU and its derivative at zero, at NaN") {
  const Double arithmetic;
  Matrix<double> z(1, 4);
  z << -1, 0, 2, std::nan("");
  const Matrix<double> d = Matrix<double>::Constant(1, 4, 5.0);
  const auto a = arithmetic.relu(z);
  CHECK(a(0, 0) == 0);
  CHECK(a(0, 1) == 0);
  CHECK(a(0, 2) == 2);
  CHECK(std::isnan(a(0, 3)));
  const auto g = arithmetic.relu_gradient(z, d);
  CHECK(g(0, 0) == 0);
  CHECK(g(0, 1) == 0);
  CHECK(g(0, 2) == 5);
}

TEST_CASE("the same trial gives the same bits again") {
  const Problem problem = small_problem({"dense 9", "relu", "dense 3"});
  const auto inputs = draw_inputs(problem, 2);
  const Trial trial{&problem, {0.05, 1e-3}, 2};
  for (const Precision& precision : all_precisions()) {
    INFO(to_string(precision));
    CHECK(run_native(trial, inputs, precision).loss == run_native(trial, inputs, precision).loss);
  }
}

TEST_CASE("the seed of the trial decides how stochastic rounding goes") {
  const Problem problem = small_problem({"dense 9", "relu", "dense 3"});
  const auto inputs = draw_inputs(problem, 2);
  const auto loss = [&](const char* name, std::uint64_t seed) {
    return run_native({&problem, {0.05, 1e-3}, seed}, inputs, parse_precision(name)).loss;
  };
  CHECK(loss("bf16-stochastic", 2) != loss("bf16-stochastic", 3));
  CHECK(loss("bf16", 2) == loss("bf16", 3));
}

TEST_CASE("gradients and deltas are unscaled where the loss is scaled") {
  const Problem problem = small_problem({"dense 9", "relu", "dense 3"});
  const NarrowFloat mixed({.format = FloatFormat::kFp16, .mixed = true});
  const Native<float> wide;
  const auto inputs = draw_inputs(problem, 2);
  const auto& batch = problem.data->train;
  const auto passes = [&](const auto& arithmetic) {
    return forward_backward(arithmetic, problem.network, embed_parameters(arithmetic, inputs),
                            arithmetic.embed(batch.features), batch.labels);
  };
  const auto scaled = passes(mixed);
  const auto plain = passes(wide);
  const auto distance = [](const Matrix<float>& a, const Matrix<float>& b) {
    return (a - b).norm() / b.norm();
  };
  for (std::size_t i = 0; i < plain.gradients.size(); ++i)
    CHECK(distance(scaled.gradients[i], plain.gradients[i]) < 0.01);
  CHECK(distance(scaled.deltas[1], plain.deltas[1]) < 0.01);
  CHECK(distance(scaled.deltas[2], plain.deltas[2]) < 0.01);
}
