#include "numgeom/shadow/enclosure.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "numgeom/arithmetic/ball.hpp"
#include "numgeom/arithmetic/interval.hpp"
#include "numgeom/error.hpp"

using namespace numgeom;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Enclosure enclosure(double lower, double upper) {
  return {BigFloat::exact(lower), BigFloat::exact(upper)};
}

BigFloat parsed(const std::string& text) {
  BigFloat result(400);
  mpfr_set_str(result.get(), text.c_str(), 10, MPFR_RNDN);
  return result;
}

}  // namespace

TEST_CASE("an enclosure that was not computed is the whole line") {
  const Enclosure nothing;
  CHECK_FALSE(nothing.is_bounded());
  CHECK(nothing.width() == kInfinity);
  CHECK(nothing.contains(BigFloat::exact(1e300)));
}

TEST_CASE("undefined and empty sets prove nothing") {
  CHECK_FALSE(Enclosure(sqrt(Interval(-1.0, 4.0))).is_bounded());
  CHECK_FALSE(Enclosure(sqrt(Interval(-2.0))).is_bounded());
  CHECK_FALSE(Enclosure(sqrt(Ball(-2.0))).is_bounded());
  CHECK_FALSE(Enclosure(tanh(Ball(1.0) / Ball(0.0))).is_bounded());
  CHECK(Enclosure(Interval(1.0, 2.0)).is_bounded());
  CHECK(Enclosure(Ball(1.0)).is_bounded());
  const Enclosure ball(Ball(BigFloat::exact(1), Magnitude(0.5)));
  CHECK(ball.contains(BigFloat::exact(0.5)));
  CHECK(ball.contains(BigFloat::exact(1.5)));
}

TEST_CASE("bounds in the wrong order or NaN are refused") {
  CHECK_THROWS_AS(enclosure(2, 1), Error);
  CHECK_THROWS_AS(enclosure(std::nan(""), 1), Error);
}

TEST_CASE("a certified error holds for every point of the enclosure") {
  const Enclosure x = enclosure(1, 3);
  CHECK(certified_error(0, x).lower == 1);
  CHECK(certified_error(0, x).upper == 3);
  CHECK(certified_error(2.5, x).lower == 0);
  CHECK(certified_error(2.5, x).upper == 1.5);
  CHECK(certified_error(7, x).lower == 4);
  CHECK(certified_error(7, x).upper == 6);
}

TEST_CASE("certified errors are rounded outward") {
  BigFloat third(200);
  mpfr_set_ui(third.get(), 1, MPFR_RNDN);
  mpfr_div_ui(third.get(), third.get(), 3, MPFR_RNDN);
  const CertifiedError error = certified_error(0, {third, third});
  CHECK(mpfr_cmp_d(third.get(), error.lower) > 0);
  CHECK(mpfr_cmp_d(third.get(), error.upper) < 0);
  CHECK(error.upper == std::nextafter(error.lower, 1));
  // The farther end below and above the computed value.
  BigFloat distance(200);
  mpfr_ui_sub(distance.get(), 1, third.get(), MPFR_RNDN);
  CHECK(mpfr_cmp_d(distance.get(), certified_error(1, {third, BigFloat::exact(1)}).upper) < 0);
  CHECK(mpfr_cmp_d(third.get(), certified_error(0, {BigFloat::exact(0), third}).upper) < 0);
}

TEST_CASE("the ratio of certified bounds is rounded up") {
  for (int k = 1; k < 60; ++k) {
    const CertifiedError error{k * 0.1, k * 0.1 + 0.7};
    BigFloat ratio(300);
    mpfr_set_d(ratio.get(), error.upper, MPFR_RNDN);
    mpfr_div(ratio.get(), ratio.get(), BigFloat::exact(error.lower).get(), MPFR_RNDD);
    CHECK(mpfr_cmp_d(ratio.get(), error.tightness()) <= 0);
    CHECK(mpfr_cmp_d(ratio.get(), std::nextafter(error.tightness(), 0)) > 0);
  }
  CHECK(CertifiedError{0, 0}.tightness() == 1);
  CHECK(CertifiedError{0, 1}.tightness() == kInfinity);
}

TEST_CASE("widths are rounded up") {
  BigFloat upper(200);
  mpfr_set_d(upper.get(), 1, MPFR_RNDN);
  mpfr_add_d(upper.get(), upper.get(), 0x1p-100, MPFR_RNDN);
  CHECK(Enclosure(BigFloat::exact(0), upper).width() == 1 + 0x1p-52);
  CHECK(Enclosure(BigFloat::exact(-1e308), BigFloat::exact(1e308)).width() == kInfinity);
}

TEST_CASE("nothing is certified about a diverged run or from an unbounded enclosure") {
  CHECK(certified_error(std::nan(""), enclosure(1, 2)).upper == kInfinity);
  CHECK(certified_error(kInfinity, enclosure(1, 2)).upper == kInfinity);
  CHECK(certified_error(1, Enclosure()).upper == kInfinity);
  CHECK(certified_error(1, Enclosure()).lower == 0);
  CHECK(certified_error(std::nan(""), enclosure(1, 2)).tightness() == kInfinity);
  CHECK(certified_error(1.5, enclosure(1, 2)).tightness() == kInfinity);
}

TEST_CASE("decimal strings bound the enclosure from outside") {
  for (int k = 0; k < 200; ++k) {
    const double lower = std::sin(k) * std::pow(10.0, k % 9 - 7);
    const Enclosure x = enclosure(lower, lower + std::ldexp(1.0, -5 - k % 35));
    CHECK(mpfr_lessequal_p(parsed(x.lower_string()).get(), x.lower.get()) != 0);
    CHECK(mpfr_greaterequal_p(parsed(x.upper_string()).get(), x.upper.get()) != 0);
    BigFloat printed_width(100);
    mpfr_sub(printed_width.get(), parsed(x.upper_string()).get(), parsed(x.lower_string()).get(),
             MPFR_RNDU);
    CHECK(printed_width.to_double() <= 1.25 * x.width());
  }
}

TEST_CASE("certified digits are what both bounds share") {
  CHECK(enclosure(0.486006, 0.486008).digits().substr(0, 7) == "0.48600");
  CHECK(enclosure(1.25, 1.25).digits(4) == "1.2500");
  CHECK(enclosure(-0.5, 0.5).digits(1) == "[-0.5,0.5]");
  CHECK(enclosure(9.5, 10.5).digits(1) == "[9.5,10.5]");
  CHECK(Enclosure().digits() == "[-inf,inf]");
  // Fewer places are rounded outward, not cut off.
  CHECK(enclosure(0.12, 0.19).digits(1) == "0.[1,2]");
}
