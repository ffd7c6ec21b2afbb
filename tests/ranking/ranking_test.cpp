#include "numgeom/ranking/ranking.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "numgeom/error.hpp"

using namespace numgeom;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

CertifiedTrial trial(double native, Enclosure exact, double phi = 1) {
  CertifiedTrial result;
  NativeRun run;
  run.loss = native;
  run.seconds = 1;
  run.estimates["phi"] = {phi, 0.125};
  result.native.push_back(run);
  result.certification.loss = exact;
  result.certified_errors.push_back(certified_error(native, exact));
  return result;
}

CertifiedTrial trial(double native, double lower, double upper, double phi = 1) {
  return trial(native, Enclosure(BigFloat::exact(lower), BigFloat::exact(upper)), phi);
}

}  // namespace

TEST_CASE("disjoint enclosures give a total order and name the wrong native pairs") {
  const std::vector<CertifiedTrial> trials{trial(0.30, 0.40, 0.41), trial(0.35, 0.10, 0.11),
                                           trial(0.90, 0.80, 0.81)};
  const Ranking ranking = rank(trials);
  CHECK(ranking.is_total());
  CHECK(ranking.order == std::vector<int>{1, 0, 2});
  REQUIRE(ranking.pairs.size() == 3);
  CHECK(ranking.pairs[0].less.refuted());
  CHECK(ranking.pairs[1].less.certified());
  REQUIRE(ranking.native[0].flips.size() == 1);
  CHECK(ranking.native[0].flips[0].native_better == 0);
  CHECK(ranking.native[0].flips[0].exact_better == 1);
}

TEST_CASE("overlapping enclosures leave a partial order and are no flip") {
  const std::vector<CertifiedTrial> trials{trial(0.5, 0.4, 0.6), trial(0.4, 0.5, 0.7),
                                           trial(0.9, 0.8, 0.9)};
  const Ranking ranking = rank(trials);
  CHECK_FALSE(ranking.is_total());
  CHECK(ranking.undecided_against(0) == std::vector<int>{1});
  CHECK(ranking.undecided_against(1) == std::vector<int>{0});
  CHECK(ranking.undecided_against(2).empty());
  CHECK(ranking.native[0].flips.empty());
  const std::vector<CertifiedTrial> exchanged{trials[1], trials[0]};
  CHECK(rank(exchanged).native[0].flips.empty());
}

TEST_CASE("the order respects certified pairs that doubles cannot tell apart") {
  BigFloat next = BigFloat::exact(0.5, 200);
  mpfr_nextabove(next.get());
  const std::vector<CertifiedTrial> trials{trial(0.5, Enclosure(next, next)), trial(0.5, 0.5, 0.5)};
  CHECK(rank(trials).order == std::vector<int>{1, 0});
}

TEST_CASE("the indistinguishable set holds whatever the errors allow to be best") {
  // Errors 0.01, 0.05 and 0.1: L̂ ≤ L̂_best + δ_best + δ.
  const std::vector<CertifiedTrial> trials{trial(0.50, 0.51, 0.51), trial(0.55, 0.60, 0.60),
                                           trial(0.64, 0.74, 0.74), trial(0.52, 0.52, 0.52)};
  CHECK(rank(trials).native[0].indistinguishable == std::vector<int>{0, 1});
}

TEST_CASE("the reach of the best is rounded up") {
  // 1 + 2^-53 + 2^-53 = 1 + 2^-52 in reals, 1 in doubles that round to nearest.
  std::vector<CertifiedTrial> trials{trial(1, 1, 1), trial(1 + 0x1p-52, 1, 1)};
  trials[0].certified_errors[0].upper = 0x1p-53;
  trials[1].certified_errors[0].upper = 0x1p-53;
  CHECK(rank(trials).native[0].indistinguishable == std::vector<int>{0, 1});
}

