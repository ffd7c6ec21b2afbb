// Native fp32 training of a study's first trial, once for every line on standard input: answers
// with the processor seconds that steps and evaluation took, the validation loss and the
// misclassified rows. So another program can take turns with it (native_training.py).
//
// usage: native_training STUDY

#include <cstdio>
#include <iostream>
#include <string>

#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/study.hpp"
#include "numgeom/train/train.hpp"
#include "timing.hpp"

namespace {

using namespace numgeom;

void train_once(const Trial& trial, const TrialInputs& inputs) {
  TrainingResult<Native<float>> result;
  const double taken = bench::cpu_seconds(
      [&] { result = train(Native<float>(), *trial.problem, inputs, trial.configuration); });
  std::printf("%.9g %.9g %td\n", taken, static_cast<double>(result.loss), result.errors.upper);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  numgeom::keep_freed_memory();
  if (argc != 2) {
    std::fprintf(stderr, "usage: native_training STUDY\n");
    return 2;
  }
  const LoadedStudy study(read_study(argv[1]));
  const Trial trial = study.trials().front();
  const TrialInputs inputs = draw_inputs(*trial.problem, trial.seed);
  for (std::string line; std::getline(std::cin, line);) train_once(trial, inputs);
  return 0;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "native_training: %s\n", error.what());
  return 2;
}
