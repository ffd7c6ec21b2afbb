// Our own kernels, one by one (Google Benchmark: see --help for filters and JSON). The counter
// "multiply-add" is the time of one, where there are any.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <optional>
#include <string>

#include "mnist_problem.hpp"
#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/error.hpp"
#include "numgeom/shadow/step_lipschitz.hpp"
#include "products.hpp"

namespace {

using namespace numgeom;
using namespace numgeom::bench;

void count_multiply_adds(benchmark::State& state, const ProductShape& shape) {
  // Iterations over seconds, inverted: seconds a multiply–add, printed as 123p or 1.2n.
  state.counters["multiply-add"] =
      benchmark::Counter(shape.multiply_adds(), benchmark::Counter::kIsIterationInvariantRate |
                                                    benchmark::Counter::kInvert);
}

void limb_product(benchmark::State& state, const ProductShape& shape, int bits, LimbPath path) {
  const ProductOperands operands = random_operands(shape, bits);
  const LimbArithmetic arithmetic(LimbMidpoints(bits, path));
  const auto left = in_limbs(operands.left, arithmetic);
  const auto right = in_limbs(operands.right, arithmetic);
  for (auto _ : state) benchmark::DoNotOptimize(arithmetic.product(left, right));
  count_multiply_adds(state, shape);
}

IntervalArithmetic::Matrix random_intervals(Eigen::Index rows, Eigen::Index cols) {
  const Matrix<double> midpoints = Matrix<double>::Random(rows, cols);
  return {midpoints, Magnitude::power_of_two(-52) * BoundMatrix(midpoints)};
}

void interval_product(benchmark::State& state, const ProductShape& shape) {
  const IntervalArithmetic arithmetic;
  const auto left = random_intervals(shape.m, shape.k);
  const auto right = random_intervals(shape.k, shape.n);
  for (auto _ : state) benchmark::DoNotOptimize(arithmetic.product(left, right));
  count_multiply_adds(state, shape);
}

/// Balls as in training: `rows`×`cols`, all limbs in use.
LimbArithmetic::Matrix random_limbs(Eigen::Index rows, Eigen::Index cols,
                                    const LimbArithmetic& arithmetic) {
  std::mt19937_64 random(1);
  return in_limbs(random_balls(rows, cols, arithmetic.midpoints().bits(), random), arithmetic);
}

Indices ten_labels(int rows) {
  Indices labels;
  for (int i = 0; i < rows; ++i) labels.push_back(i % 10);
  return labels;
}

template <class A>
void softmax(benchmark::State& state, const A& arithmetic, const typename A::Matrix& logits) {
  const Indices labels = ten_labels(static_cast<int>(logits.rows()));
  for (auto _ : state) benchmark::DoNotOptimize(arithmetic.softmax_cross_entropy(logits, labels));
}

/// The parameter is restored each time, outside the clock.
template <class A>
void update(benchmark::State& state, const A& arithmetic, const typename A::Matrix& gradient,
            const typename A::Matrix& parameter) {
  for (auto _ : state) {
    state.PauseTiming();
    typename A::Matrix changed = parameter;
    state.ResumeTiming();
    arithmetic.descend(0.1, 1e-4, gradient, changed);
    benchmark::DoNotOptimize(changed);
  }
}

void lipschitz(benchmark::State& state, const StepEnclosure& step, double lr) {
  for (auto _ : state) benchmark::DoNotOptimize(step_lipschitz(step, {lr, 1e-4}));
}

/// The first step of 784-64-10 on MNIST, enclosed for parameters within 2^-60; nothing without
/// data.
std::optional<StepEnclosure> first_step() try {
  const Problem problem = mnist_problem();
  const TrialInputs inputs = draw_inputs(problem, 0);
  const IntervalArithmetic arithmetic;
  const auto parameters = embed_parameters(arithmetic, inputs);
  const Indices& rows = inputs.batches.front();
  const Indices labels = labels_of(problem.data->train.labels, rows);
  const auto batch = arithmetic.gather_rows(arithmetic.embed(problem.data->train.features), rows);
  const auto passes = forward_backward(arithmetic, problem.network, parameters, batch, labels);
  return enclose_step(arithmetic, problem.network, parameters, passes, labels,
                      Magnitude::power_of_two(-60));
} catch (const Error& error) {
  std::fprintf(stderr, "kernels: step_lipschitz is left out: %s\n", error.what());
  return std::nullopt;
}

void register_products() {
  for (const LimbPath path : {LimbPath::kPortable, LimbPath::kAvx2, LimbPath::kIfma}) {
    if (!is_available(path)) continue;
    for (const int bits : {128, 256, 512, 1024, 2048})
      for (const ProductShape& shape : kProductShapes)
        benchmark::RegisterBenchmark(
            ("product/" + name_of(path) + "/" + std::to_string(bits) + "/" + shape.name()).c_str(),
            limb_product, shape, bits, path)
            ->Unit(benchmark::kMicrosecond);
  }
  for (const ProductShape& shape : kProductShapes)
    if (!shape.left_is_pixels)
      benchmark::RegisterBenchmark(("product/interval/" + shape.name()).c_str(), interval_product,
                                   shape)
          ->Unit(benchmark::kMicrosecond);
}

template <class A, class Draw>
void register_elementwise(const std::string& name, const A& arithmetic, const Draw& draw) {
  benchmark::RegisterBenchmark(("softmax/" + name + "/32x10").c_str(),
                               [arithmetic, logits = draw(32, 10)](benchmark::State& state) {
                                 softmax(state, arithmetic, logits);
                               })
      ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark(
      ("descend/" + name + "/784x64").c_str(),
      [arithmetic, gradient = draw(784, 64), parameter = draw(784, 64)](benchmark::State& state) {
        update(state, arithmetic, gradient, parameter);
      })
      ->Unit(benchmark::kMicrosecond);
}

void register_all_elementwise() {
  register_elementwise("interval", IntervalArithmetic(), random_intervals);
  for (const int bits : {128, 256, 512, 1024, 2048}) {
    const LimbArithmetic arithmetic{LimbMidpoints(bits)};
    register_elementwise(
        std::to_string(bits), arithmetic,
        [&](Eigen::Index rows, Eigen::Index cols) { return random_limbs(rows, cols, arithmetic); });
  }
}

void register_lipschitz() {
  const std::optional<StepEnclosure> step = first_step();
  if (!step) return;
  for (const double lr : {0.01, 0.1, 0.5})
    benchmark::RegisterBenchmark(("step_lipschitz/784-64-10/lr=" + fmt::format("{}", lr)).c_str(),
                                 lipschitz, *step, lr)
        ->Unit(benchmark::kMicrosecond);
}

}  // namespace

int main(int argc, char** argv) {
  numgeom::keep_freed_memory();
  register_products();
  register_all_elementwise();
  register_lipschitz();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
