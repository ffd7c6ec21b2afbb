#include "numgeom/hpo/acquisition.hpp"

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

using namespace numgeom;

namespace {

using Real = boost::multiprecision::cpp_bin_float_100;

Real density(const Real& z) {
  using boost::math::constants::two_pi;
  return exp(-z * z / 2) / sqrt(two_pi<Real>());
}

/// ∫ max(0, best − penalty·e^t − x) dN(x; mean, deviation) dN(t; log_delta, log_delta_deviation),
/// by the trapezoidal rule over t: exact to far more digits than doubles have.
Real integrated(const Belief& b, double best, double penalty) {
  constexpr int kSteps = 60;
  constexpr double kReach = 9;
  Real sum = 0;
  for (int i = -kSteps; i <= kSteps; ++i) {
    const Real s = Real(kReach) * i / kSteps;
    const Real gap = Real(best) - Real(penalty) * exp(b.log_delta + b.log_delta_deviation * s);
    const Real z = (gap - b.mean) / b.deviation;
    const Real distribution = erfc(-z / sqrt(Real(2))) / 2;
    sum += density(s) * b.deviation * (density(z) + z * distribution);
  }
  return sum * kReach / kSteps;
}

/// Central differences of the value by every member of the belief.
Belief differences(const std::function<double(const Belief&)>& value, const Belief& at) {
  const auto along = [&](double Belief::*member, double step) {
    Belief above = at;
    Belief below = at;
    above.*member += step;
    below.*member -= step;
    return (value(above) - value(below)) / (2 * step);
  };
  const double small = 1e-5 * at.deviation;
  return {along(&Belief::mean, small), along(&Belief::deviation, small),
          along(&Belief::log_delta, 1e-5), along(&Belief::log_delta_deviation, 1e-5)};
}

void check_slope(const Belief& found, const Belief& expected) {
  CHECK(found.mean == Approx(expected.mean).epsilon(1e-6).margin(1e-8));
  CHECK(found.deviation == Approx(expected.deviation).epsilon(1e-6).margin(1e-8));
  CHECK(found.log_delta == Approx(expected.log_delta).epsilon(1e-6).margin(1e-8));
  CHECK(found.log_delta_deviation ==
        Approx(expected.log_delta_deviation).epsilon(1e-6).margin(1e-8));
}

}  // namespace

TEST_CASE("the logarithm of the expected improvement is exact to 1e-13 and does not underflow") {
  const std::vector<std::pair<double, double>> known = {
      {1, 0.08002621884930694},   {0, -0.91893853320467274},   {-1, -2.4851210257126413},
      {-5, -16.74430116266099},   {-10, -55.553122036122356},  {-25, -319.86146358149595},
      {-40, -808.29856835661996}, {-100, -5010.1295788002498}, {-1e3, -500014.73445209116},
      {-1e6, -500000000028.54996}};
  for (const auto& [z, expected] : known) {
    CHECK(std::fabs(log_improvement(z) / expected - 1) <= 1e-13);
    CHECK(log_expected_improvement({3, 1, 0, 0}, 3 + z).value == log_improvement(z));
  }
}

TEST_CASE("the logarithm of the expected improvement agrees with 100 digits everywhere") {
  for (double z = -60; z < 12; z += 0.37) {
    const Real x = z;
    const Real exact = log(density(x) + x * erfc(-x / sqrt(Real(2))) / 2);
    INFO("z = " << z);
    const double scale = std::max(1.0, std::fabs(static_cast<double>(exact)));
    CHECK(std::fabs(static_cast<double>(log_improvement(z) - exact)) <= 1e-13 * scale);
    const Real slope = (erfc(-x / sqrt(Real(2))) / 2) / exp(exact);
    CHECK(log_improvement_slope(z) == Approx(static_cast<double>(slope)).epsilon(1e-11));
  }
  CHECK(std::isfinite(log_improvement(-1e100)));
  CHECK(log_improvement(-1e200) == -std::numeric_limits<double>::infinity());
  CHECK(log_improvement_slope(-1e200) == 1e200);
}

TEST_CASE("the precision-aware acquisition integrates over the uncertainty of Φ") {
  for (const Belief& belief : {Belief{0.5, 0.2, -2, 0.5}, Belief{0.3, 0.05, -6, 1},
                               Belief{1, 0.3, -1, 0.2}, Belief{0.2, 1, -20, 1}}) {
    const double exact = static_cast<double>(log(integrated(belief, 0.4, 1.5)));
    CHECK(log_precision_aware(belief, 0.4, 1.5).value == Approx(exact).epsilon(1e-4));
  }
}

TEST_CASE("at the median of Φ the precision-aware acquisition is a closed form") {
  const Belief belief{0.5, 0.2, std::log(0.25), 0};
  CHECK(log_precision_aware(belief, 0.4, 2).value ==
        Approx(std::log(0.2) + log_improvement((0.4 - 2 * 0.25 - 0.5) / 0.2)).epsilon(1e-14));
  CHECK(log_precision_aware(belief, 0.4, 0).value == log_expected_improvement(belief, 0.4).value);
}

TEST_CASE("more uncertain configurations are worth less, and none is worth nothing in doubles") {
  double before = std::numeric_limits<double>::infinity();
  for (double log_delta = -30; log_delta < 800; log_delta += 5) {
    const double value = log_precision_aware({0.5, 0.1, log_delta, 0.3}, 0.4, 1).value;
    CHECK_FALSE(std::isnan(value));
    CHECK(value <= before);
    before = value;
  }
}

TEST_CASE("slopes of acquisition functions are those of their values") {
  const Belief belief = GENERATE(Belief{0.5, 0.2, -2, 0.5}, Belief{3, 0.1, -4, 1},
                                 Belief{-1, 2, 0.5, 0.3}, Belief{0.45, 0.01, -3, 0.1});
  const double best = 0.4;
  const auto check = [&](const std::function<AcquisitionValue(const Belief&)>& f) {
    check_slope(f(belief).slope,
                differences([&f](const Belief& at) { return f(at).value; }, belief));
  };
  check([&](const Belief& b) { return log_expected_improvement(b, best); });
  check([&](const Belief& b) { return expected_improvement(b, best); });
  check([&](const Belief& b) { return confidence_bound(b, 2); });
  check([&](const Belief& b) { return log_precision_aware_at_median(b, best, 0.7); });
  check([&](const Belief& b) { return log_precision_aware(b, best, 0.7); });
}
