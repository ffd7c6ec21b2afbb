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
