// How wide enclosures are after every step, and what they cost: the data behind docs/figures.
//
// usage: widths steps LR EPOCHS     CSV: rung, step, ‖radius of the parameters‖₂
//        widths cost                CSV: rung, steps, parameters, seconds, times native fp64
//        (needs 'numgeom data fetch mnist')

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "mnist_problem.hpp"
#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"
#include "numgeom/error.hpp"
#include "numgeom/shadow/shadow_run.hpp"
#include "numgeom/shadow/stepwise.hpp"
#include "timing.hpp"

namespace {

using namespace numgeom;

constexpr double kHopeless = 1e6;
struct Hopeless {};

void print_width(const std::string& name, int step, const Magnitude& width) {
  // Radii below what doubles hold are given by their decimal logarithm.
  std::printf("%s,%d,%.4f\n", name.c_str(), step, width.log2() * std::log10(2.0));
}

template <class A>
class WidthObserver : public TrainingObserver<A> {
 public:
  explicit WidthObserver(std::string name) : name_(std::move(name)) {}
  void on_step(const A& /*arithmetic*/, const StepView<A>& view) override {
    if (view.step == 0) return;
    const Magnitude width = detail::radius_norm<A>(view.parameters);
    if (!(width < Magnitude(kHopeless))) throw Hopeless();
    print_width(name_, view.step, width);
  }

 private:
  std::string name_;
};

template <class A>
void direct_widths(const A& arithmetic, const std::string& name, const Trial& trial,
                   const TrialInputs& inputs) {
  WidthObserver<A> observer(name);
  try {
    train(arithmetic, *trial.problem, inputs, trial.configuration, observer);
  } catch (const Hopeless&) {
  }
}

template <class A>
void stepwise_widths(const A& arithmetic, const std::string& name, const Trial& trial,
                     const TrialInputs& inputs) {
  train_stepwise(arithmetic, *trial.problem, inputs, trial.configuration,
                 [&](const StepBound& bound, const auto& /*weights*/, const auto& /*velocity*/) {
                   print_width(name, bound.step + 1, bound.distance);
                 });
}

void print_widths(double lr, int epochs) {
  const Problem problem = bench::mnist_problem(epochs);
  const Trial trial{&problem, {lr, 1e-4}, 0};
  const TrialInputs inputs = draw_inputs(problem, 0);
  std::puts("rung,step,log10_width");
  direct_widths(IntervalArithmetic(), "interval direct", trial, inputs);
  for (const int bits : {128, 256, 512, 1024})
    direct_widths(LimbArithmetic(LimbMidpoints(bits)), "ball " + std::to_string(bits) + " direct",
                  trial, inputs);
  stepwise_widths(IntervalArithmetic(), "interval stepwise", trial, inputs);
  for (const int bits : {128, 256, 512})
    stepwise_widths(LimbArithmetic(LimbMidpoints(bits)),
                    "ball " + std::to_string(bits) + " stepwise", trial, inputs);
}

void print_cost(const char* name, const Rung& rung, int epochs, int width) {
  const Problem problem = bench::mnist_problem(epochs, width);
  const Trial trial{&problem, {0.01, 1e-4}, 0};
  const TrialInputs inputs = draw_inputs(problem, 0);
  double native = 1e9;
  for (int i = 0; i < 3; ++i)
    native = std::min(native, bench::seconds([&] {
                        train(Native<double>(), problem, inputs, trial.configuration);
                      }));
  const ShadowRun run = run_shadow(trial, inputs, rung);
  if (!run.open.empty()) {
    std::fprintf(stderr, "%s, %zu steps: given up: %s\n", name, inputs.batches.size(),
                 run.open.c_str());
    return;
  }
  long parameters = 0;
  for (const ExactMatrix& one : inputs.parameters) parameters += one.size();
  std::printf("%s,%zu,%ld,%.4f,%.2f\n", name, inputs.batches.size(), parameters, run.seconds,
              run.seconds / native);
  std::fflush(stdout);
}

void print_costs() {
  std::puts("rung,steps,parameters,seconds,times_native");
  const struct {
    const char* name;
    Rung rung;
  } rungs[] = {{"interval stepwise", Rung::for_bits(53, Rung::Way::kStepwise)},
               {"ball 152 stepwise", Rung::for_bits(152, Rung::Way::kStepwise)},
               {"ball 516 direct", Rung::for_bits(516, Rung::Way::kDirect)}};
  for (const auto& [name, rung] : rungs) {
    for (const int epochs : {1, 3, 10, 30, 100})
      if (epochs <= 10 || rung.way == Rung::Way::kStepwise) print_cost(name, rung, epochs, 64);
    for (const int width : {8, 16, 32, 128, 256}) print_cost(name, rung, 3, width);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  numgeom::keep_freed_memory();
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "steps" && argc == 4)
    print_widths(std::atof(argv[2]), std::atoi(argv[3]));
  else if (what == "cost")
    print_costs();
  else
    throw Error("usage: widths steps LR EPOCHS | widths cost");
  return 0;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
