#include "numgeom/arithmetic/rounding.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <utility>

#include "support/random.hpp"
#include "support/reference.hpp"

namespace rounding = numgeom::rounding;
using numgeom::test::Random;
using numgeom::test::Reference;
using rounding::kInfinity;
using rounding::kMax;

namespace {

constexpr double kTiny = 0x1p-1074;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Containment first, then tightness.
void check(const char* name, const Reference& exact, std::initializer_list<double> operands,
           double lower, double upper) {
  if (!exact.inside(lower, upper))
    FAIL_CHECK("not enclosed: " << numgeom::test::describe(name, operands, lower, upper));
  else if (lower != exact.tight_down() || upper != exact.tight_up())
    FAIL_CHECK("not tight: " << numgeom::test::describe(name, operands, lower, upper));
}

void check_all(Reference& exact, double a, double b) {
  exact.evaluate(mpfr_add, a, b);
  check("add", exact, {a, b}, rounding::add_down(a, b), rounding::add_up(a, b));
  exact.evaluate(mpfr_sub, a, b);
  check("sub", exact, {a, b}, rounding::sub_down(a, b), rounding::sub_up(a, b));
  exact.evaluate(mpfr_mul, a, b);
  check("mul", exact, {a, b}, rounding::mul_down(a, b), rounding::mul_up(a, b));
  if (b != 0) {
    exact.evaluate(mpfr_div, a, b);
    check("div", exact, {a, b}, rounding::div_down(a, b), rounding::div_up(a, b));
  }
  if (a >= 0) {
    exact.evaluate(mpfr_sqrt, a);
    check("sqrt", exact, {a}, rounding::sqrt_down(a), rounding::sqrt_up(a));
  }
}

void check_fma(Reference& exact, double a, double b, double c) {
  exact.evaluate(mpfr_fma, a, b, c);
  check("fma", exact, {a, b, c}, rounding::fma_down(a, b, c), rounding::fma_up(a, b, c));
}

/// Every exponent where an algorithm changes its path, with the neighbours.
std::vector<double> thresholds() {
  std::vector<double> values = {0.0, -0.0, 0.1, 1.0 / 3};
  for (const int exponent : {-1074, -1073, -1023, -1022, -1021, -969, -968, -967, -538, -537,
                             -484,  -107,  -54,   -53,   -1,    0,    1,    53,   54,   106,
                             107,   485,   511,   512,   970,   1019, 1020, 1021, 1022, 1023}) {
    const double power = std::ldexp(1.0, exponent);
    for (const double v : {power, rounding::next_up(power), rounding::next_down(power)})
      values.insert(values.end(), {v, -v});
  }
  values.insert(values.end(), {kMax, -kMax, rounding::next_down(kMax), -rounding::next_down(kMax)});
  return values;
}

constexpr std::array kConstants = {
    0.1,  -0.3, 1.0,      3.0, -7.0, 0x1p-53, 0.0, kTiny, 0x1p-600, 1e308, -0x1.fffffep-1022,
    kMax, 1e-5, 0x1p-1022};

template <std::size_t... I>
void check_constants(Reference& exact, std::index_sequence<I...>) {
  constexpr std::size_t n = kConstants.size();
  (check_all(exact, kConstants[I / n], kConstants[I % n]), ...);
  (check_fma(exact, kConstants[I / n], kConstants[I % n], kConstants[(I * 5) % n]), ...);
}

}  // namespace

TEST_CASE("rounding: next_up and next_down step to the neighbours") {
  static_assert(rounding::next_up(0.0) == kTiny && rounding::next_up(-0.0) == kTiny);
  static_assert(rounding::next_down(0.0) == -kTiny && rounding::next_up(-kTiny) == 0);
  static_assert(rounding::next_up(kMax) == kInfinity && rounding::next_up(-kInfinity) == -kMax);
  static_assert(rounding::next_up(kInfinity) == kInfinity);
  static_assert(rounding::next_down(-kInfinity) == -kInfinity);
  CHECK(std::isnan(rounding::next_up(kNan)));
  Random random = Random::announced("next_up", 11);
  for (int i = numgeom::test::repetitions(20000); i > 0; --i) {
    const double v = random.finite();
    if (rounding::next_up(v) != std::nextafter(v, kInfinity) ||
        rounding::next_down(v) != std::nextafter(v, -kInfinity))
      FAIL_CHECK(
          numgeom::test::describe("next", {v}, rounding::next_down(v), rounding::next_up(v)));
  }
}

TEST_CASE("rounding: all pairs of thresholds are rounded tightly") {
  Reference exact;
  const std::vector<double> values = thresholds();
  for (const double a : values)
    for (const double b : values) check_all(exact, a, b);
}

TEST_CASE("rounding: random operands are rounded tightly") {
  Random random = Random::announced("rounding", 12);
  Reference exact;
  for (int i = numgeom::test::repetitions(50000); i > 0; --i) {
    const double a = random.finite();
    check_all(exact, a, random.finite());
  }
}

TEST_CASE("rounding: fma is rounded once, whatever cancels, over- or underflows") {
  Random random = Random::announced("fma", 13);
  Reference exact;
  const std::vector<double> values = thresholds();
  for (const double a : values) {
    const double b =
        values[static_cast<std::size_t>(random.below(static_cast<int>(values.size())))];
    for (const double c : values) check_fma(exact, a, b, c);
    const double product = a * b;
    if (!std::isfinite(product)) continue;
    for (const double c : {-product, -rounding::next_up(product), -rounding::next_down(product)})
      if (std::isfinite(c)) check_fma(exact, a, b, c);
  }
}

