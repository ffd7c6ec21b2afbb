// Certifies the configurations of a study from C++ and prints the certified ranking.
//
// usage: certify_study [STUDY.toml]      without a study: a small one on synthetic data

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
  study.precisions = {numgeom::Precision::kFp32, numgeom::Precision::kFp64};
  study.space.parameters[0] = numgeom::Parameter::real("lr", 0.003, 0.3, true);
  study.search.trials = 4;
  return study;
}

}  // namespace

int main(int argc, char** argv) try {
  const numgeom::LoadedStudy loaded(argc > 1 ? numgeom::read_study(argv[1]) : small_study());
  const numgeom::Study& study = loaded.study();
  std::vector<numgeom::CertifiedTrial> trials;
  for (const numgeom::Trial& trial : loaded.trials())
    trials.push_back(numgeom::certify(trial, study.precisions, study.certify,
                                      numgeom::run_native_with_estimates));
  const numgeom::Ranking ranking = numgeom::rank(trials);
  std::fputs(numgeom::certify_text(study, trials, ranking).c_str(), stdout);
  return ranking.is_total() ? 0 : 1;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
