// What every way of enclosing a training run costs, beside native fp64 training of the same trial:
// 784-64-10 on MNIST, in one process.
//
// usage: rungs [LR] [EPOCHS] [way/bits ...]     for example: rungs 0.01 10 stepwise/53 direct/256
//        (needs 'numgeom data fetch mnist')

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "mnist_problem.hpp"
#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"
#include "numgeom/shadow/shadow_run.hpp"
#include "numgeom/train/train.hpp"
#include "timing.hpp"

namespace {

using namespace numgeom;

Rung parse_rung(const std::string& text) {
  const auto slash = text.find('/');
  const bool stepwise = text.substr(0, slash) == "stepwise";
  return Rung::for_bits(std::atoi(text.c_str() + slash + 1),
                        stepwise ? Rung::Way::kStepwise : Rung::Way::kDirect);
}

double native_seconds(const Problem& problem, const TrialInputs& inputs,
                      const Configuration& theta) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i)
    best = std::min(best, bench::seconds([&] { train(Native<double>(), problem, inputs, theta); }));
  return best;
}

}  // namespace

int main(int argc, char** argv) try {
  numgeom::keep_freed_memory();
  const double lr = argc > 1 ? std::atof(argv[1]) : 0.01;
  const Problem problem = bench::mnist_problem(argc > 2 ? std::atoi(argv[2]) : 10);
  std::vector<std::string> rungs(argv + std::min(argc, 3), argv + argc);
  if (rungs.empty()) rungs = {"stepwise/53", "stepwise/100", "stepwise/152", "stepwise/256"};
  const Trial trial{&problem, {lr, 1e-4}, 0};
  const TrialInputs inputs = draw_inputs(problem, 0);
  const double native = native_seconds(problem, inputs, trial.configuration);
  std::printf("lr %g, %zu steps: native fp64 %.1f ms\n", lr, inputs.batches.size(), 1e3 * native);
  for (const std::string& text : rungs) {
    const Rung rung = parse_rung(text);
    const ShadowRun run = run_shadow(trial, inputs, rung);
    std::printf("%-9s %-8s %5d bits  %8.3f s  %7.1f times native  width %.3g  bits lost %.1f  %s\n",
                rung.way_name().c_str(), rung.arithmetic_name().c_str(), rung.bits, run.seconds,
                run.seconds / native, run.loss.width(), run.bits_lost, run.open.c_str());
    std::fflush(stdout);
  }
  return 0;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
