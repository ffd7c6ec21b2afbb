// How good the estimators are: trains a study's configurations natively with Φ watching,
// and scores it against enclosures of the exact losses that were made before. These do not depend
// on estimators, so that a change of Φ is scored in seconds.
//
//   numgeom certify bench/estimators/mnist.toml --json mnist.json
//   estimators bench/estimators/mnist.toml mnist.json [--trials] [--all] [PRECISION ...]
//
// Precisions are the study's unless some are named. --trials prints Φ term by term, --all scores
// Φ_seed too. Enclosures are read as doubles: good for errors far above 1e-16.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"
#include "numgeom/estimate/estimated_run.hpp"
#include "numgeom/estimate/phi.hpp"
#include "numgeom/hpo/study.hpp"
#include "numgeom/ranking/ranking.hpp"
#include "numgeom/train/train.hpp"
#include "numgeom/train/with_native_arithmetic.hpp"

namespace {

using namespace numgeom;

struct Bounds {
  double lower = 0;
  double upper = 0;
  bool certified = false;
};

/// The enclosures in a document of `numgeom certify --json`, one a trial.
std::vector<Bounds> read_enclosures(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw Error(file + ": cannot be read");
  std::vector<Bounds> result;
  const nlohmann::json document = nlohmann::json::parse(stream);
  for (const auto& trial : document.at("trials")) {
    const auto& enclosure = trial.at("enclosure");
    const auto bound = [&](const char* key) {
      return std::strtod(enclosure.at(key).get<std::string>().c_str(), nullptr);
    };
    result.push_back({bound("lower"), bound("upper"), enclosure.at("status") == "certified"});
  }
  return result;
}

CertifiedError error_of(double loss, const Bounds& exact) {
  const double below = exact.lower - loss;
  const double above = loss - exact.upper;
  return {std::max({0.0, below, above}),
          std::max(std::abs(loss - exact.lower), std::abs(loss - exact.upper))};
}

void print_terms(const Trial& trial, const TrialInputs& inputs, const Precision& precision,
                 const CertifiedError& error) {
  const PhiTerms terms =
      with_native_arithmetic(precision, trial.seed, [&]<class A>(const A& arithmetic) {
        PhiObserver<A> phi(*trial.problem, trial.configuration);
        (void)train(arithmetic, *trial.problem, inputs, trial.configuration, phi);
        return phi.terms();
      });
  std::printf(
      "%-10s lr %-8.3g error %-8.2g phi/error %-8.2g evaluation %-8.2g walk %-8.2g "
      "drift %-8.2g gradients %-8.2g kinks %.2g\n",
      to_string(precision).c_str(), trial.configuration.lr, error.upper,
      terms.total() / error.upper, terms.evaluation, terms.walk, terms.drift, terms.gradients,
      terms.kinks);
}

void print_scores(const std::vector<CertifiedTrial>& trials) {
  std::printf("%-9s %-11s %-8s %-23s %-8s %s\n", "estimator", "precision", "covered",
              "median over-estimation", "90 %", "overhead");
  for (const auto& [precision, by_name] : score_estimators(trials))
    for (const auto& [name, score] : by_name)
      std::printf("%-9s %-11s %d/%-5d %-23.2g %-8.2g %.0f %%\n", name.c_str(),
                  to_string(precision).c_str(), score.covered, score.trials,
                  score.median_overestimation, score.high_overestimation, 100 * score.overhead);
}

}  // namespace

int main(int argc, char** argv) try {
  numgeom::keep_freed_memory();
  if (argc < 3)
    throw Error("usage: estimators STUDY.toml CERTIFIED.json [--trials] [--all] [PRECISION ...]");
  const LoadedStudy study(read_study(argv[1]));
  const std::vector<Bounds> enclosures = read_enclosures(argv[2]);
  std::vector<std::string> words(argv + 3, argv + argc);
  const bool verbose = std::erase(words, "--trials") > 0;
  const auto run = std::erase(words, "--all") > 0 ? run_native_with_estimates : run_native_with_phi;
  std::vector<Precision> precisions;
  for (const std::string& word : words) precisions.push_back(parse_precision(word));
  if (precisions.empty()) precisions = study.study().precisions;

  const std::vector<Trial> trials = study.trials();
  if (enclosures.size() != trials.size())
    throw Error(std::string(argv[2]) + ": not of the trials of " + argv[1]);
  std::vector<CertifiedTrial> results;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!enclosures[i].certified) continue;
    const TrialInputs inputs = draw_inputs(*trials[i].problem, trials[i].seed);
    CertifiedTrial result{trials[i], {}, {}, {}};
    for (const Precision& precision : precisions) {
      result.native.push_back(run(trials[i], inputs, precision));
      result.certified_errors.push_back(error_of(result.native.back().loss, enclosures[i]));
      if (verbose) print_terms(trials[i], inputs, precision, result.certified_errors.back());
    }
    results.push_back(std::move(result));
  }
  print_scores(results);
  return 0;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
} catch (const nlohmann::json::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
