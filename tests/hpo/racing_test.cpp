#include "numgeom/hpo/racing.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "support/problems.hpp"

using namespace numgeom;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<RaceTrial> native_trials(const Problem& problem, const std::vector<double>& rates,
                                     Precision precision = Precision::kFp32) {
  std::vector<RaceTrial> trials;
  const TrialInputs inputs = draw_inputs(problem, 0);
  for (const double lr : rates) {
    RaceTrial one;
    one.trial = {&problem, {lr, 0}, 0};
    one.native = run_native(one.trial, inputs, precision);
    trials.push_back(one);
  }
  return trials;
}

RaceTrial with_error(double loss, double lower, double upper) {
  RaceTrial one;
  one.native.loss = loss;
  one.error = {lower, upper};
  return one;
}

}  // namespace

TEST_CASE("a race decides the winner and the indistinguishable set as certifying all does") {
  const Problem problem = test::small_problem({"dense 6", "relu", "dense 3"}, 60, 30, 4);
  const std::vector<double> rates{0.003, 0.01, 0.03, 0.1, 0.2, 0.21, 0.3};
  const auto trials = native_trials(problem, rates);
  RaceOptions options;
  const Race found = race(trials, options);
  CHECK(found.decided());
  std::vector<CertifiedTrial> all;
  for (const RaceTrial& one : trials)
    all.push_back(certify(one.trial, {Precision::kFp32}, options.certify));
  const Ranking ranking = rank(all);
  CHECK(found.winner == ranking.order.front());
  CHECK(found.possibly_indistinguishable() == ranking.native[0].indistinguishable);
  CHECK(found.trials[found.winner].effort == Effort::kFull);
  CHECK(found.trials[found.best_native].effort == Effort::kFull);
  CHECK(found.count(Effort::kFull) <= 3);
  CHECK(found.count(Effort::kNone) == 0);
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(found.trials[i].certification.loss.intersects(all[i].certification.loss));
}

TEST_CASE("equal trials stay undecided at the precision limit, and the race ends") {
  const Problem problem = test::small_problem({"dense 3"}, 40, 20, 2);
  RaceOptions options;
  options.certify.max_bits = 256;
  const Race found = race(native_trials(problem, {0.1, 0.1, 0.01}), options);
  CHECK_FALSE(found.decided());
  REQUIRE(found.against_winner.size() == 2);
  CHECK(found.against_winner[0].less.undecided());
  CHECK(found.against_winner[1].less.certified());
  CHECK(found.indistinguishable[0].certified());
  CHECK(found.indistinguishable[1].certified());
  CHECK(found.indistinguishable[2].refuted());
}

TEST_CASE("a race goes on from what is certified, on any number of threads, with the same result") {
  const Problem problem = test::small_problem({"dense 6", "relu", "dense 3"}, 60, 30, 3);
  const auto trials = native_trials(problem, {0.01, 0.1, 0.3, 0.31});
  RaceOptions options;
  const Race first = race(trials, options);
  int certified = 0;
  options.threads = 3;
  const auto count = [&certified](const RaceTrial&, int, int, int) { ++certified; };
  const Race again = race(first.trials, options, {}, count);
  CHECK(certified == 0);
  CHECK(again.winner == first.winner);
  auto half = first.trials;
  half[3] = trials[3];
  half[0] = trials[0];
  const Race resumed = race(half, options, {}, count);
  CHECK(certified >= 2);
  CHECK(resumed.winner == first.winner);
  CHECK(resumed.possibly_indistinguishable() == first.possibly_indistinguishable());
  for (std::size_t i = 0; i < trials.size(); ++i)
    CHECK(mpfr_equal_p(resumed.trials[i].certification.loss.upper.get(),
                       first.trials[i].certification.loss.upper.get()));
}

TEST_CASE("a diverged run is out only where another trial is certainly better") {
  const Problem problem = test::small_problem({"dense 6", "relu", "dense 3"}, 60, 30, 3);
  auto trials = native_trials(problem, {0.1, 0.03});
  trials[1].native.loss = kInfinity;
  const Race found = race(trials, {});
  CHECK(found.best_native == 0);
  CHECK(found.decided());
  CHECK(found.indistinguishable[1].refuted());
  trials[0].native.loss = std::nan("");
  const Race none = race(trials, {});
  CHECK(none.best_native == -1);
  CHECK(none.winner >= 0);
  CHECK(none.indistinguishable[1 - none.winner].refuted());
  CHECK(none.indistinguishable[none.winner].undecided());
}