TEST_CASE("rounding: constants that the compiler could fold") {
  Reference exact;
  check_constants(exact, std::make_index_sequence<kConstants.size() * kConstants.size()>());
  CHECK(rounding::div_down(1.0, 3.0) < rounding::div_up(1.0, 3.0));
  CHECK(rounding::sqrt_down(2.0) < rounding::sqrt_up(2.0));
  CHECK(rounding::add_down(1.0, 0x1p-60) == 1.0);
  CHECK(rounding::add_up(1.0, 0x1p-60) == 1.0 + 0x1p-52);
}

TEST_CASE("rounding: one operand in two places") {
  Random random = Random::announced("aliases", 14);
  Reference exact;
  for (int i = numgeom::test::repetitions(5000); i > 0; --i) {
    const double a = random.finite();
    check_all(exact, a, a);
    check_fma(exact, a, a, a);
    check_fma(exact, a, -a, a);
  }
}

TEST_CASE("rounding: overflow is a finite bound inside and an infinite one outside") {
  CHECK(rounding::add_down(kMax, kMax) == kMax);
  CHECK(rounding::add_up(kMax, kMax) == kInfinity);
  CHECK(rounding::add_down(-kMax, -kMax) == -kInfinity);
  CHECK(rounding::add_up(-kMax, -kMax) == -kMax);
  CHECK(rounding::add_up(kMax, 0x1p-1074) == kInfinity);
  CHECK(rounding::add_down(kMax, 0x1p-1074) == kMax);
  CHECK(rounding::mul_down(1e200, 1e200) == kMax);
  CHECK(rounding::mul_up(-1e200, 1e200) == -kMax);
  CHECK(rounding::div_down(1e200, 1e-200) == kMax);
  CHECK(rounding::div_up(1e200, -1e-200) == -kMax);
  CHECK(rounding::fma_down(1e200, 1e200, -1e308) == kMax);
  CHECK(rounding::fma_up(1e200, 1e200, -1e308) == kInfinity);
}

TEST_CASE("rounding: underflow keeps the direction") {
  CHECK(rounding::mul_down(1e-200, 1e-200) == 0);
  CHECK(rounding::mul_up(1e-200, 1e-200) == kTiny);
  CHECK(rounding::mul_down(-1e-200, 1e-200) == -kTiny);
  CHECK(rounding::mul_up(-1e-200, 1e-200) == 0);
  CHECK(rounding::div_up(kTiny, kMax) == kTiny);
  CHECK(rounding::div_down(kTiny, -kMax) == -kTiny);
  CHECK(rounding::fma_up(kTiny, kTiny, 1.0) == rounding::next_up(1.0));
  CHECK(rounding::fma_down(kTiny, -kTiny, 1.0) == rounding::next_down(1.0));
  CHECK(rounding::fma_down(kTiny, -kTiny, 0.0) == -kTiny);
}

TEST_CASE("rounding: infinities are limits") {
  CHECK(rounding::mul_down(0, kInfinity) == 0);
  CHECK(rounding::mul_up(-kInfinity, 0) == 0);
  CHECK(rounding::mul_down(kInfinity, 2) == kInfinity);
  CHECK(rounding::mul_up(-2, kInfinity) == -kInfinity);
  CHECK(rounding::add_down(-kInfinity, kMax) == -kInfinity);
  CHECK(rounding::add_up(kInfinity, -kMax) == kInfinity);
  CHECK(rounding::div_down(5, kInfinity) == 0);
  CHECK(rounding::div_up(5, -kInfinity) == 0);
  CHECK(rounding::div_down(kInfinity, -2) == -kInfinity);
  CHECK(rounding::sqrt_up(kInfinity) == kInfinity);
  CHECK(rounding::sqrt_down(kInfinity) == kInfinity);
  CHECK(rounding::fma_down(0, kInfinity, 3) == 3);
  CHECK(rounding::fma_down(1, 1, -kInfinity) == -kInfinity);
  CHECK(rounding::fma_up(1e300, 1e300, -kInfinity) == -kInfinity);
}

TEST_CASE("rounding: where a limit is not unique, the bound is the widest") {
  CHECK(rounding::add_down(kInfinity, -kInfinity) == -kInfinity);
  CHECK(rounding::add_up(kInfinity, -kInfinity) == kInfinity);
  CHECK(rounding::div_down(kInfinity, kInfinity) == 0);
  CHECK(rounding::div_up(kInfinity, kInfinity) == kInfinity);
  CHECK(rounding::div_down(-kInfinity, kInfinity) == -kInfinity);
  CHECK(rounding::div_up(-kInfinity, kInfinity) == 0);
  for (const double a : {-1.0, 0.0, 1.0, kInfinity}) {
    CHECK(rounding::div_down(a, 0.0) == -kInfinity);
    CHECK(rounding::div_up(a, -0.0) == kInfinity);
  }
}

TEST_CASE("rounding: NaN gives NaN") {
  for (const double v : {0.0, 1.0, kInfinity, kNan}) {
    for (const auto op :
         {rounding::add_down, rounding::add_up, rounding::sub_down, rounding::sub_up,
          rounding::mul_down, rounding::mul_up, rounding::div_down, rounding::div_up}) {
      CHECK(std::isnan(op(v, kNan)));
      CHECK(std::isnan(op(kNan, v)));
    }
    CHECK(std::isnan(rounding::fma_down(v, 1, kNan)));
    CHECK(std::isnan(rounding::fma_up(kNan, v, 1)));
    CHECK(std::isnan(rounding::fma_up(v, kNan, 0)));
  }
  CHECK(std::isnan(rounding::sqrt_down(kNan)));
  CHECK(std::isnan(rounding::sqrt_up(-1)));
}