TEST_CASE("an estimate covers the upper bound on the error or does not count") {
  // The error lies in [0.125, 0.25]; 0.2 may be less than it.
  const std::vector<CertifiedTrial> trials{trial(0.5, 0.625, 0.75, 0.2)};
  CHECK(score_estimators(trials).at(Precision::kFp32).at("phi").covered == 0);
}

TEST_CASE("the exact minimiser is always in the indistinguishable set") {
  // Natively worst, exactly best: its own error is large enough.
  const std::vector<CertifiedTrial> trials{trial(0.5, 0.5, 0.5), trial(0.9, 0.1, 0.1)};
  CHECK(rank(trials).native[0].indistinguishable == std::vector<int>{0, 1});
}

TEST_CASE("a diverged run stays a candidate until it is beaten for certain") {
  const std::vector<CertifiedTrial> open{trial(0.5, 0.5, 0.5), trial(std::nan(""), Enclosure())};
  CHECK(rank(open).native[0].indistinguishable == std::vector<int>{0, 1});
  const std::vector<CertifiedTrial> better{trial(0.5, 0.5, 0.5), trial(kInfinity, 0.1, 0.1)};
  CHECK(rank(better).native[0].indistinguishable == std::vector<int>{0, 1});
  CHECK(rank(better).native[0].flips.size() == 1);
  const std::vector<CertifiedTrial> beaten{trial(0.5, 0.5, 0.5), trial(kInfinity, 0.9, 0.9)};
  CHECK(rank(beaten).native[0].indistinguishable == std::vector<int>{0});
  const std::vector<CertifiedTrial> all{trial(kInfinity, Enclosure()),
                                        trial(std::nan(""), Enclosure())};
  CHECK(rank(all).native[0].indistinguishable == std::vector<int>{0, 1});
}

TEST_CASE("an uncertain best keeps everyone in") {
  const std::vector<CertifiedTrial> trials{trial(0.5, Enclosure()), trial(0.9, 0.9, 0.9)};
  CHECK(rank(trials).native[0].indistinguishable == std::vector<int>{0, 1});
}

TEST_CASE("trials of different precisions are not ranked together") {
  std::vector<CertifiedTrial> trials{trial(0.5, 0.5, 0.5), trial(0.9, 0.9, 0.9)};
  trials[1].native[0].precision = Precision::kFp64;
  CHECK_THROWS_AS(rank(trials), Error);
  CHECK(rank({}).order.empty());
}

TEST_CASE("tightness encloses the ratio of estimate and error") {
  const Tightness ratio = tightness(6, {2, 3});
  CHECK(ratio.lower == 2);
  CHECK(ratio.upper == 3);
  const Tightness third = tightness(1, {3, 3});
  CHECK(third.lower < third.upper);
  CHECK(third.upper == std::nextafter(third.lower, 1));
  CHECK(tightness(1, {0, 2}).upper == kInfinity);
  CHECK(tightness(1, {0, kInfinity}).lower == 0);
}

TEST_CASE("estimators are scored against certified errors") {
  // Errors 0.25 and 0.5; estimates 1 and 0.25: one covers fourfold, one is half of it.
  const std::vector<CertifiedTrial> trials{trial(0.5, 0.75, 0.75, 1), trial(0.5, 1, 1, 0.25),
                                           trial(std::nan(""), 1, 1, 5)};
  const EstimatorScore score = score_estimators(trials).at(Precision::kFp32).at("phi");
  CHECK(score.trials == 2);
  CHECK(score.covered == 1);
  CHECK(score.median_overestimation == 0.5);
  CHECK(score.high_overestimation == 4);
  CHECK(score.overhead == 0.125);
}

TEST_CASE("a tie is decided, but is no flip") {
  const std::vector<CertifiedTrial> equal{trial(0.1, 0, 0), trial(0.2, 0, 0)};
  CHECK(rank(equal).is_total());
  CHECK(rank(equal).native[0].flips.empty());
  const std::vector<CertifiedTrial> touching{trial(1.1, 1, 1.5), trial(1.2, 0.5, 1)};
  CHECK(rank(touching).native[0].flips.empty());
}