TEST_CASE("a race refines the winner and every open pair, whatever the native losses say") {
  const Problem problem = test::small_problem({"dense 6", "relu", "dense 3"}, 60, 30, 4);
  // Natively the first looks best by far: the others are enclosed coarsely, as far as that goes.
  auto trials = native_trials(problem, {0.003, 0.1, 0.1001, 0.3});
  trials[0].native.loss = 0.01;
  trials[1].native.loss = 5;
  trials[2].native.loss = 6;
  trials[3].native.loss = 7;
  const Race found = race(trials, {});
  std::vector<CertifiedTrial> all;
  for (const RaceTrial& one : trials) all.push_back(certify(one.trial, {Precision::kFp64}));
  CHECK(found.winner == rank(all).order.front());
  CHECK(found.winner != 0);
  CHECK(found.trials[found.winner].effort == Effort::kFull);
  CHECK(found.decided());
}

TEST_CASE("a pair that is open is refined even where both are in the set") {
  const Problem problem = test::small_problem({"dense 6", "relu", "dense 3"}, 60, 30, 4);
  auto trials = native_trials(problem, {0.003, 0.3, 0.31});
  const double worst = certify(trials[0].trial, {Precision::kFp64}).native[0].loss;
  trials[0].native.loss = 0.01;  // natively the best, in truth the worst
  for (const int i : {1, 2}) {
    RaceTrial& one = trials[i];
    REQUIRE(one.native.loss < worst - 0.01);
    one.native.loss = 5;
    one.effort = Effort::kCoarse;
    one.certification.loss = {BigFloat::exact(0), BigFloat::exact(worst - 0.01)};
    one.error = certified_error(one.native.loss, one.certification.loss);
  }
  const Race found = race(trials, {});
  CHECK(found.decided());
  CHECK(found.trials[1].effort == Effort::kFull);
  CHECK(found.trials[2].effort == Effort::kFull);
  CHECK(found.possibly_indistinguishable() == std::vector<int>{0, 1, 2});
}

TEST_CASE(
    "the winner has the least upper bound, where the precision limit leaves enclosures wide") {
  const Problem problem = test::small_problem({"dense 3"}, 40, 20, 1);
  auto trials = native_trials(problem, {0.1, 0.2});
  const int bounds[2][2] = {{0, 10}, {1, 2}};
  for (const int i : {0, 1}) {
    trials[i].effort = Effort::kFull;
    trials[i].certification.loss = {BigFloat::exact(bounds[i][0]), BigFloat::exact(bounds[i][1])};
    trials[i].error = certified_error(trials[i].native.loss, trials[i].certification.loss);
  }
  const Race open = race(trials, {});
  CHECK(open.winner == 1);
  CHECK_FALSE(open.decided());
}

TEST_CASE("nothing is decided where nothing is proved") {
  const Problem problem = test::small_problem({"dense 3"}, 40, 20, 1);
  auto trials = native_trials(problem, {0.1});
  trials[0].effort = Effort::kFull;  // at the precision limit, without a bounded enclosure
  const Race open = race(trials, {});
  CHECK(open.winner == -1);
  CHECK_FALSE(open.decided());
  CHECK_FALSE(race({}, {}).decided());
  CHECK_FALSE(Race().decided());
}

TEST_CASE("membership is three-valued: certified by lower bounds, refuted by upper ones") {
  const auto state = [](const RaceTrial& best, const RaceTrial& other) {
    return indistinguishable_verdict({best, other}, 0, 1).state;
  };
  using State = Verdict::State;
  const RaceTrial best = with_error(1, 0.125, 0.25);
  CHECK(state(best, with_error(1.25, 0.125, 0.25)) == State::kCertified);
  CHECK(state(best, with_error(std::nextafter(1.25, 2), 0.125, 0.25)) == State::kUndecided);
  CHECK(state(best, with_error(1.5, 0.125, 0.25)) == State::kUndecided);
  CHECK(state(best, with_error(std::nextafter(1.5, 2), 0.125, 0.25)) == State::kRefuted);
  CHECK(state(best, with_error(9, 0, kInfinity)) == State::kUndecided);
  CHECK(state(with_error(1, 0, kInfinity), with_error(9, 0, 0)) == State::kUndecided);
  CHECK(indistinguishable_verdict({best, with_error(2, 0, 0)}, 0, 0).certified());
}
