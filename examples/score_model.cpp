// Scores how stable inference with a trained model is: train in fp32, infer in three precisions.
//
// usage: score_model [STUDY.toml]      without a study: a small one on synthetic data

#include <cstdio>
#include <vector>

#include "numgeom/numgeom.hpp"

namespace {

numgeom::Study small_study() {
  numgeom::Study study;
  study.data.dataset = "synthetic";
  study.data.split = {.train = 120, .validation = 80, .shuffle_seed = {}};
  study.network = numgeom::NetworkTemplate({"dense 8", "relu", "dense 3"});
  study.training.epochs = 4;
  study.space.parameters[0] = numgeom::Parameter::fixed("lr", 0.1);
  study.search.trials = 1;
  return study;
}

}  // namespace

int main(int argc, char** argv) try {
  const numgeom::LoadedStudy loaded(argc > 1 ? numgeom::read_study(argv[1]) : small_study());
  const numgeom::Trial trial = loaded.trials().front();
  const std::vector<numgeom::Matrix<double>> weights = numgeom::train_natively(
      trial, numgeom::draw_inputs(*trial.problem, trial.seed), numgeom::Precision::kFp32);
  const numgeom::StabilityScore score =
      numgeom::score_stability(*trial.problem, weights,
                               {numgeom::Precision::kFp32, numgeom::parse_precision("fp16"),
                                numgeom::parse_precision("bf16")});

  std::printf("exact loss %s, condition number about %.3g\n", score.loss.digits().c_str(),
              score.condition.midpoint());
  for (const numgeom::PrecisionScore& native : score.native)
    std::printf("%-5s loss %.8f, wrong by %.3g; %.2f digits of a sample's loss; %d of %zu labels\n",
                numgeom::to_string(native.precision).c_str(), native.loss, native.error.upper,
                native.digits, native.labels(numgeom::Verdict::State::kCertified),
                native.samples.size());
  for (const std::string& reason : score.open) std::printf("undecided: %s\n", reason.c_str());
  return score.certified() ? 0 : 1;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
