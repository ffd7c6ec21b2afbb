#include "numgeom/ranking/reliability.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "numgeom/error.hpp"

using namespace numgeom;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Its exact loss is `exact` ± 2^-30.
CertifiedTrial trial(double native, double exact, double phi = 0) {
  CertifiedTrial result;
  NativeRun run;
  run.loss = native;
  run.estimates["phi"] = {phi, 0};
  result.native.push_back(run);
  result.certification.loss =
      Enclosure(BigFloat::exact(exact - 0x1p-30), BigFloat::exact(exact + 0x1p-30));
  result.certified_errors.push_back(certified_error(native, result.certification.loss));
  return result;
}

}  // namespace

TEST_CASE("a changed pair is flagged by certified errors, not by estimates that are too small") {
  const std::vector<CertifiedTrial> trials = {trial(1.0, 1.25, 0.05), trial(1.125, 1.0, 0.05),
                                              trial(3.0, 3.0, 0.05)};
  const CriterionScore certified = score_criterion(trials, 0, certified_uncertainties(trials, 0));
  CHECK(certified.pairs == 3);
  CHECK(certified.flagged == 1);
  CHECK(certified.changed == 1);
  CHECK(certified.changed_and_flagged == 1);
  CHECK(certified.trials == 3);
  CHECK(certified.borderline == 2);
  CHECK(certified.recall() == 1);
  CHECK(certified.precision() == 1);
  const CriterionScore missed =
      score_criterion(trials, 0, estimated_uncertainties(trials, 0, "phi"));
  CHECK(missed.flagged == 0);
  CHECK(missed.recall() == 0);
  CHECK(std::isnan(missed.precision()));
  CHECK(score_criterion(trials, 0, estimated_uncertainties(trials, 0, "none")).flagged == 3);
  CHECK_THROWS_AS(score_criterion(trials, 0, {0.0}), Error);
}

TEST_CASE("certified errors flag every changed pair, whatever the losses") {
  std::vector<CertifiedTrial> trials;
  for (int i = 0; i < 40; ++i)
    trials.push_back(trial(std::fmod(i * 0.618, 1.0) * 0x1p-3 + 1, 1 + (i % 7) * 0x1p-6));
  const CriterionScore score = score_criterion(trials, 0, certified_uncertainties(trials, 0));
  CHECK(score.changed > 50);
  CHECK(score.changed_and_flagged == score.changed);
}

TEST_CASE("diverged runs and pairs without an exact order do not count") {
  std::vector<CertifiedTrial> trials = {trial(1, 1), trial(kInfinity, 1.5), trial(2, 1)};
  const CriterionScore score = score_criterion(trials, 0, certified_uncertainties(trials, 0));
  CHECK(score.trials == 2);
  CHECK(score.pairs == 0);
  CHECK(std::isnan(score.recall()));
}

TEST_CASE("orders of two precisions are compared pair by pair") {
  std::vector<CertifiedTrial> trials = {trial(1, 1), trial(2, 2), trial(kInfinity, 3)};
  for (CertifiedTrial& one : trials) {
    one.native.push_back(one.native[0]);
    one.certified_errors.push_back(one.certified_errors[0]);
  }
  CHECK(count_changes_between(trials, 0, 1) == 0);
  trials[0].native[1].loss = 3;
  CHECK(count_changes_between(trials, 0, 1) == 1);
  trials[2].native[1].loss = 2.5;
  CHECK(count_changes_between(trials, 0, 1) == 2);
}

TEST_CASE("the native winner is judged by exact losses") {
  const std::vector<CertifiedTrial> trials = {trial(1, 1.5), trial(1.125, 1.25), trial(3, 1.0),
                                              trial(kInfinity, 2)};
  const WinnerScore score = score_winner(trials, 0, 200, 2, 7);
  CHECK(score.native == 0);
  CHECK(score.exact == 2);
  CHECK(score.rank == 3);
  CHECK(score.regret.lower <= 0.5);
  CHECK(score.regret.upper >= 0.5);
  CHECK(score.regret.upper - score.regret.lower < 1e-8);
  CHECK(score.set == std::vector<int>{0, 1, 2});
  CHECK(score.subsets == 200);
  CHECK(score.undecided == 0);
  // Of the six pairs, three have the wrong native winner.
  CHECK(score.wrong > 60);
  CHECK(score.wrong < 140);
  const WinnerScore right = score_winner(std::vector{trial(1, 1), trial(2, 2)}, 0, 10, 2, 7);
  CHECK(right.rank == 1);
  CHECK(right.regret.upper == 0);
  CHECK(right.wrong == 0);
  // A tie is undecided, and not wrong.
  const WinnerScore tie = score_winner(std::vector{trial(1, 1), trial(2, 1)}, 0, 10, 2, 7);
  CHECK(tie.exact == -1);
  CHECK(tie.rank == 1);
  CHECK(tie.undecided == 10);
  CHECK(score_winner(std::vector{trial(kInfinity, 1)}, 0, 1, 1, 7).native == -1);
}
